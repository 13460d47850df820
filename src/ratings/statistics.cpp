#include "gcmc/ratings/statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace gcmc {
namespace {

DegreeStatistics degrees_of(std::vector<Offset> degrees) {
  DegreeStatistics result;
  if (degrees.empty()) return result;
  std::sort(degrees.begin(), degrees.end());
  const std::size_t count = degrees.size();
  result.least = degrees.front();
  result.most = degrees.back();
  result.median = static_cast<double>(degrees[(count - 1) / 2] + degrees[count / 2]) / 2;
  result.mean =
      static_cast<double>(std::accumulate(degrees.begin(), degrees.end(), Offset{0})) / static_cast<double>(count);
  result.single = std::count(degrees.begin(), degrees.end(), Offset{1});
  const auto bin_of = [](Offset degree) {
    return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(degree)));
  };
  for (std::size_t bin = bin_of(result.least); bin <= bin_of(result.most); ++bin) {
    const Offset first = bin == 0 ? 0 : Offset{1} << (bin - 1);
    result.bins.push_back({first, bin == 0 ? 0 : 2 * first - 1, 0});
  }
  for (const Offset degree : degrees) ++result.bins[bin_of(degree) - bin_of(result.least)].nodes;
  return result;
}

void add_values(RatingStatistics& result, const Ratings& ratings) {
  for (const Rating& rating : ratings.entries) ++result.level_counts[rating.level];
  const auto sum = [&](const auto& term) {
    double total = 0;
    for (std::size_t r = 0; r < ratings.levels.size(); ++r)
      total += static_cast<double>(result.level_counts[r]) * term(ratings.levels[r]);
    return total / static_cast<double>(result.ratings);
  };
  result.mean = sum([](double value) { return value; });
  result.deviation = std::sqrt(sum([&](double value) { return (value - result.mean) * (value - result.mean); }));
}

void add_times(RatingStatistics& result, const std::vector<double>& times) {
  for (const double time : times) {
    if (std::isnan(time)) continue;
    result.first_time = result.timed ? std::min(result.first_time, time) : time;
    result.last_time = result.timed ? std::max(result.last_time, time) : time;
    ++result.timed;
  }
}

}  // namespace

RatingStatistics statistics_of(const Ratings& ratings) {
  validate(ratings);
  RatingStatistics result;
  result.name = ratings.name;
  result.users = ratings.users();
  result.items = ratings.items();
  result.ratings = static_cast<Offset>(ratings.entries.size());
  result.levels = ratings.levels;
  result.level_counts.resize(ratings.levels.size());
  result.user_features = Offset{ratings.user_features.columns} + ratings.user_features.sparse.columns;
  result.item_features = Offset{ratings.item_features.columns} + ratings.item_features.sparse.columns;
  if (ratings.has_fixed_test()) result.own_test = result.ratings - ratings.test_begin;
  if (ratings.has_fixed_valid()) result.own_valid = ratings.test_begin - ratings.valid_begin;
  add_times(result, ratings.times);
  if (ratings.entries.empty()) return result;
  result.density =
      static_cast<double>(result.ratings) / (static_cast<double>(result.users) * static_cast<double>(result.items));
  add_values(result, ratings);
  std::vector<Offset> users(ratings.user_ids.size()), items(ratings.item_ids.size());
  for (const Rating& rating : ratings.entries) {
    ++users[static_cast<std::size_t>(rating.user)];
    ++items[static_cast<std::size_t>(rating.item)];
  }
  result.user = degrees_of(std::move(users));
  result.item = degrees_of(std::move(items));
  return result;
}

}  // namespace gcmc
