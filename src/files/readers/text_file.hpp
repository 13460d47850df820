// Text files, plain or gzipped, line by line; fields, numbers, and errors that name file and line.
#pragma once

#include <zlib.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "../system_error.hpp"
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

/// The lines of a file without their LF or CRLF. A last line needs no line end; empty lines are passed over.
class TextFile {
 public:
  explicit TextFile(const std::filesystem::path& path) : path_(path.string()), buffer_(initial_size) {
    errno = 0;
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) throw_system_error(path_ + ": cannot be opened", errno);
    gzbuffer(file_.get(), 1 << 16);
  }

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

  Offset line_number() const { return line_number_; }
  const std::string& path() const { return path_; }

  /// Runs `use` on what the line holds: an InputError of its gets the file and the line.
  template <class Use>
  void with_place(const Use& use) const {
    try {
      use();
    } catch (const InputError& problem) {
      throw InputError(path_ + ":" + std::to_string(line_number_) + ": " + problem.what());
    }
  }

  /// `what` is wrong; `expected` says what would be right.
  [[noreturn]] void fail(const std::string& what, const std::string& expected) const { fail_at(0, what, expected); }
  /// The same for a record that began `lines_before` lines ago.
  [[noreturn]] void fail_at(Offset lines_before, const std::string& what, const std::string& expected) const {
    throw InputError(path_ + ":" + std::to_string(line_number_ - lines_before) + ": " + what + ", " + expected +
                     " was expected");
  }

 private:
  static constexpr std::size_t initial_size = 1 << 16, longest_line = 1 << 26;
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

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
      if (filled_ >= longest_line)
        throw InputError(path_ + ":" + std::to_string(line_number_ + 1) +
                         ": a line of more than 64 MiB, text was expected");
      buffer_.resize(2 * buffer_.size());
    }
    const int count = gzread(file_.get(), buffer_.data() + filled_, static_cast<unsigned>(buffer_.size() - filled_));
    if (count > 0) filled_ += static_cast<std::size_t>(count);
    int code = Z_OK;
    const char* reason = gzerror(file_.get(), &code);
    if (count < 0 || (count == 0 && code != Z_OK && code != Z_STREAM_END)) throw_unreadable(code, reason);
    return count > 0;
  }

  [[noreturn]] void throw_unreadable(int code, const char* reason) const {
    if (code == Z_ERRNO) throw_system_error(path_ + ": cannot be read", errno);
    throw InputError(path_ + ": damaged or cut gzip data: " + reason);
  }

  std::string path_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> file_;
  std::vector<char> buffer_;
  std::size_t position_ = 0, filled_ = 0;  ///< unread bytes are buffer_[position_, filled_)
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

inline double read_rating(const TextFile& file, std::string_view field) {
  if (field.size() == 1 && field[0] >= '0' && field[0] <= '9') return field[0] - '0';
  double value = 0;
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (code != std::errc() || end != field.data() + field.size() || !std::isfinite(value))
    file.fail("the rating is " + shown(field), "a finite number such as 4 or 3.5");
  return value + 0.0;  // -0 becomes 0, so that the two are one level
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
