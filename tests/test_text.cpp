// Text of strangers: what is UTF-8, and what is shown of it.
#include <array>
#include <string>

#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/base/text.hpp"

using namespace gcmc;

namespace {

/// UTF-8 of a code point, by the table of RFC 3629.
std::string encoded(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
}

}  // namespace

TEST_CASE("every code point but surrogates is UTF-8, and is read back", "[text]") {
  std::size_t wrong = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const CodePoint read = first_code_point(encoded(c));
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    wrong += surrogate ? read.bytes != 0 : read.value != c || read.bytes != encoded(c).size();
  }
  CHECK(wrong == 0);
}

TEST_CASE("overlong forms, cut ones, lone bytes and values beyond the last are not UTF-8", "[text]") {
  for (const char* text :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
        "\xF8\x88\x80\x80\x80", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3\x28", "caf\xE9"})
    CHECK_FALSE(is_utf8(text));
  for (const char* text : {"", "plain", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) CHECK(is_utf8(text));
}

TEST_CASE("what is shown leaves a terminal alone, and can be told from what was there", "[text]") {
  CHECK(printable("Caf\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80, 4.5") ==
        "Caf\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80, 4.5");
  CHECK(printable("\x1b]0;title\x07") == "\\x1b]0;title\\x07");
  CHECK(printable("a\r\nb\tc\x7f") == "a\\x0d\\x0ab\\x09c\\x7f");
  CHECK(printable("\xC2\x9B"
                  "31m") == "\\x9b31m");  // CSI as one character
  CHECK(printable("\xE2\x80\xAE"
                  "gpj") == "\\u202egpj");    // right to left
  CHECK(printable("caf\xE9") == "caf\\xe9");  // Latin-1
  CHECK(printable(std::string("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("any bytes become one line of printable UTF-8, and doing it twice changes nothing", "[text]") {
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(random.below(60), ' ');
    for (char& c : bytes) c = static_cast<char>(random.below(4) ? random.bits() : 0xE2);
    const std::string shown = printable(bytes, 40);
    REQUIRE(is_utf8(shown));
    REQUIRE(shown.size() <= 47);
    for (std::string_view rest = shown; !rest.empty();) {
      const CodePoint c = first_code_point(rest);
      REQUIRE_FALSE(is_control(c.value));
      rest.remove_prefix(c.bytes);
    }
    REQUIRE(printable(printable(bytes)) == printable(bytes));
  }
}

TEST_CASE("the message of an error is one printable line of bounded length, with its beginning and end", "[text]") {
  const InputError error("file\x1b[2J: line\n2: '" + std::string(1000000, 'x') + "' is wrong");
  const std::string message = error.what();
  CHECK(message.size() < 1100);
  CHECK(message.starts_with("file\\x1b[2J: line\\x0a2: 'xxx"));
  CHECK(message.ends_with("xxx' is wrong"));
}
