// The records of a text file: lines cut into fields, and fields in quotes after RFC 4180.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/error.hpp"
#include "marks.hpp"
#include "separator.hpp"
#include "text_file.hpp"

namespace gcmc {

/// What is wrong with a record, and what would be right.
struct Problem {
  std::string what, expected;
  bool to_the_end = false;  ///< there is no next record
};

/// A record that has fields in quotes, which may hold separators, line breaks and doubled quotes.
class QuotedRecord {
 public:
  /// The first `kept` fields into `fields`, whose views are valid until the next call. `next_line(line)` gives the line
  /// after this one while a quote is open.
  template <class NextLine>
  std::optional<Problem> cut(std::string_view line, const Separator& separator, std::size_t kept,
                             const NextLine& next_line, std::vector<std::string_view>& fields) {
    text_.clear();
    ends_.clear();
    if (separator.is_blanks()) line = trimmed(line);
    for (count_ = 1;; ++count_) {
      keeps_ = count_ <= kept;
      const std::string_view field = without_leading(line, separator.padding());
      const auto problem =
          field.starts_with('"') ? take_quoted(line = field, separator, next_line) : take_plain(line, separator);
      if (problem) return problem;
      if (keeps_) ends_.push_back(text_.size());
      if (line.empty()) break;
      separator.skip(line);
    }
    fields.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      fields.push_back(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
    return {};
  }

  /// Fields of the record, kept or not.
  std::size_t count() const { return count_; }

 private:
  void append(std::string_view text) {
    if (keeps_) text_ += text;
  }

  std::optional<Problem> take_plain(std::string_view& line, const Separator& separator) {
    const std::string_view field = line.substr(0, separator.find(line));
    if (separator.has_strict_quotes() && field.find('"') != std::string_view::npos)
      return Problem{"a quote inside the field " + shown(field), "quotes around the whole field"};
    append(field);
    line.remove_prefix(field.size());
    return {};
  }

  /// Leaves `line` at the separator behind the field, or empty.
  template <class NextLine>
  std::optional<Problem> take_quoted(std::string_view& line, const Separator& separator, const NextLine& next_line) {
    line.remove_prefix(1);
    for (;;) {
      const std::size_t quote = line.find('"');
      append(line.substr(0, quote));
      if (quote == std::string_view::npos) {
        if (!next_line(line)) return Problem{"a quote that is never closed", "its end", true};
        append("\n");
        continue;
      }
      line.remove_prefix(quote + 1);
      if (!line.starts_with('"')) break;
      append("\"");
      line.remove_prefix(1);
    }
    if (!separator.is_blanks()) line = without_leading(line, separator.padding());
    if (line.empty() || separator.begins(line)) return {};
    return Problem{"text behind a closing quote", "the separator or the end of the line"};
  }

  std::string text_;
  std::vector<std::size_t> ends_;
  std::size_t count_ = 0;
  bool keeps_ = true;
};

/// A record that is wrong by itself: the next one may be right.
class BadLine : public InputError {
 public:
  BadLine(const std::string& what, Offset lines) : InputError(what), lines_(lines) {}
  Offset lines() const { return lines_; }

 private:
  Offset lines_;
};

/// Runs read() until it says that there is no more; bad(problem) for each line that is wrong by itself.
template <class Read, class Bad>
void for_each_line(const Read& read, const Bad& bad) {
  for (bool more = true; more;) {
    try {
      more = read();
    } catch (const BadLine& problem) {
      bad(problem);
    }
  }
}

/// A file's records, one after the other.
class Records {
 public:
  Records(const std::string& path, DataLimit& limit) : file_(path, limit) {}
  /// Of a piece that was taken from `whole`, both of which must outlive it.
  Records(const Records& whole, const TextPiece& piece, DataLimit& limit)
      : file_(whole.path(), piece, limit), separator_(whole.separator_) {}

  /// Before the first record.
  void separate_by(const Separator& separator) { separator_ = separator; }
  std::string_view peek(bool& whole) {
    const std::string_view text = file_.peek(whole);
    require(!text.starts_with("\xFF\xFE") && !text.starts_with("\xFE\xFF"),
            [&] { return path() + ": this is UTF-16, text in UTF-8 was expected"; });
    require(!text.starts_with("PAR1") || text.find('\0') == std::string_view::npos, [&] {
      return path() + ": this is Parquet, a table of text was expected: python3 -c \"import pandas; " +
             "pandas.read_parquet('FILE').to_csv('ratings.csv', index=False)\" writes one";
    });
    require(!text.starts_with("\x89GCM"), [&] {
      return path() + ": this is the binary form of ratings, which must be a plain file: no pipe, and not compressed";
    });
    require(text.substr(0, text.find('\n')).find('\0') == std::string_view::npos,
            [&] { return path() + ": this is not text, a table was expected"; });
    require(!text.starts_with("{\"") && !text.starts_with("[{"), [&] {
      return path() + ": this is JSON, a table was expected: python3 -c \"import pandas; " +
             "pandas.read_json('FILE', lines=True).to_csv('ratings.csv', index=False)\" writes one of a JSON object a "
             "line";
    });
    const std::size_t cr = text.find('\r');
    require(text.find('\n') != std::string_view::npos || cr >= text.size() - 1, [&] {
      return path() + ": its lines end with CR alone, LF or CR LF was expected: tr '\\r' '\\n' < FILE > ratings.csv " +
             "mends them";
    });
    return text;
  }

  /// The next record's first `kept` fields; lines of blanks alone are passed over. False at the end. Throws BadLine for
  /// wrong quotes.
  bool next(std::size_t kept) {
    extra_lines_ = 0;
    if (next_plain(kept)) return true;
    std::string_view line;
    do {
      if (!file_.next(line)) return false;
    } while ((line.front() == ' ' || line.front() == '\t') && trimmed(line).empty());
    if (separator_.has_quotes() && line.find('"') != std::string_view::npos)
      read_quoted(line, kept);
    else
      count_ = separator_.cut(line, kept, fields_);
    return true;
  }

  /// Is what is left no more than `size` bytes?
  bool fits(std::size_t size) {
    bool whole = false;
    return file_.peek(whole).size() <= size && whole;
  }

  /// Takes the next records, `size` bytes of them and the rest of the last one, without a look at their fields. False
  /// at the end.
  bool take(std::size_t size, TextPiece& piece) {
    piece.lines_before = file_.line_number();
    piece.text.clear();
    if (!file_.take_lines(size, piece.text)) return false;
    if (separator_.has_quotes()) close_quotes(piece.text);
    piece.bytes = file_.limit().bytes();
    return true;
  }

  const std::vector<std::string_view>& fields() const { return fields_; }
  std::string_view operator[](std::size_t field) const { return fields_[field]; }
  std::size_t count() const { return count_; }  ///< fields, kept or not

  const Separator& separator() const { return separator_; }
  const std::string& path() const { return file_.path(); }
  const TextFile& file() const { return file_; }
  std::string place() const { return file_.place(extra_lines_); }
  [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
    const std::string stretch =
        extra_lines_ == 0 ? ""
                          : " (of a record that a quote stretches over " + std::to_string(extra_lines_ + 1) + " lines)";
    throw BadLine(place() + what + ", " + expected + " was expected" + stretch, 1 + extra_lines_);
  }

 private:
  /// Most lines, cut in one pass over their bytes. False, with nothing taken, where it is not certain that the next one
  /// is whole, not of blanks, and without quotes.
  bool next_plain(std::size_t kept) {
    const std::string_view text = file_.unread();
    if (!separator_.is_character() || text.empty() || static_cast<unsigned char>(text[0]) <= ' ') return false;
    fields_.clear();
    count_ = 0;
    std::size_t begin = 0;  // of the field
    for (std::size_t base = 0; text.size() - base >= marked_at_once; base += marked_at_once)
      for (auto marks = marks_in(text.data() + base, separator_.character(), '\n', '"'); marks != 0;
           marks &= marks - 1) {
        const std::size_t end = base + static_cast<std::size_t>(std::countr_zero(marks));
        if (text[end] == '"') return false;
        if (++count_ <= kept) fields_.push_back(text.substr(begin, end - begin));
        begin = end + 1;
        if (text[end] != '\n') continue;
        if (count_ <= kept && fields_.back().ends_with('\r')) fields_.back().remove_suffix(1);
        file_.pass_line(begin);
        return true;
      }
    return false;
  }

  void read_quoted(std::string_view line, std::size_t kept) {
    Offset taken = 0;
    const auto next_line = [&](std::string_view& further) {
      if (!file_.next_any(further)) return false;
      ++extra_lines_;
      const auto size = static_cast<Offset>(2 * further.size() + 1);
      file_.limit().take(size);
      taken += size;
      return true;
    };
    const auto problem = quoted_.cut(line, separator_, kept, next_line, fields_);
    file_.limit().give_back(taken);
    count_ = quoted_.count();
    if (!problem) return;
    if (!problem->to_the_end) fail(problem->what, problem->expected);
    throw InputError(place() + problem->what + ", " + problem->expected + " was expected");
  }

  /// Appends lines to a text of whole lines until its last record is whole, too.
  void close_quotes(std::string& text) {
    std::size_t next = 0;
    const auto next_line = [&](std::string_view& line) {
      if (next == text.size() && !file_.take_lines(1, text)) return false;
      const std::size_t end = std::min(text.find('\n', next), text.size());
      line = std::string_view(text).substr(next, end - next);
      if (line.ends_with('\r')) line.remove_suffix(1);
      next = std::min(end + 1, text.size());
      return true;
    };
    for (std::size_t quote; (quote = text.find('"', next)) != std::string::npos;) {
      next = text.rfind('\n', quote) + 1;
      std::string_view line;
      next_line(line);
      quoted_.cut(line, separator_, 0, next_line, fields_);
    }
  }

  TextFile file_;
  Separator separator_{","};
  std::vector<std::string_view> fields_;
  std::size_t count_ = 0;
  QuotedRecord quoted_;
  Offset extra_lines_ = 0;  ///< of this record, beyond its first
};

}  // namespace gcmc
