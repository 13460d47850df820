// The rating values that are not far from all others.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Mean and deviation of ratings, those more than 8 deviations away at that distance, so that one mistyped rating does
/// not make all others alike; and the levels that are nearer.
struct CommonLevels {
  double mean = 0, deviation = 1;
  std::size_t first = 0, last = 0;
  Offset others = 0;  ///< ratings of other levels
};
/// Of a part of `ratings`, which validate() has seen, that is not empty. Cost: one pass.
inline CommonLevels common_levels(const Ratings& ratings, std::span<const Rating> part) {
  constexpr double furthest = 8;
  constexpr int rounds = 40;
  std::vector<double> levels = ratings.levels, count(levels.size());
  for (const Rating& rating : part) ++count[rating.level];
  const auto all = static_cast<double>(part.size());
  CommonLevels common;
  double low = 0, high = 0;
  for (int round = 0; round < rounds; ++round) {
    double sum = 0, squares = 0;
    for (std::size_t r = 0; r < levels.size(); ++r) sum += count[r] * levels[r];
    common.mean = sum / all;
    for (std::size_t r = 0; r < levels.size(); ++r) squares += count[r] * std::pow(levels[r] - common.mean, 2);
    common.deviation = std::sqrt(squares / all);
    if (common.deviation <= 1e-12 * std::abs(common.mean)) common.deviation = 1;  // all the same
    low = common.mean - furthest * common.deviation;
    high = common.mean + furthest * common.deviation;
    for (double& level : levels) level = std::clamp(level, low, high);
  }
  const auto begin = ratings.levels.begin(), end = ratings.levels.end();
  common.first = static_cast<std::size_t>(std::lower_bound(begin, end, low) - begin);
  common.last = static_cast<std::size_t>(std::upper_bound(begin, end, high) - begin) - 1;
  for (std::size_t r = 0; r < count.size(); ++r)
    if (r < common.first || r > common.last) common.others += static_cast<Offset>(count[r]);
  return common;
}

}  // namespace gcmc
