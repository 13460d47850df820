// Pairs that are rated more than once: which of the ratings counts.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

inline constexpr Index removed = -1;  ///< the user of a rating that does not count: another one of the pair does

struct MergeRule {
  Duplicates which;                           ///< of one part
  std::size_t valid_begin, test_begin;        ///< a pair that is in two parts stays in the later one
  std::span<const double> times;              ///< one a rating, or none
  std::function<void(const Rating&)> refuse;  ///< throws, for Duplicates::error
};

struct MergeCounts {
  Offset duplicates = 0, held_out = 0;  ///< as in ReadReport
  Offset all() const { return duplicates + held_out; }
};

/// Marks all but one of each pair's ratings as removed. `values`, one a rating, get the mean where the rule wants it,
/// and are not looked at else. The result, and which rating is refused, are the same for any number of threads. Memory:
/// 8 bytes an item and thread, and 4 to 8 a rating unless all of a user's stand together. At most 2^32 - 1 ratings.
MergeCounts merge_rated_twice(std::vector<Rating>& ratings, std::vector<double>& values, std::size_t users,
                              std::size_t items, const MergeRule& rule, int threads);

}  // namespace gcmc
