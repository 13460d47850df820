// A table in a text file: its columns, and its records one after the other.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "columns.hpp"
#include "gcmc/files/read_options.hpp"
#include "records.hpp"
#include "table_form.hpp"

namespace gcmc {

/// Where a table's columns are.
struct FoundColumns {
  Separator separator{","};
  std::vector<std::string> names;      ///< the header's fields; none: there is no header
  std::vector<std::size_t> positions;  ///< of each wanted column
  std::size_t count = 0, kept = 0;     ///< fields of a record, and those of them that are kept
};

class Table {
 public:
  /// How many fields a record has: as many as the header (or the first record), or any that holds what is wanted, and
  /// no more than the header.
  enum class Width { equal, any };

  /// Reads the header, if there is one. Without one, and `before` with one, the columns are those: of a table whose
  /// first part alone has a header. Throws InputError if the wanted columns are not there, or are not clear.
  Table(const std::string& path, const ReadOptions& options, std::vector<WantedColumn> wanted, DataLimit& limit,
        Width width = Width::equal, const FoundColumns* before = nullptr);

  /// The same columns in a piece that was taken from `whole`, both of which must outlive it.
  Table(const Table& whole, const TextPiece& piece, DataLimit& limit);

  /// Without a header: each line is the field of the first wanted column, whatever separators it holds. Before next().
  void take_lines_whole();

  /// As Records has them.
  bool fits(std::size_t size) { return records_.fits(size); }
  bool take(std::size_t size, TextPiece& piece) { return records_.take(size, piece); }

  /// False at the end. Throws BadLine for a record that has not the right form.
  bool next();

  bool has(std::size_t wanted) const { return columns_.positions[wanted] != no_column; }
  /// The field of a wanted column that is there, with its blanks.
  std::string_view operator[](std::size_t wanted) const { return records_[columns_.positions[wanted]]; }

  bool empty() const { return empty_; }  ///< there is no line
  const Records& records() const { return records_; }
  const FoundColumns& columns() const { return columns_; }
  /// Separator, header and columns into the report.
  void describe(ReadReport& report) const;

 private:
  void find_by_name(const std::map<std::string, std::string>& told);
  void find_by_position(const std::map<std::string, std::string>& told);

  Records records_;
  std::vector<WantedColumn> wanted_;
  Width width_;
  std::vector<std::string> first_;  ///< fields of the first record
  FoundColumns columns_;
  bool empty_ = false;
};

}  // namespace gcmc
