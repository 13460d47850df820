// The split of a set of ratings into training, validation and test parts: one permuted array, and spans of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gcmc/base/large_pages.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Which ratings are held out: any; the last of all; the last of each user; a number of each user's last.
enum class SplitRule { random, time, time_per_user, leave_out };

struct SplitOptions {
  double test_ratio = 0.1;  ///< of all ratings, or of each user's, where the set has no test part of its own; in [0, 1)
  double valid_ratio = 0.1;  ///< of the others; in [0, 1)
  std::uint64_t test_seed = 0, valid_seed = 0;
  SplitRule rule = SplitRule::random;
  Index left_out = 1;  ///< ratings of a user that leave_out tests, and then validates; none where valid_ratio is 0
  /// The test part is the `fold`-th, from 1, of so many disjoint ones that are all ratings; 0 folds: none of them.
  Index folds = 0, fold = 0;
  int threads = 1;  ///< at most; the parts are the same on any number
};

inline void require_ratio(double ratio, const char* name) {
  require(ratio >= 0.0 && ratio < 1.0, [&] {
    return std::string("split: ") + name + " is " + std::to_string(ratio) + ", a number in [0, 1) is needed";
  });
}
inline Offset share_of(double ratio, Offset count) {
  return static_cast<Offset>(std::floor(ratio * static_cast<double>(count) + 0.5));
}

/// What decides which of a user's (or of all) ratings are last: the times; of leave_out, where one of `known` has none,
/// a seeded draw. Of known[k], a position among the ratings. Throws InputError where a time is needed and not there.
inline std::vector<double> order_keys(const Ratings& ratings, std::span<const Offset> known, SplitRule rule,
                                      std::uint64_t seed, std::uint32_t stream) {
  require(ratings.times.empty() || ratings.times.size() == ratings.entries.size(), [&] {
    return "split: " + std::to_string(ratings.times.size()) + " times for " + std::to_string(ratings.entries.size()) +
           " entries";
  });
  const auto unknown = std::ranges::find_if(known, [&](Offset position) {
    return ratings.times.empty() || std::isnan(ratings.times[static_cast<std::size_t>(position)]);
  });
  const bool timed = unknown == known.end();
  std::vector<double> keys(known.size());
  if (timed) {
    for (std::size_t k = 0; k < known.size(); ++k) keys[k] = ratings.times[static_cast<std::size_t>(known[k])];
    return keys;
  }
  require(rule == SplitRule::leave_out, [&] {
    return std::string("split: by time, but ") +
           (ratings.times.empty() ? "the ratings have no times" : "entry " + std::to_string(*unknown) + " has none");
  });
  const std::vector<Offset> drawn = permutation(static_cast<Offset>(known.size()), seed, stream);
  for (std::size_t k = 0; k < known.size(); ++k) keys[k] = static_cast<double>(drawn[k]);
  return keys;
}

/// Moves those of `known`, positions of ratings, that a rule other than random holds out to the front, and returns how
/// many they are; both parts keep their order, in which equal times are too. By user, at least one rating of each
/// stays. Cost: a sort.
inline Offset hold_out_last(const Ratings& ratings, std::span<Offset> known, const SplitOptions& options, double ratio,
                            std::uint64_t seed, std::uint32_t stream) {
  const auto count = static_cast<Offset>(known.size());
  const auto at = [](const auto& values, Offset k) { return values[static_cast<std::size_t>(k)]; };
  const auto user = [&](Offset k) {
    return options.rule == SplitRule::time ? Index{0} : at(ratings.entries, at(known, k)).user;
  };
  const std::vector<double> keys = order_keys(ratings, known, options.rule, seed, stream);
  std::vector<Offset> order(known.size());
  std::iota(order.begin(), order.end(), Offset{0});
  std::sort(order.begin(), order.end(), [&](Offset a, Offset b) {
    return std::tuple(user(a), at(keys, a), a) < std::tuple(user(b), at(keys, b), b);
  });
  std::vector<bool> held(known.size());
  for (Offset begin = 0, end = 0; begin < count; begin = end) {
    while (end < count && user(at(order, end)) == user(at(order, begin))) ++end;
    Offset last = options.rule == SplitRule::leave_out ? Offset{options.left_out} : share_of(ratio, end - begin);
    if (options.rule != SplitRule::time) last = std::min(last, end - begin - 1);
    for (Offset k = end - last; k < end; ++k) held[static_cast<std::size_t>(at(order, k))] = true;
  }
  auto next = order.begin();
  for (const bool wanted : {true, false})
    for (Offset k = 0; k < count; ++k)
      if (at(held, k) == wanted) *next++ = at(known, k);
  std::copy(order.begin(), order.end(), known.begin());
  return std::count(held.begin(), held.end(), true);
}

/// What is split: the ratings themselves, or, by any rule, their positions.
template <class Value>
inline constexpr bool is_position = std::is_same_v<Value, Offset>;

/// Moves what is tested to the front of `values`, one for each rating, and returns how many it is: the set's own test
/// part, in its order; a fold; what the rule holds out; or the first of a shuffle by test_seed. Throws InputError for a
/// ratio that is not in [0, 1), a set's part beyond its entries, a fold of a set that has a part of its own, and a
/// split by time without times.
template <class Value>
Offset hold_out_test(const Ratings& ratings, std::span<Value> values, const SplitOptions& options) {
  constexpr std::uint32_t stream = 0x53504C54;  // the seed's other uses take other streams
  require_ratio(options.test_ratio, "test_ratio");
  const auto count = static_cast<Offset>(ratings.entries.size());
  require(ratings.test_begin <= count, [&] {
    return "split: test_begin is " + std::to_string(ratings.test_begin) + ", but there are " + std::to_string(count) +
           " entries";
  });
  require(ratings.valid_begin <= std::max(Offset{-1}, ratings.test_begin), [&] {
    return "split: valid_begin is " + std::to_string(ratings.valid_begin) + ", but test_begin is " +
           std::to_string(ratings.test_begin);
  });
  require(options.folds == 0 || (!ratings.has_fixed_test() && options.fold >= 1 && options.fold <= options.folds), [&] {
    return "split: fold " + std::to_string(options.fold) + " of " + std::to_string(options.folds) +
           (ratings.has_fixed_test() ? ", but the ratings have a test part of their own"
                                     : ": set fold from 1 on (train_folds trains them all)");
  });
  require(options.folds <= count, [&] {
    return "split: " + std::to_string(options.folds) + " folds of " + std::to_string(count) +
           " ratings, some of which would test nothing: ask for at most as many folds as ratings";
  });
  if (ratings.has_fixed_test()) {
    std::rotate(values.begin(), values.begin() + ratings.test_begin, values.end());
    return count - ratings.test_begin;
  }
  if constexpr (is_position<Value>)
    if (options.rule != SplitRule::random)
      return hold_out_last(ratings, values, options, options.test_ratio, options.test_seed, stream);
  shuffle(values, options.test_seed, stream, options.threads);
  if (options.folds == 0) return share_of(options.test_ratio, count);
  const Offset begin = count * (options.fold - 1) / options.folds, end = count * options.fold / options.folds;
  std::rotate(values.begin(), values.begin() + begin, values.end());
  return end - begin;
}

/// The same of `known`, those that are not tested, and what is validated: the set's own validation part; what the rule
/// holds out; or the first of a shuffle by valid_seed.
template <class Value>
Offset hold_out_valid(const Ratings& ratings, std::span<Value> known, const SplitOptions& options) {
  constexpr std::uint32_t stream = 0x53504C56;
  require_ratio(options.valid_ratio, "valid_ratio");
  const auto count = static_cast<Offset>(known.size());
  if (ratings.has_fixed_valid()) {
    std::rotate(known.begin(), known.begin() + ratings.valid_begin, known.end());
    return count - ratings.valid_begin;
  }
  if constexpr (is_position<Value>)
    if (options.rule != SplitRule::random && options.valid_ratio > 0)
      return hold_out_last(ratings, known, options, options.valid_ratio, options.valid_seed, stream);
  shuffle(known, options.valid_seed, stream, options.threads);
  return share_of(options.valid_ratio, count);
}

/// Where validation and test begin.
struct PartBounds {
  Offset train = 0, test_begin = 0;
};

/// Brings `values`, one for each rating in their order, into the order training, validation, test: hold_out_test, and
/// hold_out_valid of the rest; each part keeps the order in which it was held out. Throws InputError if training would
/// be empty.
template <class Value>
PartBounds arrange(const Ratings& ratings, std::span<Value> values, const SplitOptions& options) {
  const Offset test = hold_out_test(ratings, values, options);
  const Offset valid = hold_out_valid(ratings, values.subspan(static_cast<std::size_t>(test)), options);
  const Offset test_begin = static_cast<Offset>(values.size()) - test, train = test_begin - valid;
  require(train > 0, [&] {
    return "split: no rating is left to train on: " + std::to_string(values.size()) + " ratings, " +
           std::to_string(test) + " in test and " + std::to_string(valid) + " in validation";
  });
  std::rotate(values.begin(), values.begin() + test + valid, values.end());
  std::rotate(values.begin() + train, values.begin() + train + test, values.end());
  return {train, test_begin};
}

/// Positions of a set's ratings, arrange()d. Memory: 8 bytes a rating, and 32 more by a rule but random.
struct SplitPositions : PartBounds {
  std::vector<Offset> order;

  SplitPositions(const Ratings& ratings, const SplitOptions& options) : order(ratings.entries.size()) {
    std::iota(order.begin(), order.end(), Offset{0});
    static_cast<PartBounds&>(*this) = arrange(ratings, std::span(order), options);
  }
};

/// The parts of a set's ratings. One array holds them all: training, then validation, then test.
class Split {
 public:
  /// A copy of the ratings, as arrange() says. Throws as that. Memory: 12 bytes a rating, and 40 more while a rule
  /// but random is followed.
  Split(const Ratings& ratings, const SplitOptions& options) {
    if (options.rule == SplitRule::random) {
      reserve_in_large_pages(entries_, ratings.entries.size(), options.threads);
      entries_.assign(ratings.entries.begin(), ratings.entries.end());
      bounds_ = arrange(ratings, std::span(entries_), options);
      return;
    }
    const SplitPositions positions(ratings, options);
    bounds_ = positions;
    entries_.reserve(positions.order.size());
    for (const Offset position : positions.order)
      entries_.push_back(ratings.entries[static_cast<std::size_t>(position)]);
  }

  /// Parts that the caller has.
  Split(std::span<const Rating> train, std::span<const Rating> valid, std::span<const Rating> test)
      : bounds_{static_cast<Offset>(train.size()), static_cast<Offset>(train.size() + valid.size())} {
    entries_.reserve(train.size() + valid.size() + test.size());
    for (const auto part : {train, valid, test}) entries_.insert(entries_.end(), part.begin(), part.end());
  }

  std::span<const Rating> train() const { return between(0, bounds_.train); }
  std::span<const Rating> valid() const { return between(bounds_.train, bounds_.test_begin); }
  std::span<const Rating> train_and_valid() const { return between(0, bounds_.test_begin); }
  std::span<const Rating> test() const { return between(bounds_.test_begin, static_cast<Offset>(entries_.size())); }

 private:
  std::span<const Rating> between(Offset begin, Offset end) const {
    return std::span(entries_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

  std::vector<Rating> entries_;
  PartBounds bounds_;
};

/// The ratings that a Split with these options does not test, with a test part of its own that is empty: any split of
/// the result by the same rule has the same training and validation parts. For who must not see the test part.
inline Ratings without_test(Ratings ratings, const SplitOptions& options) {
  std::vector<Offset> order(ratings.entries.size());
  std::iota(order.begin(), order.end(), Offset{0});
  const Offset test = hold_out_test(ratings, std::span(order), options);
  const auto known = std::span(order).subspan(static_cast<std::size_t>(test));
  const auto taken = [&](auto& values) {
    auto kept = values;
    kept.clear();
    if (values.empty()) return kept;
    for (const Offset k : known) kept.push_back(values[static_cast<std::size_t>(k)]);
    return kept;
  };
  ratings.entries = taken(ratings.entries);
  ratings.times = taken(ratings.times);
  ratings.test_begin = static_cast<Offset>(ratings.entries.size());
  return ratings;
}

}  // namespace gcmc
