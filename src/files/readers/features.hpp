// Side features from user and item files: which node a line is about, genre lists and release years.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/ratings/builder.hpp"
#include "text_file.hpp"

namespace gcmc {

/// Which nodes a user or item file has described so far. `side` is "user" or "item".
class DescribedNodes {
 public:
  DescribedNodes(const IdTable& ids, const char* side) : ids_(ids), side_(side), seen_(ids.ids().size(), false) {}

  /// The number of the node that this line describes; -1 if it has no rating, so that the line does not matter.
  Index describe(const TextFile& file, std::string_view id) {
    const Index node = ids_.find(id);
    if (node < 0) return node;
    if (seen_[static_cast<std::size_t>(node)])
      file.fail(std::string("a second line for ") + side_ + " " + shown(id), "one line for each");
    seen_[static_cast<std::size_t>(node)] = true;
    return node;
  }

  Index missing() const { return static_cast<Index>(std::count(seen_.begin(), seen_.end(), false)); }

  void require_all(const TextFile& file) const {
    const auto missing = std::find(seen_.begin(), seen_.end(), false);
    if (missing == seen_.end()) return;
    throw InputError(file.path() + ": " + side_ + " " +
                     shown(ids_.ids()[static_cast<std::size_t>(missing - seen_.begin())]) +
                     " has ratings but no line here, one line for each " + side_ + " was expected");
  }

 private:
  const IdTable& ids_;
  const char* side_;
  std::vector<bool> seen_;
};

/// Zeros, in memory that `limit` allows.
inline SideFeatures make_features(std::vector<std::string> names, std::size_t nodes, DataLimit& limit) {
  SideFeatures features;
  limit.take(static_cast<Offset>(nodes * names.size() * sizeof(double)));
  features.columns = static_cast<Index>(names.size());
  features.values.assign(nodes * names.size(), 0.0);
  features.names = std::move(names);
  return features;
}

inline double& feature(SideFeatures& features, Index node, std::size_t column) {
  return features.values[static_cast<std::size_t>(node) * static_cast<std::size_t>(features.columns) + column];
}

/// The year of "Title (1995)": the last bracket that opens with four digits. 0 if there is none.
inline int year_of_title(std::string_view title) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t k = title.size(); k-- > 0;) {
    if (title[k] != '(' || title.size() - k < 6) continue;
    const std::string_view year = title.substr(k + 1, 4);
    if (std::all_of(year.begin(), year.end(), digit) && !digit(title[k + 5]))
      return 1000 * (year[0] - '0') + 100 * (year[1] - '0') + 10 * (year[2] - '0') + (year[3] - '0');
  }
  return 0;
}

/// Item features of a file of titles and genre lists: [a flag for each genre of the file, in alphabetical order;
/// (year - 1985) / 15, 0 if unknown].
class GenreFeatures {
 public:
  explicit GenreFeatures(const IdTable& items) : nodes_(items, "item"), years_(items.ids().size(), 0) {}

  /// `genres` is a list like "Action|Comedy", may be empty or "(no genres listed)".
  void add(const TextFile& file, std::string_view id, std::string_view title, std::string_view genres) {
    const Index node = nodes_.describe(file, id);
    if (node >= 0) years_[static_cast<std::size_t>(node)] = year_of_title(title);
    if (genres.empty() || genres == "(no genres listed)") return;
    cut(genres, "|", names_);
    for (std::string_view name : names_) {
      if (name.empty()) file.fail("an empty genre in " + shown(genres), "a list such as Action|Comedy");
      if (name == "Children's") name = "Children";
      auto& carriers = carriers_[std::string(name)];
      if (carriers_.size() > most_genres) file.fail("a 1001st distinct genre", "a list such as Action|Comedy");
      if (node >= 0) carriers.push_back(node);
    }
  }

  const DescribedNodes& nodes() const { return nodes_; }

  SideFeatures finish(DataLimit& limit) const {
    std::vector<std::string> names;
    for (const auto& [name, carriers] : carriers_) names.push_back("genre " + name);
    names.emplace_back("year");
    SideFeatures features = make_features(names, years_.size(), limit);
    std::size_t column = 0;
    for (const auto& [name, carriers] : carriers_) {
      for (const Index node : carriers) feature(features, node, column) = 1;
      ++column;
    }
    for (std::size_t node = 0; node < years_.size(); ++node)
      if (years_[node] > 0)
        feature(features, static_cast<Index>(node), column) = static_cast<double>(years_[node] - 1985) / 15.0;
    return features;
  }

 private:
  static constexpr std::size_t most_genres = 1000;
  DescribedNodes nodes_;
  std::vector<int> years_;
  std::map<std::string, std::vector<Index>> carriers_;  ///< by genre
  std::vector<std::string_view> names_;
};

}  // namespace gcmc
