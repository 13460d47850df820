// The split of a set of ratings into training, validation and test parts: one permuted array, and spans of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

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
};

/// Positions of ratings, the first `count` of which are held out of the others.
struct HeldOut {
  std::vector<Offset> order;
  Offset count = 0;
};

inline void require_ratio(double ratio, const char* name) {
  require(ratio >= 0.0 && ratio < 1.0, [&] {
    return std::string("split: ") + name + " is " + std::to_string(ratio) + ", a number in [0, 1) is needed";
  });
}
inline Offset share_of(double ratio, Offset count) {
  return static_cast<Offset>(std::floor(ratio * static_cast<double>(count) + 0.5));
}

/// The last ones of `count`, from `begin` on, in their order.
inline HeldOut hold_out_tail(Offset begin, Offset count) {
  HeldOut held{std::vector<Offset>(static_cast<std::size_t>(count)), count - begin};
  std::iota(held.order.begin(), held.order.end(), Offset{0});
  std::rotate(held.order.begin(), held.order.begin() + begin, held.order.end());
  return held;
}

/// What decides which of a user's (or of all) ratings are last: the times; of leave_out, where some rating has none, a
/// seeded draw. Of known[k], a position among the ratings. Throws InputError where a time is needed and not there.
inline std::vector<double> order_keys(const Ratings& ratings, std::span<const Offset> known, SplitRule rule,
                                      std::uint64_t seed, std::uint32_t stream) {
  const auto unknown = std::find_if(ratings.times.begin(), ratings.times.end(), [](double t) { return std::isnan(t); });
  const bool timed = !ratings.times.empty() && unknown == ratings.times.end();
  std::vector<double> keys(known.size());
  if (timed) {
    for (std::size_t k = 0; k < known.size(); ++k) keys[k] = ratings.times[static_cast<std::size_t>(known[k])];
    return keys;
  }
  require(rule == SplitRule::leave_out, [&] {
    return std::string("split: by time, but ") +
           (ratings.times.empty() ? "the ratings have no times"
                                  : "entry " + std::to_string(unknown - ratings.times.begin()) + " has none");
  });
  const std::vector<Offset> drawn = permutation(static_cast<Offset>(known.size()), seed, stream);
  for (std::size_t k = 0; k < known.size(); ++k) keys[k] = static_cast<double>(drawn[k]);
  return keys;
}

/// Of `known`, positions of ratings, those that a rule other than random holds out; positions in `known`. Equal times
/// are in the order of `known`. By user, at least one rating of each stays. Cost: a sort.
inline HeldOut hold_out_last(const Ratings& ratings, std::span<const Offset> known, const SplitOptions& options,
                             double ratio, std::uint64_t seed, std::uint32_t stream) {
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
  HeldOut result;
  result.order.reserve(known.size());
  for (const bool wanted : {true, false}) {
    for (Offset k = 0; k < count; ++k)
      if (at(held, k) == wanted) result.order.push_back(k);
    if (wanted) result.count = static_cast<Offset>(result.order.size());
  }
  return result;
}

/// What is tested: the set's own test part, in its order; a fold; what the rule holds out; or the first of a
/// permutation by test_seed. Throws InputError for a ratio that is not in [0, 1), a set's part beyond its entries, a
/// fold of a set that has a part of its own, and a split by time without times.
inline HeldOut hold_out_test(const Ratings& ratings, const SplitOptions& options) {
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
           (ratings.has_fixed_test() ? ", but the ratings have a test part of their own" : ": there is none");
  });
  if (ratings.has_fixed_test()) return hold_out_tail(ratings.test_begin, count);
  if (options.rule != SplitRule::random) {
    const HeldOut all = hold_out_tail(0, count);
    return hold_out_last(ratings, all.order, options, options.test_ratio, options.test_seed, stream);
  }
  HeldOut held{permutation(count, options.test_seed, stream), share_of(options.test_ratio, count)};
  if (options.folds > 0) {
    const Offset begin = count * (options.fold - 1) / options.folds, end = count * options.fold / options.folds;
    std::rotate(held.order.begin(), held.order.begin() + begin, held.order.end());
    held.count = end - begin;
  }
  return held;
}

/// What is validated of `known`, positions of ratings that are not tested: the set's own validation part; what the rule
/// holds out; or the first of a permutation by valid_seed. Positions in `known`.
inline HeldOut hold_out_valid(const Ratings& ratings, std::span<const Offset> known, const SplitOptions& options) {
  constexpr std::uint32_t stream = 0x53504C56;
  require_ratio(options.valid_ratio, "valid_ratio");
  const auto count = static_cast<Offset>(known.size());
  if (ratings.has_fixed_valid()) return hold_out_tail(ratings.valid_begin, count);
  if (options.rule != SplitRule::random && options.valid_ratio > 0)
    return hold_out_last(ratings, known, options, options.valid_ratio, options.valid_seed, stream);
  return {permutation(count, options.valid_seed, stream), share_of(options.valid_ratio, count)};
}

/// Positions of a set's ratings: training, then validation, then test.
struct SplitPositions {
  std::vector<Offset> order;
  Offset train = 0, test_begin = 0;  ///< where validation and test begin

  /// hold_out_test, and hold_out_valid of the rest; each part keeps the order in which it was held out. Memory: 24
  /// bytes a rating, and 32 more by a rule but random. Throws InputError if training would be empty.
  SplitPositions(const Ratings& ratings, const SplitOptions& options) {
    const HeldOut test = hold_out_test(ratings, options);
    const auto known = std::span(test.order).subspan(static_cast<std::size_t>(test.count));
    const HeldOut valid = hold_out_valid(ratings, known, options);
    test_begin = static_cast<Offset>(known.size());
    train = test_begin - valid.count;
    require(train > 0, [&] {
      return "split: no rating is left to train on: " + std::to_string(ratings.entries.size()) + " ratings, " +
             std::to_string(test.count) + " in test and " + std::to_string(valid.count) + " in validation";
    });
    order.reserve(test.order.size());
    const auto take_known = [&](Offset begin, Offset end) {
      for (Offset k = begin; k < end; ++k)
        order.push_back(known[static_cast<std::size_t>(valid.order[static_cast<std::size_t>(k)])]);
    };
    take_known(valid.count, test_begin);
    take_known(0, valid.count);
    order.insert(order.end(), test.order.begin(), test.order.begin() + test.count);
  }
};

/// The parts of a set's ratings. One array holds them all: training, then validation, then test.
class Split {
 public:
  /// SplitPositions of a copy of the ratings. Throws as that.
  Split(const Ratings& ratings, const SplitOptions& options) : Split(ratings, SplitPositions(ratings, options)) {}
  Split(const Ratings& ratings, const SplitPositions& positions)
      : train_(positions.train), test_begin_(positions.test_begin) {
    entries_.reserve(positions.order.size());
    for (const Offset position : positions.order)
      entries_.push_back(ratings.entries[static_cast<std::size_t>(position)]);
  }

  /// Parts that the caller has.
  Split(std::span<const Rating> train, std::span<const Rating> valid, std::span<const Rating> test)
      : train_(static_cast<Offset>(train.size())), test_begin_(train_ + static_cast<Offset>(valid.size())) {
    entries_.reserve(train.size() + valid.size() + test.size());
    for (const auto part : {train, valid, test}) entries_.insert(entries_.end(), part.begin(), part.end());
  }

  std::span<const Rating> train() const { return between(0, train_); }
  std::span<const Rating> valid() const { return between(train_, test_begin_); }
  std::span<const Rating> train_and_valid() const { return between(0, test_begin_); }
  std::span<const Rating> test() const { return between(test_begin_, static_cast<Offset>(entries_.size())); }

 private:
  std::span<const Rating> between(Offset begin, Offset end) const {
    return std::span(entries_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

  std::vector<Rating> entries_;
  Offset train_ = 0, test_begin_ = 0;
};

/// The ratings that a Split with these options does not test, with a test part of its own that is empty: any split of
/// the result by the same rule has the same training and validation parts. For who must not see the test part.
inline Ratings without_test(Ratings ratings, const SplitOptions& options) {
  const HeldOut test = hold_out_test(ratings, options);
  const auto known = std::span(test.order).subspan(static_cast<std::size_t>(test.count));
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
