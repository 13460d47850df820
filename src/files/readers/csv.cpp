// The folder of ratings.csv, and what lies beside it.
#include "csv.hpp"

#include "gcmc/files/rating_files.hpp"
#include "text_file.hpp"
#include "titles.hpp"

namespace gcmc {

Ratings read_csv(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report) {
  Ratings ratings = read_rating_file(find_file(folder, "ratings.csv").string(), name, options, &report);
  const auto note = [&](const char* file, const std::string& named, const char* option) {
    const std::filesystem::path path = find_file(folder, file);
    if (!path.empty() && named.empty())
      report.notes.push_back(path.string() + " is not used: name it as " + option + " to use it");
  };
  for (const char* file : {"movies.csv", "items.csv"}) note(file, options.item_features, "item_features");
  if (ratings.item_titles.empty()) {
    DataLimit limit(folder.string(), options.data_limit);
    for (const char* file : {"items.csv", "movies.csv"})
      if (const std::filesystem::path path = find_file(folder, file); !path.empty())
        ratings.item_titles = read_titles(path, ratings.item_ids, limit);
  }
  note("users.csv", options.user_features, "user_features");
  return ratings;
}

}  // namespace gcmc
