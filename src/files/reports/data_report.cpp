// What a set of ratings holds, as JSON.
#include "gcmc/files/data_report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "../json.hpp"
#include "gcmc/options/option_names.hpp"

namespace gcmc {
namespace {

using nlohmann::ordered_json;

ordered_json degrees_json(const DegreeStatistics& degrees) {
  ordered_json bins = ordered_json::array();
  for (const auto& bin : degrees.bins) bins.push_back({{"from", bin.first}, {"to", bin.last}, {"nodes", bin.nodes}});
  return {{"least", degrees.least}, {"median", degrees.median}, {"mean", degrees.mean},
          {"most", degrees.most},   {"single", degrees.single}, {"histogram", std::move(bins)}};
}

ordered_json part_json(Offset ratings) { return ratings < 0 ? ordered_json(nullptr) : ordered_json(ratings); }

std::string date_text(int year, int month, int day, int hour, int minute, int second) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", year, month, day);
  std::string result = text.data();
  if (hour == 0 && minute == 0 && second == 0) return result;
  std::snprintf(text.data(), text.size(), " %02d:%02d:%02d", hour, minute, second);
  return result + text.data();
}

}  // namespace

std::string time_text(double time) {
  constexpr double one_year = 31556952, last_second = 1e11, last_millisecond = 1e13;
  if (!(time >= one_year && time < 1e16) || std::trunc(time) != time) return number_text(time);
  const auto whole = static_cast<Offset>(time);
  const auto digits = [&](Offset from, Offset count) { return static_cast<int>(whole / from % count); };
  if (time >= last_millisecond)  // year to second, two digits each, as parse_time makes it of a date
    return date_text(digits(10'000'000'000, 10'000), digits(100'000'000, 100), digits(1'000'000, 100),
                     digits(10'000, 100), digits(100, 100), digits(1, 100));
  const std::time_t seconds = time < last_second ? whole : whole / 1000;
  std::tm parts{};
  if (!gmtime_r(&seconds, &parts)) return number_text(time);
  return date_text(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string data_json(const RatingStatistics& s, const ReadReport& read) {
  ordered_json object = {{"dataset", s.name},    {"place", read.place}, {"bytes", read.bytes},
                         {"users", s.users},     {"items", s.items},    {"ratings", s.ratings},
                         {"density", s.density}, {"mean", s.mean},      {"deviation", s.deviation}};
  object["levels"] = ordered_json::array();
  for (std::size_t r = 0; r < s.levels.size(); ++r)
    object["levels"].push_back({{"value", s.levels[r]}, {"ratings", s.level_counts[r]}});
  object["ratings_of_a_user"] = degrees_json(s.user);
  object["ratings_of_an_item"] = degrees_json(s.item);
  object["own_valid_ratings"] = part_json(s.own_valid);
  object["own_test_ratings"] = part_json(s.own_test);
  object["timed_ratings"] = s.timed;
  object["first_time"] = s.timed ? ordered_json(time_text(s.first_time)) : ordered_json(nullptr);
  object["last_time"] = s.timed ? ordered_json(time_text(s.last_time)) : ordered_json(nullptr);
  object["user_feature_columns"] = s.user_features;
  object["item_feature_columns"] = s.item_features;
  object["columns"] = ordered_json::array();
  for (const auto& column : read.columns)
    object["columns"].push_back({{"role", column.role}, {"name", printable(column.name)}});
  object["reading"] = {{"lines", read.lines},
                       {"bad_lines", read.bad_lines},
                       {"not_rated", read.not_rated},
                       {"duplicates", read.duplicates},
                       {"held_out", read.held_out},
                       {"ids_with_blanks", read.trimmed_ids},
                       {"ids_in_latin1", read.latin1_ids}};
  object["first_bad_lines"] = ordered_json::array();
  for (const std::string& line : read.first_bad_lines) object["first_bad_lines"].push_back(printable(line));
  object["notes"] = ordered_json::array();
  for (const std::string& note : read.notes) object["notes"].push_back(printable(note));
  return json_text(object, "statistics");
}

}  // namespace gcmc
