// Readers of ml-100k (u.data, u1.base, u.user, u.item) and of ml-1m and ml-10m (ratings.dat, users.dat, movies.dat).
#include "movielens.hpp"

#include <array>
#include <limits>

#include "features.hpp"
#include "rating_collector.hpp"
#include "rating_table.hpp"
#include "side_files.hpp"
#include "titles.hpp"

namespace gcmc {
namespace {

constexpr Offset any = std::numeric_limits<Offset>::max();

/// A whole number without its leading zeros.
std::string_view read_id(const TextFile& file, std::string_view field, const char* name) {
  read_integer(file, field, name, 0, any);
  field.remove_prefix(std::min(field.find_first_not_of('0'), field.size() - 1));
  return field;
}

/// Lines of user, item, rating, timestamp.
void read_quadruples(const std::filesystem::path& path, std::string_view separator, DataLimit& limit,
                     RatingCollector& collector, ReadReport& report) {
  TextFile file(path, limit);
  std::vector<std::string_view> fields;
  while (next_fields(file, separator, 4, fields)) {
    const std::string_view user = read_id(file, fields[0], "the user id"),
                           item = read_id(file, fields[1], "the item id");
    const double value = read_rating(file, fields[2]);
    const auto time = static_cast<double>(read_integer(file, fields[3], "the timestamp", -any, any));
    file.with_place([&] { collector.add(user, item, value, time); });
    ++report.lines;
  }
}

std::filesystem::path find_required(const std::filesystem::path& folder, const std::string& name) {
  std::filesystem::path path = find_file(folder, name);
  if (path.empty()) throw InputError((folder / name).string() + ": not there, nor with .gz at its end");
  return path;
}

bool read_is_male(const TextFile& file, std::string_view field) {
  if (field != "M" && field != "F") file.fail("the gender is " + shown(field), "M or F");
  return field == "M";
}

/// Position of `value` in `choices`; their number if it is not there.
template <class Choices, class Value>
std::size_t position(const Choices& choices, const Value& value) {
  return static_cast<std::size_t>(std::find(choices.begin(), choices.end(), value) - choices.begin());
}

std::vector<std::string> read_occupations(const std::filesystem::path& folder, DataLimit& limit) {
  TextFile file(find_required(folder, "u.occupation"), limit);
  std::vector<std::string> occupations;
  for (std::string_view line; file.next(line);) {
    if (occupations.size() == 1000) file.fail("a 1001st occupation", "a short list of occupations");
    occupations.emplace_back(line);
  }
  return occupations;
}

/// u.user: id|age|gender|occupation|zip. Features [age / highest age, is_male, one-hot occupation].
SideFeatures read_ml_100k_users(const std::filesystem::path& folder, const IdTable& users, DataLimit& limit) {
  const std::filesystem::path path = find_file(folder, "u.user");
  if (path.empty()) return {};
  const std::vector<std::string> occupations = read_occupations(folder, limit);
  std::vector<std::string> names = {"age", "is_male"};
  for (const std::string& occupation : occupations) names.push_back("occupation " + occupation);
  SideFeatures features = make_features(names, users.ids().size(), limit);
  TextFile file(path, limit);
  DescribedNodes nodes(users, "user");
  std::vector<std::string_view> fields;
  Offset highest_age = 1;
  while (next_fields(file, "|", 5, fields)) {
    const Offset age = read_integer(file, fields[1], "the age", 0, 150);
    const bool is_male = read_is_male(file, fields[2]);
    const std::size_t occupation = position(occupations, fields[3]);
    if (occupation == occupations.size())
      file.fail("the occupation is " + shown(fields[3]), "one of those in u.occupation");
    highest_age = std::max(highest_age, age);
    const Index node = nodes.describe(file, read_id(file, fields[0], "the user id"));
    if (node < 0) continue;
    feature(features, node, 0) = static_cast<double>(age);
    feature(features, node, 1) = is_male;
    feature(features, node, 2 + occupation) = 1;
  }
  nodes.require_all(file);
  for (Index node = 0; node < static_cast<Index>(users.ids().size()); ++node)
    feature(features, node, 0) /= static_cast<double>(highest_age);
  return features;
}

/// "01-Jan-1995" is 1995; an empty date is 0, unknown.
int year_of_date(const TextFile& file, std::string_view date) {
  if (date.empty()) return 0;
  const std::size_t last_dash = date.rfind('-');
  const std::string_view year = last_dash == std::string_view::npos ? date : date.substr(last_dash + 1);
  if (year.size() != 4) file.fail("the release date is " + shown(date), "nothing or a date such as 01-Jan-1995");
  return static_cast<int>(read_integer(file, year, "the release year", 1000, 9999));
}

constexpr std::array genres_of_ml_100k = {"unknown",   "Action",   "Adventure",   "Animation", "Children",
                                          "Comedy",    "Crime",    "Documentary", "Drama",     "Fantasy",
                                          "Film-Noir", "Horror",   "Musical",     "Mystery",   "Romance",
                                          "Sci-Fi",    "Thriller", "War",         "Western"};

/// u.item: id|title|date|video date|address|19 genre flags. Features [19 flags, (year - 1990) / 10 or 0 if unknown].
SideFeatures read_ml_100k_items(const std::filesystem::path& folder, const IdTable& items, DataLimit& limit) {
  const std::filesystem::path path = find_file(folder, "u.item");
  if (path.empty()) return {};
  constexpr std::size_t genres = genres_of_ml_100k.size();
  std::vector<std::string> names;
  for (const char* genre : genres_of_ml_100k) names.push_back(std::string("genre ") + genre);
  names.emplace_back("year");
  SideFeatures features = make_features(names, items.ids().size(), limit);
  TextFile file(path, limit);
  DescribedNodes nodes(items, "item");
  std::vector<std::string_view> fields;
  while (next_fields(file, "|", 5 + genres, fields)) {
    const int year = year_of_date(file, fields[2]);
    const Index node = nodes.describe(file, read_id(file, fields[0], "the item id"));
    for (std::size_t g = 0; g < genres; ++g) {
      const Offset flag = read_integer(file, fields[5 + g], "a genre flag", 0, 1);
      if (node >= 0) feature(features, node, g) = static_cast<double>(flag);
    }
    if (node >= 0 && year > 0) feature(features, node, genres) = (year - 1990) / 10.0;
  }
  nodes.require_all(file);
  return features;
}

constexpr std::array<Offset, 7> age_bands = {1, 18, 25, 35, 45, 50, 56};
constexpr Offset occupations_of_ml_1m = 21;

/// users.dat: id::gender::age::occupation::zip. Features [is_male, one-hot age band (7), one-hot occupation (21)].
SideFeatures read_dat_users(const std::filesystem::path& folder, const IdTable& users, DataLimit& limit) {
  const std::filesystem::path path = find_file(folder, "users.dat");
  if (path.empty()) return {};
  std::vector<std::string> names = {"is_male"};
  for (const Offset age : age_bands) names.push_back("age " + std::to_string(age));
  for (Offset k = 0; k < occupations_of_ml_1m; ++k) names.push_back("occupation " + std::to_string(k));
  SideFeatures features = make_features(names, users.ids().size(), limit);
  TextFile file(path, limit);
  DescribedNodes nodes(users, "user");
  std::vector<std::string_view> fields;
  while (next_fields(file, "::", 5, fields)) {
    const bool is_male = read_is_male(file, fields[1]);
    const Offset age = read_integer(file, fields[2], "the age", 0, any);
    const std::size_t band = position(age_bands, age);
    if (band == age_bands.size()) file.fail("the age is " + shown(fields[2]), "1, 18, 25, 35, 45, 50 or 56");
    const Offset occupation = read_integer(file, fields[3], "the occupation", 0, occupations_of_ml_1m - 1);
    const Index node = nodes.describe(file, read_id(file, fields[0], "the user id"));
    if (node < 0) continue;
    feature(features, node, 0) = is_male;
    feature(features, node, 1 + band) = 1;
    feature(features, node, 1 + age_bands.size() + static_cast<std::size_t>(occupation)) = 1;
  }
  nodes.require_all(file);
  return features;
}

/// movies.dat: id::title (year)::genre|genre. A title may hold a double colon itself.
SideFeatures read_dat_items(const std::filesystem::path& folder, const IdTable& items, DataLimit& limit) {
  const std::filesystem::path path = find_file(folder, "movies.dat");
  if (path.empty()) return {};
  TextFile file(path, limit);
  GenreFeatures features(items);
  for (std::string_view line; file.next(line);) {
    const std::size_t first = line.find("::"), last = line.rfind("::");
    if (first == std::string_view::npos || last < first + 2)
      file.fail("fewer than 3 columns", "id::title (year)::genres");
    features.add(file, read_id(file, line.substr(0, first), "the item id"), line.substr(first + 2, last - first - 2),
                 line.substr(last + 2));
  }
  features.nodes().require_all(file);
  return features.finish(limit);
}

/// The folders' files have one form, which nothing may tell otherwise.
void require_known_form(const ReadOptions& options, const std::filesystem::path& file) {
  const std::array<std::pair<const char*, bool>, 5> told = {{{"columns", !options.columns.empty()},
                                                             {"separator", !options.separator.empty()},
                                                             {"layout", options.layout != TableLayout::rows},
                                                             {"decimal", !options.decimal.empty()},
                                                             {"not_rated", !options.not_rated.empty()}}};
  for (const auto& option : told)
    require(!option.second || options.has_own_parts(), [&] {
      return file.parent_path().string() + ": the form of MovieLens' files is known, and " + option.first +
             " says otherwise: leave it out, or give the file of ratings itself, " + file.string();
    });
}

void require_ratings(const Ratings& ratings, const std::filesystem::path& path) {
  if (ratings.entries.empty()) throw InputError(path.string() + ": no ratings, at least one was expected");
}

/// u1 to u5 are a cross-validation: their test parts are disjoint.
Index ready_folds(const std::filesystem::path& folder) {
  for (const char* split : {"u1", "u2", "u3", "u4", "u5"})
    for (const char* part : {".base", ".test"})
      if (find_file(folder, std::string(split) + part).empty()) return 0;
  return 5;
}

}  // namespace

bool is_ml_100k_split(std::string_view split) {
  constexpr std::array<std::string_view, 7> splits = {"u1", "u2", "u3", "u4", "u5", "ua", "ub"};
  return position(splits, split) < splits.size();
}

Ratings read_ml_100k(const std::filesystem::path& folder, const std::string& name, std::string_view split,
                     const ReadOptions& options, ReadReport& report) {
  const bool own_parts = options.has_own_parts();
  require(!own_parts || split.empty() || is_split_rule(split), [&] {
    return "split " + shown(split) +
           " has a test part of its own: leave out either it or test_ratings and valid_ratings";
  });
  if (split.empty()) split = own_parts || find_file(folder, "u1.base").empty() ? "random" : "u1";
  DataLimit limit(folder.string(), options.data_limit);
  RatingCollector collector(options, report, limit);
  std::filesystem::path path;
  if (is_split_rule(split)) {
    path = find_required(folder, "u.data");
    require_known_form(options, path);
    read_quadruples(path, "\t", limit, collector, report);
    read_own_parts(collector, options, limit, report);
  } else {
    path = find_required(folder, std::string(split) + ".base");
    require_known_form(options, path);
    read_quadruples(path, "\t", limit, collector, report);
    collector.begin_test();
    read_quadruples(find_required(folder, std::string(split) + ".test"), "\t", limit, collector, report);
  }
  Ratings ratings = collector.finish(name);
  require_ratings(ratings, path);
  ratings.user_features = read_ml_100k_users(folder, collector.users(), limit);
  ratings.item_features = read_ml_100k_items(folder, collector.items(), limit);
  report.bytes = limit.bytes();
  report.ready_folds = ready_folds(folder);
  ratings.item_titles = read_titles(find_file(folder, "u.item"), ratings.item_ids, limit);
  leave_out_single_side(ratings, (folder / "u.user").string(), (folder / "u.item").string(), report);
  add_side_files(ratings, options, report);
  return ratings;
}

Ratings read_dat(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report) {
  DataLimit limit(folder.string(), options.data_limit);
  RatingCollector collector(options, report, limit);
  const std::filesystem::path path = find_required(folder, "ratings.dat");
  require_known_form(options, path);
  read_quadruples(path, "::", limit, collector, report);
  read_own_parts(collector, options, limit, report);
  Ratings ratings = collector.finish(name);
  require_ratings(ratings, path);
  ratings.user_features = read_dat_users(folder, collector.users(), limit);
  ratings.item_features = read_dat_items(folder, collector.items(), limit);
  report.bytes = limit.bytes();
  ratings.item_titles = read_titles(find_file(folder, "movies.dat"), ratings.item_ids, limit);
  leave_out_single_side(ratings, (folder / "users.dat").string(), (folder / "movies.dat").string(), report);
  add_side_files(ratings, options, report);
  return ratings;
}

}  // namespace gcmc
