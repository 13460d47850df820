#include "columns.hpp"

#include <algorithm>

#include "gcmc/base/error.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

const WantedColumn user{
    "user",
    {"user", "userid"},
    {"reviewerid", "customerid", "memberid", "profileid", "username", "reviewer", "customer", "member", "uid"}};
const WantedColumn item{"item",
                        {"item", "itemid", "movie", "movieid"},
                        {"isbn", "asin", "bookid", "animeid", "businessid", "productid", "jokeid", "songid", "trackid",
                         "artistid", "gameid", "recipeid", "courseid", "placeid", "iid"}};
const WantedColumn rating{"rating", {"rating"}, {"bookrating", "userrating", "overall", "stars", "score", "ratings"}};
const WantedColumn time_column{
    "time", {}, {"timestamp", "time", "unixreviewtime", "datetime", "date", "dateadded", "reviewtime"}, false};

/// A name that says something only among others, as in LIBMF's u v r.
WantedColumn also(WantedColumn column, std::initializer_list<std::string_view> letters) {
  column.other_names.insert(column.other_names.end(), letters);
  return column;
}

}  // namespace

std::vector<WantedColumn> rating_columns() {
  return {also(user, {"u"}), also(item, {"i", "v"}), also(rating, {"r"}), time_column};
}
std::vector<WantedColumn> pair_columns() { return {user, item}; }
std::vector<WantedColumn> id_column(Side side) { return {side == user_side ? user : item}; }
std::vector<WantedColumn> own_rating_columns(Side rated) {
  WantedColumn whose = rated == user_side ? item : user;
  whose.required = false;
  return {rated == user_side ? user : item, rating, whose};
}

std::string plain_name(std::string_view header_field) {
  std::string name;
  for (const char c : header_field.substr(0, header_field.find(':'))) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) name += c;
    if (c >= 'A' && c <= 'Z') name += static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

std::vector<std::size_t> find_known(const std::vector<WantedColumn>& wanted, const std::vector<std::string>& header) {
  std::vector<std::size_t> positions;
  for (const WantedColumn& column : wanted) {
    std::size_t found = no_column;
    for (std::size_t k = 0; k < header.size(); ++k) {
      if (std::find(column.names.begin(), column.names.end(), header[k]) == column.names.end()) continue;
      require(found == no_column, [&] {
        return "columns " + std::to_string(found + 1) + " and " + std::to_string(k + 1) + ", " + shown(header[found]) +
               " and " + shown(header[k]) + ", mean the same: say which is the " + column.role + ", as in columns " +
               column.role + "=" + std::to_string(k + 1);
      });
      found = k;
    }
    for (auto name = column.other_names.begin(); found == no_column && name != column.other_names.end(); ++name) {
      const auto place = std::find(header.begin(), header.end(), *name);
      if (place != header.end()) found = static_cast<std::size_t>(place - header.begin());
    }
    positions.push_back(found);
  }
  return positions;
}

std::map<std::string, std::string> parse_columns(const std::string& text, const std::vector<WantedColumn>& wanted) {
  std::map<std::string, std::string> told;
  if (text.empty()) return told;
  std::vector<std::string_view> parts;
  cut(text, ",", parts);
  for (const std::string_view part : parts) {
    const std::size_t equals = part.find('=');
    const std::string role(part.substr(0, equals));
    const bool known = std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return w.role == role; });
    require(known && equals != std::string_view::npos && equals + 1 < part.size() && !told.contains(role), [&] {
      std::string roles;
      for (const WantedColumn& column : wanted) roles += (roles.empty() ? "" : ", ") + column.role;
      return "columns: " + shown(part) + " is not a column's use and its name or position, such as user=User-ID or " +
             "user=1, each once: the uses are " + roles;
    });
    const std::string_view column = part.substr(equals + 1);
    for (const auto& before : told)
      require(before.second != column,
              [&] { return "columns: " + shown(column) + " is both the " + before.first + " and the " + role; });
    told[role] = column;
  }
  return told;
}

}  // namespace gcmc
