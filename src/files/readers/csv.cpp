// The folder of ratings.csv and movies.csv.
#include "csv.hpp"

#include "features.hpp"
#include "gcmc/files/rating_files.hpp"
#include "rating_fields.hpp"
#include "table.hpp"

namespace gcmc {
namespace {

enum { item_column, title_column, genres_column };

/// movies.csv: movieId,title,genres.
SideFeatures read_movies(const std::filesystem::path& path, const IdTable& items, const ReadOptions& options,
                         std::vector<std::string>& notes) {
  DataLimit limit(path.string(), options.data_limit);
  Table table(path.string(), {}, movie_columns(), limit);
  GenreFeatures features(items);
  ReadReport unused;
  IdReader ids(unused);
  while (table.next())
    features.add(table.records().file(), ids.read(table.records(), table[item_column], "item"), table[title_column],
                 table[genres_column]);
  if (const Index missing = features.nodes().missing())
    notes.push_back(path.string() + ": " + std::to_string(missing) + " of " + std::to_string(items.ids().size()) +
                    " items have no line: their features are zeros");
  return features.finish(limit);
}

}  // namespace

Ratings read_csv(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report) {
  Ratings ratings = read_rating_file(find_file(folder, "ratings.csv").string(), name, options, &report);
  const std::filesystem::path movies = find_file(folder, "movies.csv");
  if (movies.empty()) return ratings;
  IdTable items;
  for (const std::string& id : ratings.item_ids) items.add(id);
  try {
    ratings.item_features = read_movies(movies, items, options, report.notes);
  } catch (const InputError& problem) {  // users have no features here, so that no training needs those of items
    report.notes.push_back(std::string(problem.what()) + ": this file is left out");
  }
  return ratings;
}

}  // namespace gcmc
