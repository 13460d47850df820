// Text files, plain or gzipped, line by line; fields, numbers, and errors that name file and line.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "byte_source.hpp"
#include "data_limit.hpp"
#include "gcmc/base/digits.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// A field fit to be shown in a message, at most 40 bytes of it: no control characters; of what is no UTF-8, ASCII.
inline std::string shown(std::string_view field) {
  std::size_t size = std::min<std::size_t>(field.size(), 40);
  while (size < field.size() && size > 36 && (field[size] & 0xC0) == 0x80) --size;  // no part of a character
  std::string text(field.substr(0, size));
  const bool others = is_utf8(text);
  for (char& c : text)
    if ((c >= 0 && c < ' ') || c == 0x7F || (c < 0 && !others)) c = '?';
  if (field.size() > text.size()) text += "...";
  return "'" + text + "'";
}

/// Some lines of a file, the last one whole.
struct TextPiece {
  std::string text;
  Offset lines_before = 0;
  Offset bytes = 0;  ///< of the whole file, as far as they are known
};

/// The lines of a file (or of standard input, "-") without their LF or CRLF, and without a byte order mark. A last line
/// needs no line end; empty lines are passed over.
class TextFile {
 public:
  /// `limit` bounds the memory of lines.
  TextFile(const std::filesystem::path& path, DataLimit& limit)
      : limit_(limit),
        source_(std::in_place, path.string(), limit),
        path_(source_->name()),
        buffer_(initial_size),
        unread_(buffer_.data(), 0) {}

  /// The lines of a piece of the file at `path`. The piece must outlive it.
  TextFile(const std::string& path, const TextPiece& piece, DataLimit& limit)
      : limit_(limit), path_(path), unread_(piece.text), begun_(true), line_number_(piece.lines_before) {}

  /// The view is valid until the next call. Throws InputError if the gzip data is damaged, FileError if the
  /// file cannot be read.
  bool next(std::string_view& line) {
    do {
      if (!next_any(line)) return false;
    } while (line.empty());
    return true;
  }

  /// As next(), but empty lines are lines too.
  bool next_any(std::string_view& line) {
    const std::size_t size = size_of_lines(0);
    if (size == 0) return false;
    line = unread_.substr(0, size);
    unread_.remove_prefix(size);
    ++line_number_;
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
  }

  /// The text that comes next, some lines of it, which stay to be read; `whole` says whether it is all.
  std::string_view peek(bool& whole) {
    const std::size_t size = size_of_lines(peeked_size);
    whole = size < peeked_size || (size == unread_.size() && !refill());
    return unread_;
  }

  /// What of the text that comes next is there already, and the passing over its first line, of `size` bytes.
  std::string_view unread() const { return unread_; }
  void pass_line(std::size_t size) {
    unread_.remove_prefix(size);
    ++line_number_;
  }

  /// Appends the lines that come next, `size` bytes of them and the rest of the last one. False at the end.
  bool take_lines(std::size_t size, std::string& text) {
    size = size_of_lines(size);
    const std::string_view lines = unread_.substr(0, size);
    text += lines;
    unread_.remove_prefix(size);
    line_number_ += std::count(lines.begin(), lines.end(), '\n') + (size > 0 && !lines.ends_with('\n'));
    return size > 0;
  }

  Offset line_number() const { return line_number_; }
  const std::string& path() const { return path_; }
  DataLimit& limit() const { return limit_; }

  /// Runs `use` on what the line holds: an InputError of its gets the file and the line, but where the file as a whole
  /// is too large.
  template <class Use>
  void with_place(const Use& use) const {
    try {
      use();
    } catch (const DataLimit::Exceeded&) {
      throw;
    } catch (const InputError& problem) {
      throw InputError(place() + problem.what());
    }
  }

  /// `what` is wrong; `expected` says what would be right.
  [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
    throw InputError(place() + what + ", " + expected + " was expected");
  }
  /// "file:line: ", of a record that began `lines_before` lines ago.
  std::string place(Offset lines_before = 0) const {
    return path() + ":" + std::to_string(line_number_ - lines_before) + ": ";
  }

 private:
  static constexpr std::size_t peeked_size = 1 << 16, initial_size = 1 << 18;
  static constexpr std::string_view mark = "\xEF\xBB\xBF";

  /// Of what comes next, up to the first line end behind `least` bytes, or to the end of the file; read by then.
  std::size_t size_of_lines(std::size_t least) {
    for (std::size_t scanned = least > 0 ? least - 1 : 0;;) {
      if (const std::size_t end = unread_.find('\n', scanned); end != std::string_view::npos) return end + 1;
      scanned = std::max(scanned, unread_.size());
      if (!refill()) return unread_.size();
    }
  }

  /// Reads more behind what is unread. False at the end of the file.
  bool refill() {
    if (!source_) return false;
    const std::size_t before = unread_.size();
    std::memmove(buffer_.data(), unread_.data(), before);
    if (before == buffer_.size()) {
      limit_.take(static_cast<Offset>(2 * buffer_.size()));
      buffer_.resize(2 * buffer_.size());
    }
    std::size_t filled = before, count = 0;
    do {
      count = source_->read(buffer_.data() + filled, buffer_.size() - filled);
      filled += count;
    } while (count > 0 && !begun_ && filled < mark.size());
    unread_ = {buffer_.data(), filled};
    if (!std::exchange(begun_, true) && unread_.starts_with(mark)) unread_.remove_prefix(mark.size());
    return filled > before;
  }

  DataLimit& limit_;
  std::optional<ByteSource> source_;  ///< none: what is unread is all
  std::string path_;
  std::vector<char> buffer_;
  std::string_view unread_;
  bool begun_ = false;
  Offset line_number_ = 0;
};

/// Cuts `line` at every `separator`.
inline void cut(std::string_view line, std::string_view separator, std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    const std::size_t end = line.find(separator);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + separator.size());
  }
}

/// Reads the next line and cuts it into exactly `columns` fields. False at the end of the file.
inline bool next_fields(TextFile& file, std::string_view separator, std::size_t columns,
                        std::vector<std::string_view>& fields) {
  std::string_view line;
  if (!file.next(line)) return false;
  cut(line, separator, fields);
  if (fields.size() != columns)
    file.fail(std::to_string(fields.size()) + (fields.size() == 1 ? " column" : " columns"),
              std::to_string(columns) + " separated by " +
                  (separator == "\t" ? std::string("tabs") : std::string(separator)));
  return true;
}

/// The whole field as a number in [lowest, highest].
inline Offset read_integer(const TextFile& file, std::string_view field, const char* name, Offset lowest,
                           Offset highest) {
  Offset value = 0;
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (code != std::errc() || end != field.data() + field.size() || value < lowest || value > highest)
    file.fail(std::string(name) + " is " + shown(field),
              "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  return value;
}

/// At most seven characters, digits and perhaps a point among them, as exactly as std::from_chars reads them. False for
/// other text.
inline bool parse_short_decimal(std::string_view field, double& value) {
  const std::size_t size = field.size();
  if (size - 1 >= 7) return false;
  const std::uint64_t word = word_of(field.data(), size), unlike = word ^ 0x2E2E2E2E2E2E2E2E;
  const auto marked = (unlike - 0x0101010101010101) & ~unlike & 0x8080808080808080;  // at the first point
  const std::size_t point = std::min(static_cast<std::size_t>(std::countr_zero(marked)) / 8, size);
  const std::size_t digits = size - (point < size);
  const std::uint64_t before = (std::uint64_t{1} << 8 * point) - 1;
  std::uint64_t number = 0;
  if (digits == 0 || !digits_of_word((word & before) | (word >> 8 & ~before), digits, number)) return false;
  static constexpr std::array<double, 8> powers = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
  value = static_cast<double>(number) / powers[digits - point];
  return true;
}

/// The whole field as a finite number, perhaps with a sign, -0 as 0. False if it is none.
inline bool parse_number(std::string_view field, double& value) {
  if (parse_short_decimal(field, value)) return true;
  if (field.starts_with('+') && !field.starts_with("+-")) field.remove_prefix(1);
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
  value += 0.0;
  return code == std::errc() && end == field.data() + field.size() && std::isfinite(value);
}

inline double read_rating(const TextFile& file, std::string_view field) {
  double value = 0;
  if (!parse_number(field, value)) file.fail("the rating is " + shown(field), "a finite number such as 4 or 3.5");
  return value;
}

/// folder/name or folder/name.gz, whichever is there (the plain one first); empty if neither is.
inline std::filesystem::path find_file(const std::filesystem::path& folder, std::string_view name) {
  for (const char* ending : {"", ".gz"}) {
    const std::filesystem::path path = folder / (std::string(name) + ending);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return {};
}

}  // namespace gcmc
