// Text files, plain or gzipped, line by line; fields, numbers, and errors that name file and line.
#pragma once

#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "byte_source.hpp"
#include "data_limit.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// A field fit to be shown in a message: printable ASCII, at most 40 characters.
inline std::string shown(std::string_view field) {
  std::string text(field.substr(0, 40));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  if (field.size() > text.size()) text += "...";
  return "'" + text + "'";
}

/// The lines of a file (or of standard input, "-") without their LF or CRLF, and without a byte order mark. A last line
/// needs no line end; empty lines are passed over.
class TextFile {
 public:
  /// `limit` bounds the memory of lines.
  TextFile(const std::filesystem::path& path, DataLimit& limit)
      : limit_(limit), source_(path.string(), limit), buffer_(initial_size) {}

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
    std::size_t scanned = 0;
    const char* line_end = nullptr;
    while (!(line_end = find_line_end(scanned))) {
      scanned = filled_ - position_;
      if (!refill()) break;
    }
    if (!line_end && position_ == filled_) return false;
    const char* begin = buffer_.data() + position_;
    const std::size_t size = line_end ? static_cast<std::size_t>(line_end - begin) : filled_ - position_;
    position_ += size + (line_end ? 1 : 0);
    ++line_number_;
    line = {begin, size};
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
  }

  /// The text that comes next, some lines of it, which stay to be read; `whole` says whether it is all.
  std::string_view peek(bool& whole) {
    whole = false;
    std::size_t scanned = 0;
    while (!whole && (filled_ - position_ < peeked_size || !find_line_end(scanned))) {
      scanned = filled_ - position_ < peeked_size ? 0 : filled_ - position_;
      whole = !refill();
    }
    return {buffer_.data() + position_, filled_ - position_};
  }

  Offset line_number() const { return line_number_; }
  const std::string& path() const { return source_.name(); }
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

  const char* find_line_end(std::size_t scanned) const {
    const std::size_t from = position_ + scanned;
    if (from == filled_) return nullptr;
    return static_cast<const char*>(std::memchr(buffer_.data() + from, '\n', filled_ - from));
  }

  /// Reads more behind the unfinished line. False at the end of the file.
  bool refill() {
    std::memmove(buffer_.data(), buffer_.data() + position_, filled_ - position_);
    filled_ -= position_;
    position_ = 0;
    if (filled_ == buffer_.size()) {
      limit_.take(static_cast<Offset>(2 * buffer_.size()));
      buffer_.resize(2 * buffer_.size());
    }
    const std::size_t before = filled_;
    std::size_t count = 0;
    do {
      count = source_.read(buffer_.data() + filled_, buffer_.size() - filled_);
      filled_ += count;
    } while (count > 0 && !begun_ && filled_ < mark.size());
    if (!std::exchange(begun_, true) && std::string_view(buffer_.data(), filled_).starts_with(mark))
      position_ = mark.size();
    return filled_ > before;
  }

  DataLimit& limit_;
  ByteSource source_;
  std::vector<char> buffer_;
  std::size_t position_ = 0, filled_ = 0;  ///< unread bytes are buffer_[position_, filled_)
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

/// The whole field as a finite number, -0 as 0. False if it is none.
inline bool parse_number(std::string_view field, double& value) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (field.size() == 1 && digit(field[0])) {
    value = field[0] - '0';
    return true;
  }
  if (field.size() == 3 && digit(field[0]) && field[1] == '.' && digit(field[2])) {
    value = (10 * (field[0] - '0') + field[2] - '0') / 10.0;
    return true;
  }
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
