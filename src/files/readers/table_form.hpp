// The form of a table by its first lines: what separates its fields, and whether the first line names them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "columns.hpp"
#include "gcmc/files/read_options.hpp"
#include "records.hpp"

namespace gcmc {

inline constexpr std::size_t most_columns = 65536;

struct TableForm {
  Separator separator{","};
  bool header = false;
  bool named = false;              ///< by the header's fields the wanted columns are known
  bool empty = true;               ///< there is no line
  std::vector<std::string> names;  ///< the header's fields
  std::vector<std::string> first;  ///< the fields of the first record of one line that is not the header
};

/// `text` is the file's beginning, its last line cut off unless it is `whole`; `told` is what the user said of columns.
TableForm detect_form(std::string_view text, bool whole, const ReadOptions& options,
                      const std::vector<WantedColumn>& wanted, const std::map<std::string, std::string>& told);

/// The fields of each of the first lines; none for a line whose quotes are wrong or go on in the next.
std::vector<std::vector<std::string>> first_records(std::string_view text, bool whole, const Separator& separator);

/// Is it a number, with a decimal point or comma?
bool is_number(std::string_view field);

/// Position of the field that the user called so: by name, or counted from 1. no_column if it is neither.
std::size_t told_position(const std::string& told, const std::vector<std::string>& fields, bool by_name);

}  // namespace gcmc
