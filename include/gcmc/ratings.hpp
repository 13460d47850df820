// Ratings as a program holds them: users, items, levels, the ids of the file, side features, and their split.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gcmc/views.hpp"

namespace gcmc {

/// One rating, in dense numbers: `user` counts Ratings::user_ids, `level` counts Ratings::levels.
struct Rating {
  Index user = 0;
  Index item = 0;
  Level level = 0;
  friend bool operator==(const Rating&, const Rating&) = default;
};

/// Dense side features, row-major and unpadded: values[row * columns + column]. Empty when columns == 0.
struct SideFeatures {
  Index columns = 0;
  std::vector<double> values;
  std::vector<std::string> names;  ///< one a column, for reports
};

/// A set of ratings. Nodes are the users and items that appear in any rating; levels are taken from all
/// ratings (never from the training part alone) and ascend. A level without a rating is legal.
struct Ratings {
  std::string name;                   ///< "ml-100k", "synthetic-100k", or the file's name
  std::vector<std::string> user_ids;  ///< as the file had them, in order of dense number
  std::vector<std::string> item_ids;
  std::vector<double> levels;  ///< the distinct rating values, ascending
  std::vector<Rating> entries;
  Offset test_begin = -1;  ///< entries from here on are the data set's own test split; -1: it has none
  SideFeatures user_features, item_features;

  Index users() const { return static_cast<Index>(user_ids.size()); }
  Index items() const { return static_cast<Index>(item_ids.size()); }
  bool has_fixed_test() const { return test_begin >= 0; }
};

/// Throws Error, naming the entry and the numbers, if a field is out of range, the levels do not ascend or
/// are not finite, there are more than 255 levels, or feature sizes do not match. Cost: one pass.
void validate(const Ratings& ratings);

struct Split {
  std::vector<Rating> train, valid, test;
};

struct SplitOptions {
  double test_ratio = 0.1;   ///< of all ratings, where the set has no test split of its own; in [0, 1)
  double valid_ratio = 0.1;  ///< of the others; in [0, 1)
  std::uint64_t test_seed = 0, valid_seed = 0;
};

/// The data set's own test split if it has one, else the first `test_ratio` of a permutation by test_seed; then the
/// first `valid_ratio` of (another permutation, by valid_seed, of) the rest is validation.
/// Each part keeps the order of the permutation. Throws Error if training would be empty.
Split split(const Ratings& ratings, const SplitOptions& options);

/// The ratings that split() with this test_ratio and test_seed does not test, with a test split of its own that is
/// empty: any split of the result has the same training and validation parts. For who must not see the test part.
Ratings without_test(Ratings ratings, double test_ratio, std::uint64_t test_seed);

}  // namespace gcmc
