#include "rating_fields.hpp"

#include <algorithm>
#include <charconv>

#include "gcmc/base/text.hpp"
#include "rating_collector.hpp"

namespace gcmc {
namespace {

/// ASCII that can be seen: most ids.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

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
  report_.decimal_comma |= field.find(',') != std::string_view::npos;
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
  double value = 0;
  if (parse_number(field, value)) return value;
  if (field.size() < 8 || field[0] < '0' || field[0] > '9') return no_time;
  // A date's parts from year to second: numbers of which each later one matters less.
  double time = 0;
  int parts = 0;
  for (; !field.empty() && parts < 6; ++parts) {
    const auto digits = std::min(field.find_first_not_of("0123456789"), field.size());
    if (digits == 0 || digits > 4 || !parse_number(field.substr(0, digits), value)) return no_time;
    time = 100 * time + value;
    field.remove_prefix(digits);
    if (!field.empty()) field.remove_prefix(1);
  }
  if (parts < 3) return no_time;
  for (; parts < 6; ++parts) time *= 100;
  return time;
}

}  // namespace gcmc
