// What a set of ratings holds, in numbers.
#pragma once

#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// How many ratings the nodes of one side have.
struct DegreeStatistics {
  /// Nodes with `first` to `last` ratings: 0, 1, 2 to 3, 4 to 7, ... up to the largest degree.
  struct Bin {
    Offset first = 0, last = 0, nodes = 0;
  };
  Offset least = 0, most = 0;
  double median = 0, mean = 0;
  Offset single = 0;  ///< nodes with one rating: cold where that is held out
  std::vector<Bin> bins;
};

struct RatingStatistics {
  std::string name;
  Offset users = 0, items = 0, ratings = 0;
  double density = 0;  ///< ratings / (users * items)
  std::vector<double> levels;
  std::vector<Offset> level_counts;
  double mean = 0, deviation = 0;  ///< of the ratings; of all of them, not of a sample
  DegreeStatistics user, item;
  Offset own_valid = -1, own_test = -1;         ///< ratings of the set's own parts; -1: it has none
  Offset timed = 0;                             ///< ratings whose time is known
  double first_time = 0, last_time = 0;         ///< of these
  Offset user_features = 0, item_features = 0;  ///< columns
};

/// Throws InputError as validate(). Cost: two passes; memory: 8 bytes a node.
GCMC_EXPORT RatingStatistics statistics_of(const Ratings& ratings);

}  // namespace gcmc
