#include "rating_fields.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "gcmc/base/text.hpp"
#include "rating_collector.hpp"

namespace gcmc {
namespace {

/// ASCII that can be seen: most ids.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// A date, and a time of day if there is one, as the digits of yyyymmddhhmmss in UTC.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : left_(text) {}

  /// Of 2020-01-31, 2020/1/31 or 31.1.2020, with or without 23:59, 23:59:59, 23:59:59.999 or 11:59 PM behind a space or
  /// a T, and Z or an offset such as +02:00; other words behind it are passed over. no_time for anything else: of two
  /// numbers between slashes nobody knows which is the month.
  double time() {
    using namespace std::chrono;
    if (!read_date() || !read_time_of_day()) return no_time;
    const auto date = year{parts_[0]} / parts_[1] / parts_[2];
    if (!date.ok() || parts_[3] > 24 || parts_[4] > 59 || parts_[5] > 60) return no_time;
    const sys_seconds second = sys_days{date} + hours{parts_[3]} + minutes{parts_[4] - offset_} + seconds{parts_[5]};
    const auto day = floor<days>(second);
    const year_month_day utc{day};
    const hh_mm_ss of_day{second - day};
    double digits = int{utc.year()};
    for (const long part : {long{unsigned{utc.month()}}, long{unsigned{utc.day()}}, long{of_day.hours().count()},
                            long{of_day.minutes().count()}, long{of_day.seconds().count()}})
      digits = 100 * digits + static_cast<double>(part);
    return digits;
  }

 private:
  /// How many digits there are; the first five make `number`.
  std::size_t take(int& number) {
    std::size_t digits = 0;
    for (number = 0; digits < left_.size() && left_[digits] >= '0' && left_[digits] <= '9'; ++digits)
      if (digits < 5) number = 10 * number + (left_[digits] - '0');
    left_.remove_prefix(digits);
    return digits;
  }
  bool take(std::string_view any_of) {
    if (left_.empty() || any_of.find(left_[0]) == std::string_view::npos) return false;
    left_.remove_prefix(1);
    return true;
  }

  bool read_date() {
    std::size_t digits[3];
    digits[0] = take(parts_[0]);
    const bool dots = left_.starts_with('.');
    for (int k = 1; k < 3; ++k)
      if (digits[k - 1] == 0 || !take("-/._") || (digits[k] = take(parts_[k])) == 0) return false;
    if (dots && digits[0] <= 2 && digits[2] == 4) {
      std::swap(parts_[0], parts_[2]);
      std::swap(digits[0], digits[2]);
    }
    return digits[0] == 4 && digits[1] <= 2 && digits[2] <= 2;
  }

  bool read_time_of_day() {
    if (left_.empty() || !take(" Tt-:_")) return left_.empty();
    for (int k = 3; k < 6; ++k) {
      const std::size_t digits = take(parts_[k]);
      if (digits == 0 && k == 3) break;  // words alone
      if (digits == 0 || digits > 2) return false;
      if (k == 5 || !take(":.")) break;
    }
    int fraction = 0;
    if (take(".,")) take(fraction);
    left_ = trimmed(left_);
    const auto begins = [&](char c) { return left_.size() >= 2 && (left_[0] | 0x20) == c && (left_[1] | 0x20) == 'm'; };
    if ((begins('a') || begins('p')) && parts_[3] <= 12) parts_[3] = parts_[3] % 12 + (begins('p') ? 12 : 0);
    return read_offset();
  }

  bool read_offset() {
    const bool minus = left_.starts_with('-');
    if (!take("+-")) return true;
    int hours = 0, minutes = 0;
    const std::size_t digits = take(hours);
    if (digits == 4)
      minutes = hours % 100, hours /= 100;
    else if (digits != 2)
      return false;
    else if (take(":"))
      take(minutes);
    offset_ = (minus ? -1 : 1) * (60 * hours + minutes);
    return true;
  }

  std::string_view left_;
  int parts_[6] = {};  ///< from year to second
  int offset_ = 0;     ///< minutes before UTC
};

}  // namespace

std::string_view in_utf8(std::string_view text, std::string& room) {
  if (is_plain(text) || is_utf8(text)) return text;
  room.clear();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) room += static_cast<char>(0xC0 | byte >> 6);
    room += byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3F)) : c;
  }
  return room;
}

bool parse_decimal(std::string_view field, double& value, std::string& room) {
  if (parse_number(field, value)) return true;
  if (field.find('.') != std::string_view::npos) return false;
  room = field;
  std::replace(room.begin(), room.end(), ',', '.');
  return parse_number(room, value);
}

std::string_view IdReader::read(const Records& records, std::string_view field, const char* role) {
  const std::string_view id = trimmed(field);
  if (id.empty()) records.fail(std::string("the ") + role + " id is empty", "some text");
  report_.trimmed_ids += id.size() != field.size();
  if (is_plain(id)) return id;
  if (id.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
    records.fail(std::string("the ") + role + " id " + shown(id) + " holds a line break or a zero byte",
                 "text on one line");
  const std::string_view text = in_utf8(id, text_);
  report_.latin1_ids += text.data() != id.data();
  return text;
}

ValueReader::ValueReader(const ReadOptions& options, ReadReport& report)
    : report_(report),
      not_rated_(trimmed(options.not_rated)),
      marked_(!not_rated_.empty()),
      point_(options.decimal != ","),
      comma_(options.decimal != ".") {
  require(options.decimal.empty() || options.decimal == "." || options.decimal == ",",
          [&] { return "decimal " + shown(options.decimal) + " is not . or ,"; });
  marked_by_number_ = parse_number(not_rated_, not_rated_value_);
}

bool ValueReader::parse(std::string_view field, double& value) {
  if (point_ && parse_number(field, value)) return true;
  if (!comma_ || !parse_decimal(field, value, text_)) return false;
  if (const std::size_t comma = field.find(','); comma != std::string_view::npos) {
    report_.decimal_comma = true;
    report_.short_decimals |= field.size() - comma - 1 != 3;
  }
  return true;
}

bool ValueReader::read(const Records& records, std::string_view field, double& value) {
  field = trimmed(field);
  const bool number = parse(field, value);
  if (is_not_rated(field, number ? value : no_time)) {
    ++report_.not_rated;
    return false;
  }
  if (!number)
    records.fail("the rating is " + shown(field),
                 point_ ? "a finite number such as 4 or 3.5" : "a finite number such as 4 or 3,5");
  return true;
}

double parse_time(std::string_view field) {
  field = trimmed(field);
  if (std::uint64_t seconds = 0; read_digits(field, seconds)) return static_cast<double>(seconds);
  Offset seconds = 0;
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), seconds);
  if (code == std::errc() && end == field.data() + field.size()) return static_cast<double>(seconds);
  if (double value = 0; parse_number(field, value)) return value;
  return DateReader(field).time();
}

}  // namespace gcmc
