#include "csv.hpp"

#include <cctype>

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

/// "userId" and "user_id" become "user".
std::string column_name(const std::string& field) {
  std::string name;
  for (const char c : field)
    if (std::isalpha(static_cast<unsigned char>(c)))
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name.ends_with("id") ? name.substr(0, name.size() - 2) : name;
}

bool is_header(const std::string& user, const std::string& item) {
  const std::string first = column_name(user), second = column_name(item);
  return first == "user" && (second == "item" || second == "movie");
}

}  // namespace

std::vector<IdPair> read_id_pairs(std::istream& stream, const std::string& name) {
  std::vector<IdPair> pairs;
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.empty()) continue;
    const std::string place = name + ":" + std::to_string(number);
    const std::vector<std::string> fields = split_line(line, place);
    gcmc::require(fields.size() >= 2 && !fields[0].empty() && !fields[1].empty(), place + ": expected user,item");
    if (number == 1 && is_header(fields[0], fields[1])) continue;
    pairs.push_back({fields[0], fields[1]});
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
