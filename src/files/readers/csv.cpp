// Reader of ratings.csv and movies.csv: a header in any order and letter case, quoted fields, any ids.
#include "csv.hpp"

#include <initializer_list>

#include "features.hpp"

namespace gcmc {
namespace {

constexpr std::size_t no_column = static_cast<std::size_t>(-1);

/// Records of a file, its header first. A quoted field may hold commas, line breaks and doubled quotes.
class CsvFile {
 public:
  explicit CsvFile(const std::filesystem::path& path) : file_(path) {
    std::string_view line;
    if (!file_.next_any(line)) throw InputError(file_.path() + ": empty, a header line was expected");
    if (line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
    read_record(line);
    header_.assign(fields_.begin(), fields_.end());
    for (std::string& name : header_)
      for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }

  /// Position of the one column that has one of these names (in lower case); no_column if there is none.
  std::size_t find_column(std::initializer_list<std::string_view> names) const {
    std::size_t found = no_column;
    for (std::size_t k = 0; k < header_.size(); ++k) {
      if (std::find(names.begin(), names.end(), header_[k]) == names.end()) continue;
      if (found != no_column)
        file_.fail("columns " + shown(header_[found]) + " and " + shown(header_[k]) + " mean the same", "one of them");
      found = k;
    }
    return found;
  }

  [[noreturn]] void fail_header(const std::string& expected) const {
    std::string names;
    for (const std::string& name : header_) names += (names.empty() ? "" : ",") + name;
    file_.fail("the header is " + shown(names), expected);
  }

  /// False at the end of the file. A record has as many fields as the header.
  bool next() {
    std::string_view line;
    if (!file_.next(line)) return false;
    read_record(line);
    if (fields_.size() != header_.size())
      fail(std::to_string(fields_.size()) + (fields_.size() == 1 ? " column" : " columns"),
           std::to_string(header_.size()) + " as in the header");
    return true;
  }

  std::string_view operator[](std::size_t column) const { return fields_[column]; }
  const TextFile& file() const { return file_; }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
    file_.fail_at(extra_lines_, what, expected);
  }

  void read_record(std::string_view line) {
    extra_lines_ = 0;
    if (line.find('"') == std::string_view::npos)
      cut(line, ",", fields_);
    else
      read_quoted(line);
  }

  /// Unquotes into text_; ends_ holds where each field ends there.
  void read_quoted(std::string_view line) {
    text_.clear();
    ends_.clear();
    for (;;) {
      if (!line.empty() && line[0] == '"')
        take_quoted_field(line);
      else
        take_plain_field(line);
      ends_.push_back(text_.size());
      if (line.empty()) break;
      line.remove_prefix(1);
    }
    fields_.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      fields_.push_back(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
  }

  void take_plain_field(std::string_view& line) {
    const std::string_view field = line.substr(0, line.find(','));
    if (field.find('"') != std::string_view::npos)
      fail("a quote inside the field " + shown(field), "quotes around the whole field");
    text_ += field;
    line.remove_prefix(field.size());
  }

  /// Leaves `line` at the comma behind the field, or empty. Reads further lines while the quote is open.
  void take_quoted_field(std::string_view& line) {
    line.remove_prefix(1);
    for (;;) {
      const std::size_t quote = line.find('"');
      text_ += line.substr(0, quote);
      if (quote == std::string_view::npos) {
        if (text_.size() > longest_record || !file_.next_any(line)) fail("a quote that is never closed", "its end");
        ++extra_lines_;
        text_ += '\n';
        continue;
      }
      line.remove_prefix(quote + 1);
      if (line.empty() || line[0] == ',') return;
      if (line[0] != '"') fail("text behind a closing quote", "a comma or the end of the line");
      text_ += '"';
      line.remove_prefix(1);
    }
  }

  static constexpr std::size_t longest_record = 1 << 26;
  TextFile file_;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::string text_;
  std::vector<std::size_t> ends_;
  Offset extra_lines_ = 0;  ///< of this record, beyond its first
};

std::string_view read_id(const CsvFile& csv, std::size_t column, const char* name) {
  const std::string_view id = csv[column];
  if (id.empty()) csv.file().fail(std::string("the ") + name + " id is empty", "some text");
  if (id.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
    csv.file().fail(std::string("the ") + name + " id " + shown(id) + " holds a line break or a zero byte",
                    "text on one line");
  return id;
}

/// movies.csv: movieId,title,genres.
SideFeatures read_movies(const std::filesystem::path& path, const IdTable& items) {
  CsvFile csv(path);
  const std::size_t item = csv.find_column({"movieid", "movie", "itemid", "item_id", "item"});
  const std::size_t title = csv.find_column({"title"}), genres = csv.find_column({"genres"});
  if (item == no_column || title == no_column || genres == no_column) csv.fail_header("movieId,title,genres");
  GenreFeatures features(items);
  while (csv.next()) features.add(csv.file(), read_id(csv, item, "item"), csv[title], csv[genres]);
  return features.finish(csv.file());
}

}  // namespace

Ratings read_csv(const std::filesystem::path& folder, const std::string& name) {
  CsvFile csv(find_file(folder, "ratings.csv"));
  const std::size_t user = csv.find_column({"userid", "user_id", "user"});
  const std::size_t item = csv.find_column({"movieid", "movie", "itemid", "item_id", "item"});
  const std::size_t rating = csv.find_column({"rating"});
  if (user == no_column || item == no_column || rating == no_column)
    csv.fail_header("userId,movieId,rating or user,item,rating among its columns");
  RatingsBuilder builder;
  while (csv.next()) {
    const double value = read_rating(csv.file(), csv[rating]);
    const std::string_view user_id = read_id(csv, user, "user"), item_id = read_id(csv, item, "item");
    csv.file().with_place([&] { builder.add(user_id, item_id, value); });
  }
  Ratings ratings = builder.finish(name);
  if (ratings.entries.empty()) throw InputError(csv.file().path() + ": no ratings, at least one was expected");
  const std::filesystem::path movies = find_file(folder, "movies.csv");
  if (!movies.empty()) ratings.item_features = read_movies(movies, builder.items());
  return ratings;
}

}  // namespace gcmc
