// The fields of a rating: ids in one form whatever the file's, values with a point or a comma, times.
#pragma once

#include <string>
#include <string_view>

#include "gcmc/files/read_options.hpp"
#include "records.hpp"

namespace gcmc {

/// Text in UTF-8: what is none is taken for latin-1, and made into `room`.
std::string_view in_utf8(std::string_view text, std::string& room);

/// A field as a finite number with a decimal point or comma. False if it is none.
bool parse_decimal(std::string_view field, double& value, std::string& room);

/// Ids without the blanks around them, in UTF-8: what is no UTF-8 is taken for latin-1. So an id is the same in every
/// file and command.
class IdReader {
 public:
  explicit IdReader(ReadReport& report) : report_(report) {}

  /// Valid until the next call. Throws BadLine for an id that is empty or not of one line; `role` is user or item.
  std::string_view read(const Records& records, std::string_view field, const char* role);

 private:
  ReadReport& report_;
  std::string text_;
};

class ValueReader {
 public:
  ValueReader(const ReadOptions& options, ReadReport& report);

  /// False for what stands for "not rated", which is counted. Throws BadLine for what is no finite number.
  bool read(const Records& records, std::string_view field, double& value);

  /// The same of a field that may be no number. False then.
  bool parse(std::string_view field, double& value);
  bool is_not_rated(std::string_view field, double value) const {
    return marked_ && (field == not_rated_ || (marked_by_number_ && value == not_rated_value_));
  }

 private:
  ReadReport& report_;
  std::string not_rated_;
  bool marked_, marked_by_number_ = false, point_, comma_;
  double not_rated_value_ = 0;
  std::string text_;
};

/// Seconds, or a date such as 2005-09-06 or 2011-05-01T12:30:00 in an order that grows with it; no_time for others.
double parse_time(std::string_view field);

}  // namespace gcmc
