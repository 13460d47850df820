// The checks that make a Ratings fit for training, and its split into training, validation and test parts.
#include "gcmc/ratings.hpp"

#include <cmath>
#include <limits>

#include "gcmc/error.hpp"
#include "gcmc/random.hpp"

namespace gcmc {
namespace {

// Streams of the split's two permutations; the seed's other uses take other streams.
constexpr std::uint32_t test_stream = 0x53504C54, valid_stream = 0x53504C56;

void validate_levels(const std::vector<double>& levels) {
  if (levels.size() > std::numeric_limits<Level>::max())
    throw Error("ratings: " + std::to_string(levels.size()) + " levels, at most 255 are possible");
  for (std::size_t r = 0; r < levels.size(); ++r) {
    if (!std::isfinite(levels[r])) throw Error("ratings: level " + std::to_string(r) + " is not a finite number");
    if (r > 0 && !(levels[r - 1] < levels[r]))
      throw Error("ratings: levels must ascend, but level " + std::to_string(r - 1) + " is " +
                  std::to_string(levels[r - 1]) + " and level " + std::to_string(r) + " is " +
                  std::to_string(levels[r]));
  }
}

void validate_features(const SideFeatures& features, std::size_t nodes, const std::string& side) {
  const std::string what = "ratings: " + side + " features: ";
  if (features.columns < 0) throw Error(what + std::to_string(features.columns) + " columns");
  const std::size_t columns = static_cast<std::size_t>(features.columns);
  if (features.values.size() != nodes * columns)
    throw Error(what + std::to_string(features.values.size()) + " values for " + std::to_string(nodes) + " nodes and " +
                std::to_string(columns) + " columns");
  if (!features.names.empty() && features.names.size() != columns)
    throw Error(what + std::to_string(features.names.size()) + " names for " + std::to_string(columns) + " columns");
  for (std::size_t k = 0; k < features.values.size(); ++k)
    if (!std::isfinite(features.values[k]))
      throw Error(what + "row " + std::to_string(k / columns) + ", column " + std::to_string(k % columns) +
                  " is not a finite number");
}

[[noreturn]] void throw_bad_entry(std::size_t position, const char* field, Offset value, std::size_t count) {
  throw Error("ratings: entry " + std::to_string(position) + " has " + field + " " + std::to_string(value) +
              ", but there are " + std::to_string(count));
}

void validate_entries(const Ratings& ratings) {
  const std::size_t users = ratings.user_ids.size(), items = ratings.item_ids.size(), levels = ratings.levels.size();
  for (std::size_t k = 0; k < ratings.entries.size(); ++k) {
    const Rating& entry = ratings.entries[k];
    if (entry.user < 0 || static_cast<std::size_t>(entry.user) >= users) throw_bad_entry(k, "user", entry.user, users);
    if (entry.item < 0 || static_cast<std::size_t>(entry.item) >= items) throw_bad_entry(k, "item", entry.item, items);
    if (entry.level >= levels) throw_bad_entry(k, "level", entry.level, levels);
  }
}

Offset part(double ratio, std::size_t count) {
  return static_cast<Offset>(std::floor(ratio * static_cast<double>(count) + 0.5));
}

void require_ratio(double ratio, const char* name) {
  if (!(ratio >= 0.0 && ratio < 1.0))
    throw Error(std::string("split: ") + name + " is " + std::to_string(ratio) + ", a number in [0, 1) is needed");
}

/// Moves the first `count` of a permutation of `pool` to `taken`; the others stay in `pool`, in permuted order.
void take_first(std::vector<Rating>& pool, std::vector<Rating>& taken, Offset count, std::uint64_t seed,
                std::uint32_t stream) {
  std::vector<Rating> kept;
  taken.reserve(static_cast<std::size_t>(count));
  kept.reserve(pool.size() - static_cast<std::size_t>(count));
  for (const Offset k : permutation(static_cast<Offset>(pool.size()), seed, stream)) {
    auto& target = static_cast<Offset>(taken.size()) < count ? taken : kept;
    target.push_back(pool[static_cast<std::size_t>(k)]);
  }
  pool = std::move(kept);
}

/// All but the test part in `train`: validation ratings are not taken yet.
Split split_test(const Ratings& ratings, double test_ratio, std::uint64_t seed) {
  require_ratio(test_ratio, "test_ratio");
  const Offset count = static_cast<Offset>(ratings.entries.size());
  if (ratings.test_begin > count)
    throw Error("split: test_begin is " + std::to_string(ratings.test_begin) + ", but there are " +
                std::to_string(count) + " entries");
  Split parts;
  if (ratings.has_fixed_test()) {
    const auto test = ratings.entries.begin() + ratings.test_begin;
    parts.train.assign(ratings.entries.begin(), test);
    parts.test.assign(test, ratings.entries.end());
  } else {
    parts.train = ratings.entries;
    take_first(parts.train, parts.test, part(test_ratio, parts.train.size()), seed, test_stream);
  }
  return parts;
}

}  // namespace

void validate(const Ratings& ratings) {
  constexpr std::size_t most = std::numeric_limits<Index>::max();
  if (ratings.user_ids.size() > most || ratings.item_ids.size() > most)
    throw Error("ratings: " + std::to_string(ratings.user_ids.size()) + " users and " +
                std::to_string(ratings.item_ids.size()) + " items, at most " + std::to_string(most) +
                " of each are possible");
  validate_levels(ratings.levels);
  validate_entries(ratings);
  if (ratings.test_begin < -1 || ratings.test_begin > static_cast<Offset>(ratings.entries.size()))
    throw Error("ratings: test_begin is " + std::to_string(ratings.test_begin) + ", but there are " +
                std::to_string(ratings.entries.size()) + " entries");
  validate_features(ratings.user_features, ratings.user_ids.size(), "user");
  validate_features(ratings.item_features, ratings.item_ids.size(), "item");
}

Split split(const Ratings& ratings, const SplitOptions& options) {
  require_ratio(options.valid_ratio, "valid_ratio");
  Split parts = split_test(ratings, options.test_ratio, options.test_seed);
  take_first(parts.train, parts.valid, part(options.valid_ratio, parts.train.size()), options.valid_seed, valid_stream);
  if (parts.train.empty())
    throw Error("split: no rating is left to train on: " + std::to_string(ratings.entries.size()) + " ratings, " +
                std::to_string(parts.test.size()) + " in test and " + std::to_string(parts.valid.size()) +
                " in validation");
  return parts;
}

Ratings without_test(Ratings ratings, double test_ratio, std::uint64_t test_seed) {
  ratings.entries = split_test(ratings, test_ratio, test_seed).train;
  ratings.test_begin = static_cast<Offset>(ratings.entries.size());
  return ratings;
}

}  // namespace gcmc
