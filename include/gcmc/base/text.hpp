// Text without what is around it, made fit to be shown, or to be a field of a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace gcmc {

/// `text` without the blanks and tabs around it.
inline std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  return text;
}

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  ///< that it takes; 0: the text does not begin with UTF-8
};

/// The first code point of `text`, which is not empty (RFC 3629: no overlong forms, surrogates or values past 10FFFF).
inline CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < bytes) return {};
  auto value = static_cast<char32_t>(lead & (0xFF >> (bytes + 1)));
  for (std::size_t k = 1; k < bytes; ++k) {
    if ((byte(k) & 0xC0) != 0x80) return {};
    value = value << 6 | static_cast<char32_t>(byte(k) & 0x3F);
  }
  constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[bytes] || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) return {};
  return {value, bytes};
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = first_code_point(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

/// Does it move the cursor, give a terminal orders, break the line or turn the direction of what follows?
inline bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// `text` on one line that leaves a terminal alone: control characters and bytes that are not UTF-8 become \x1b or
/// \u202e. Of more than `most` bytes the middle is left out. Doing it twice changes nothing more. Cost: one pass.
inline std::string printable(std::string_view text, std::size_t most = std::string::npos) {
  std::string shown;
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    if (c.bytes > 0 && !is_control(c.value)) {
      shown += text.substr(0, c.bytes);
    } else {
      const bool wide = c.bytes > 0 && c.value > 0xFF;
      const auto value = c.bytes > 0 ? static_cast<unsigned>(c.value) : static_cast<unsigned char>(text[0]);
      std::array<char, 16> code{};
      std::snprintf(code.data(), code.size(), wide ? "\\u%04x" : "\\x%02x", value);
      shown += code.data();
    }
    text.remove_prefix(c.bytes > 0 ? c.bytes : 1);
  }
  if (shown.size() <= most) return shown;
  const auto inside = [&](std::size_t k) { return k < shown.size() && (shown[k] & 0xC0) == 0x80; };
  std::size_t head = most / 4 * 3, tail = shown.size() - most / 4;
  while (inside(head)) --head;
  while (inside(tail)) ++tail;
  return shown.substr(0, head) + " [...] " + shown.substr(tail);
}

/// A field of a CSV file, in quotes where it needs them (RFC 4180), behind what `to` has.
inline void append_csv_field(std::string& to, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    to += text;
    return;
  }
  to += '"';
  for (const char c : text) {
    if (c == '"') to += '"';
    to += c;
  }
  to += '"';
}

/// A number of things, its thousands parted by commas: 12,345.
inline std::string count_text(long long value) {
  std::string text = std::to_string(value);
  for (auto end = static_cast<std::ptrdiff_t>(text.size()) - 3; end > (value < 0 ? 1 : 0); end -= 3)
    text.insert(static_cast<std::size_t>(end), ",");
  return text;
}

}  // namespace gcmc
