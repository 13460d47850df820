#include "csv.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "gcmc/base/error.hpp"

namespace {

/// The fields of one line. A quoted field may hold commas and doubled quotes, not line breaks: ids have none.
std::vector<std::string> split_line(const std::string& line, const std::string& place) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  gcmc::require(!quoted, place + ": a quote is not closed");
  return fields;
}

/// Where a line has its user and its item.
struct Columns {
  std::size_t user = 0, item = 1;
};

/// "userId" and "user_id" become "user".
std::string column_name(const std::string& field) {
  std::string name;
  for (const char c : field)
    if (c != '_' && c != ' ') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name.ends_with("id") ? name.substr(0, name.size() - 2) : name;
}

/// The columns that a header names; none if the line is no header.
std::optional<Columns> read_header(const std::vector<std::string>& fields, const std::string& place) {
  std::optional<std::size_t> user, item;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    const std::string name = column_name(fields[k]);
    const bool is_user = name == "user";
    if (!is_user && name != "item" && name != "movie") continue;
    std::optional<std::size_t>& column = is_user ? user : item;
    gcmc::require(!column, [&] {
      return place + ": the columns '" + fields[*column] + "' and '" + fields[k] +
             "' mean the same: rename one of them";
    });
    column = k;
  }
  if (!user && !item) return std::nullopt;
  gcmc::require(user && item, [&] {
    return place + ": a header with " +
           (user ? "a user column and no item column: name that item, itemId or movieId"
                 : "an item column and no user column: name that user or userId");
  });
  return Columns{*user, *item};
}

}  // namespace

std::vector<IdPair> read_id_pairs(std::istream& stream, const std::string& name) {
  std::vector<IdPair> pairs;
  std::optional<Columns> header;
  Columns columns;
  std::string line;
  bool first = true;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.empty()) continue;
    const std::string place = name + ":" + std::to_string(number);
    const std::vector<std::string> fields = split_line(line, place);
    if (std::exchange(first, false) && (header = read_header(fields, place))) {
      columns = *header;
      continue;
    }
    const bool whole = std::max(columns.user, columns.item) < fields.size() && !fields[columns.user].empty() &&
                       !fields[columns.item].empty();
    gcmc::require(whole,
                  [&] { return place + (header ? ": the user or the item is missing" : ": expected user,item"); });
    pairs.push_back({fields[columns.user], fields[columns.item]});
  }
  gcmc::require(!stream.bad(), name + ": cannot be read to its end");
  return pairs;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}
