// Numbers of few digits, which are read eight characters at a time: as std::from_chars reads them.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>
#include <string>

#include "../src/files/readers/text_file.hpp"
#include "catch.hpp"
#include "gcmc/base/digits.hpp"

using namespace gcmc;

namespace {

/// Texts of up to `most` of some characters: all of up to three, and some longer ones.
std::vector<std::string> texts_of(const std::string& characters, std::size_t most) {
  std::vector<std::string> texts = {""};
  for (std::size_t k = 0; k < texts.size(); ++k)
    if (texts[k].size() < 3)
      for (const char c : characters) texts.push_back(texts[k] + c);
  std::mt19937 random(1);
  for (int k = 0; k < 20000; ++k) {
    std::string text;
    for (std::size_t size = random() % (most + 1); text.size() < size;)
      text += characters[random() % characters.size()];
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

TEST_CASE("up to sixteen digits are a number, and nothing else is", "[files]") {
  const std::string characters = GENERATE("0123456789", "01239/:", "09\xB0 \x01\xFF");
  for (const std::string& text : texts_of(characters, 18)) {
    const bool digits = !text.empty() && text.size() <= 16 &&
                        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    std::uint64_t value = 0, expected = 0;
    INFO('\'' << text << '\'');
    REQUIRE(read_digits(text, value) == digits);
    if (!digits) continue;
    std::from_chars(text.data(), text.data() + text.size(), expected);
    REQUIRE(value == expected);
  }
}

TEST_CASE("a short decimal is the number that std::from_chars reads behind a plus, to the last bit", "[files]") {
  const std::string characters = GENERATE("0123456789.", "05.", "19.e-+", "7.,/:\xAE");
  for (const std::string& text : texts_of(characters, 12)) {
    double value = 0, expected = 0;
    const bool plus = text.starts_with('+') && !text.starts_with("+-");
    const auto [end, code] = std::from_chars(text.data() + plus, text.data() + text.size(), expected);
    const bool number = code == std::errc() && end == text.data() + text.size() && std::isfinite(expected);
    INFO('\'' << text << '\'');
    REQUIRE(parse_number(text, value) == number);
    if (!number) continue;
    REQUIRE(value == expected);
    REQUIRE(!std::signbit(value == 0 ? value : 1));
  }
}
