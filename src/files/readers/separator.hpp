// What stands between the fields of a line, and the cutting of lines that have no quotes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "text_file.hpp"

namespace gcmc {

inline constexpr std::string_view blanks = " \t";

inline std::string_view without_leading(std::string_view text, std::string_view what = blanks) {
  text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
  return text;
}

/// One character, two colons, or any number of blanks and tabs.
class Separator {
 public:
  /// Throws InputError for what is none. `name` as in ReadOptions::separator.
  explicit Separator(std::string_view name) : text_(name == "tab" || name == "\\t" ? "\t" : name) {
    if (name == "blanks" || name == "blank" || name == "space") text_ = " ";
    require(text_ == "::" || (text_.size() == 1 && text_[0] != '"' && text_[0] != '\n' && text_[0] != '\r'),
            [&] { return "separator " + shown(name) + " is not one character, ::, tab or blanks"; });
    first_ = text_[0];
    is_two_ = text_.size() == 2;
  }

  std::string name() const { return text_ == "\t" ? "tab" : is_blanks() ? "blanks" : text_; }
  bool is_blanks() const { return first_ == ' '; }
  bool has_quotes() const { return !is_two_; }
  bool is_character() const { return !is_two_ && !is_blanks(); }
  char character() const { return first_; }
  /// A quote inside a field is then a mistake, not a character.
  bool has_strict_quotes() const { return first_ == ',' || first_ == ';'; }

  /// What may stand around a quoted field.
  std::string_view padding() const { return text_ == "\t" ? " " : blanks; }

  /// Position of the next one; npos if there is none.
  std::size_t find(std::string_view line) const {
    if (is_blanks()) return line.find_first_of(blanks);
    return is_two_ ? line.find(text_) : line.find(first_);
  }
  bool begins(std::string_view line) const {
    return is_blanks() ? !line.empty() && blanks.find(line[0]) != std::string_view::npos : line.starts_with(text_);
  }

  /// Takes the separator off the beginning of the line, which has one there.
  void skip(std::string_view& line) const {
    if (is_blanks())
      line = without_leading(line);
    else
      line.remove_prefix(text_.size());
  }

  /// The first `kept` fields of a line without quotes. Returns how many there are.
  std::size_t cut(std::string_view line, std::size_t kept, std::vector<std::string_view>& fields) const {
    fields.clear();
    if (is_blanks()) line = trimmed(line);
    for (std::size_t count = 1;; ++count) {
      const std::size_t end = find(line);
      if (count <= kept) fields.push_back(line.substr(0, end));
      if (end == std::string_view::npos) return count;
      line.remove_prefix(end);
      skip(line);
    }
  }

 private:
  std::string text_;
  char first_ = 0;       ///< of text_
  bool is_two_ = false;  ///< characters
};

}  // namespace gcmc
