// A table about users or items, every field of it: features or edges.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "columns.hpp"
#include "gcmc/ratings/builder.hpp"
#include "records.hpp"

namespace gcmc {

/// The first line is a header where it has RecBole's types; or where it does not begin with a known id, and names a
/// wanted column, has no numbers, or text above a column of numbers. The wanted columns are found by name, or are the
/// first ones.
class SideTable {
 public:
  SideTable(const std::string& path, const std::vector<WantedColumn>& wanted, const IdTable& known, DataLimit& limit);

  /// False at the end. Throws BadLine for a record of another number of fields.
  bool next();

  std::size_t columns() const { return columns_; }
  bool has_header() const { return header_; }
  /// Of a wanted column; no_column if it is an optional one that is not there.
  std::size_t position(std::size_t wanted) const { return positions_[wanted]; }
  /// The field without the blanks around it.
  std::string_view operator[](std::size_t column) const { return trimmed(records_[column]); }

  /// "age" of a header's "age:float", or "column 2".
  std::string name(std::size_t column) const;
  /// "float" of it; empty where there is none.
  std::string type(std::size_t column) const;
  /// "header, separator ,".
  std::string form() const;
  const Records& records() const { return records_; }

 private:
  void find_columns(const std::vector<WantedColumn>& wanted, const std::vector<std::vector<std::string>>& sample);

  Records records_;
  bool header_ = false;
  std::size_t columns_ = 0;
  std::vector<std::string> names_;  ///< the header's
  std::vector<std::size_t> positions_;
};

/// A user, or an item, as a sentence has it.
inline std::string one_of(const std::string& side) { return (side == "item" ? "an " : "a ") + side; }

/// What stands for a value that is not known.
bool is_missing(std::string_view field);

}  // namespace gcmc
