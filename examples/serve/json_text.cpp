#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gcmc/model/answer_text.hpp"

namespace serve {
namespace {

bool is_plain(char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; }

template <class Number>
void append_shortest(std::string& text, Number value) {
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  if (std::isfinite(value))
    text.append(digits.data(), end.ptr);
  else
    text += "null";
}

}  // namespace

void JsonText::begin_value() {
  if (!first_) text_ += ',';
  first_ = false;
}

JsonText& JsonText::open(char bracket) {
  begin_value();
  text_ += bracket;
  first_ = true;
  return *this;
}
JsonText& JsonText::close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}
JsonText& JsonText::key(std::string_view name) {
  begin_value();
  text_ += '"';
  text_ += name;
  text_ += "\":";
  first_ = true;
  return *this;
}
JsonText& JsonText::string(std::string_view value) {
  begin_value();
  if (std::all_of(value.begin(), value.end(), is_plain)) {
    text_ += '"';
    text_ += value;
    text_ += '"';
  } else {
    text_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return *this;
}
JsonText& JsonText::number(double value, int decimals) {
  begin_value();
  if (std::isfinite(value))
    gcmc::append_fixed(text_, value, decimals);
  else
    text_ += "null";
  return *this;
}
JsonText& JsonText::number(double value) {
  begin_value();
  append_shortest(text_, value);
  return *this;
}
JsonText& JsonText::number(float value) {
  begin_value();
  append_shortest(text_, value);
  return *this;
}
JsonText& JsonText::integer(long long value) {
  begin_value();
  text_ += std::to_string(value);
  return *this;
}
JsonText& JsonText::boolean(bool value) {
  begin_value();
  text_ += value ? "true" : "false";
  return *this;
}

}  // namespace serve
