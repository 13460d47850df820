// JSON, written piece by piece: a document tree of a million answers would be many times as large as its text.
#pragma once

#include <string>
#include <string_view>

namespace serve {

/// Appends values to a text; commas come by themselves. Numbers that are not finite are null.
class JsonText {
 public:
  explicit JsonText(std::string& text) : text_(text) {}

  JsonText& open(char bracket);
  JsonText& close(char bracket);
  JsonText& key(std::string_view name);
  JsonText& string(std::string_view value);  ///< bytes that are no UTF-8 become U+FFFD
  JsonText& number(double value, int decimals);
  JsonText& number(double value);  ///< as short as it can be read back
  JsonText& number(float value);
  JsonText& integer(long long value);
  JsonText& boolean(bool value);

 private:
  void begin_value();

  std::string& text_;
  bool first_ = true;
};

}  // namespace serve
