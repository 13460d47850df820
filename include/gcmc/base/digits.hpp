// Digits as numbers, eight at a time: without a loop over characters, whose end no processor can foretell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gcmc {

/// `count` characters at `text`, 1 to 8: the first one in the lowest byte, zeros above the last.
inline std::uint64_t word_of(const char* text, std::size_t count) {
  const auto byte = [&](std::size_t k) { return std::uint64_t{static_cast<unsigned char>(text[k])}; };
  const auto four = [&](std::size_t k) { return byte(k) | byte(k + 1) << 8 | byte(k + 2) << 16 | byte(k + 3) << 24; };
  if (count >= 4) return four(0) | four(count - 4) << 8 * (count - 4);
  return byte(0) | byte(count / 2) << 8 * (count / 2) | byte(count - 1) << 8 * (count - 1);
}

/// The value of a word_of() `count` characters; false if one is no digit.
inline bool digits_of_word(std::uint64_t word, std::size_t count, std::uint64_t& value) {
  std::uint64_t digits = (word ^ 0x3030303030303030) << (64 - 8 * count);  // leading zeros below
  if (((digits + 0x7676767676767676) | digits) & 0x8080808080808080) return false;
  digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FF;
  digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFF;
  value = (digits * 10000 + (digits >> 32)) & 0xFFFFFFFF;
  return true;
}

/// The value of 1 to 16 digits and nothing else. False for any other text.
inline bool read_digits(std::string_view text, std::uint64_t& value) {
  const std::size_t size = text.size(), high = size - 8;
  if (size - 1 >= 16) return false;
  if (size <= 8) return digits_of_word(word_of(text.data(), size), size, value);
  std::uint64_t low = 0;
  if (!digits_of_word(word_of(text.data(), high), high, value) ||
      !digits_of_word(word_of(text.data() + high, 8), 8, low))
    return false;
  value = value * 100000000 + low;
  return true;
}

}  // namespace gcmc
