// Made-up ratings, shaped like MovieLens'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// A bipartite graph shaped like MovieLens: lognormal user activity, item popularity with a long tail, ratings from a
/// low-rank truth plus noise so that a model can learn. The same for a seed on every machine.
struct GeneratorOptions {
  Index users = 943, items = 1682;
  Offset ratings = 100000;
  std::vector<double> levels = {1, 2, 3, 4, 5};
  Index rank = 4;
  double noise = 0.9;  ///< standard deviation of a rating about its true value
  std::uint64_t seed = 7;
  std::string name = "synthetic-100k";
};

/// The sizes and levels of MovieLens' sets, for `name` synthetic-100k, synthetic-1m, synthetic-10m or synthetic-25m.
/// Throws InputError on another name.
GCMC_EXPORT GeneratorOptions synthetic_shape(std::string_view name);
/// Whether `name` is one of them.
GCMC_EXPORT bool is_synthetic(std::string_view name);

/// No user rates an item twice. Throws InputError if ratings exceed users * items / 2 or are fewer than users + items.
/// Cost: O(ratings); nothing of size users x items.
GCMC_EXPORT Ratings generate_ratings(const GeneratorOptions& options);

}  // namespace gcmc
