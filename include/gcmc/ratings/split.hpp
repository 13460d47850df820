// The split of a set of ratings into training, validation and test parts: one permuted array, and spans of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/base/random.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

struct SplitOptions {
  double test_ratio = 0.1;   ///< of all ratings, where the set has no test split of its own; in [0, 1)
  double valid_ratio = 0.1;  ///< of the others; in [0, 1)
  std::uint64_t test_seed = 0, valid_seed = 0;
};

/// Where a set's test part comes from: entries[order[k]], k < test, are tested, the others are for training and
/// validation. The set's own test split, in its order, or a permutation by `seed`.
struct TestPart {
  std::vector<Offset> order;
  Offset test = 0;

  /// Throws InputError if the ratio is not in [0, 1) or test_begin is beyond the entries.
  TestPart(const Ratings& ratings, double ratio, std::uint64_t seed) {
    constexpr std::uint32_t stream = 0x53504C54;  // the seed's other uses take other streams
    require_ratio(ratio, "test_ratio");
    const auto count = static_cast<Offset>(ratings.entries.size());
    require(ratings.test_begin <= count, [&] {
      return "split: test_begin is " + std::to_string(ratings.test_begin) + ", but there are " + std::to_string(count) +
             " entries";
    });
    require(ratings.valid_begin <= std::max(Offset{-1}, ratings.test_begin), [&] {
      return "split: valid_begin is " + std::to_string(ratings.valid_begin) + ", but test_begin is " +
             std::to_string(ratings.test_begin);
    });
    if (ratings.has_fixed_test()) {
      test = count - ratings.test_begin;
      order.resize(ratings.entries.size());
      std::iota(order.begin(), order.end(), Offset{0});
      std::rotate(order.begin(), order.begin() + ratings.test_begin, order.end());
    } else {
      test = share(ratio, count);
      order = permutation(count, seed, stream);
    }
  }

  static void require_ratio(double ratio, const char* name) {
    require(ratio >= 0.0 && ratio < 1.0, [&] {
      return std::string("split: ") + name + " is " + std::to_string(ratio) + ", a number in [0, 1) is needed";
    });
  }
  static Offset share(double ratio, Offset count) {
    return static_cast<Offset>(std::floor(ratio * static_cast<double>(count) + 0.5));
  }
};

/// The parts of a set's ratings. One array holds them all: training, then validation, then test.
class Split {
 public:
  /// The data set's own test split if it has one, else the first `test_ratio` of a permutation by test_seed; then the
  /// set's own validation part if it has one, else the first `valid_ratio` of (another permutation, by valid_seed, of)
  /// the rest. Each part keeps the order of the permutation. Memory: a copy of the ratings; while it is made, 16 bytes
  /// a rating more. Throws InputError if training would be empty.
  Split(const Ratings& ratings, const SplitOptions& options) {
    constexpr std::uint32_t stream = 0x53504C56;
    TestPart::require_ratio(options.valid_ratio, "valid_ratio");
    const TestPart part(ratings, options.test_ratio, options.test_seed);
    const Offset known = static_cast<Offset>(part.order.size()) - part.test;
    const Offset valid =
        ratings.has_fixed_valid() ? known - ratings.valid_begin : TestPart::share(options.valid_ratio, known);
    train_ = known - valid;
    test_begin_ = known;
    require(train_ > 0, [&] {
      return "split: no rating is left to train on: " + std::to_string(ratings.entries.size()) + " ratings, " +
             std::to_string(part.test) + " in test and " + std::to_string(valid) + " in validation";
    });
    std::vector<Offset> second = permutation(known, options.valid_seed, stream);
    if (ratings.has_fixed_valid()) {  // validation first, as where it is drawn
      std::iota(second.begin(), second.end(), Offset{0});
      std::rotate(second.begin(), second.begin() + ratings.valid_begin, second.end());
    }
    entries_.reserve(part.order.size());
    const auto take = [&](Offset k) { entries_.push_back(ratings.entries[static_cast<std::size_t>(part.order[k])]); };
    for (Offset k = valid; k < known; ++k) take(part.test + second[k]);
    for (Offset k = 0; k < valid; ++k) take(part.test + second[k]);
    for (Offset k = 0; k < part.test; ++k) take(k);
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

/// The ratings that a Split with this test_ratio and test_seed does not test, with a test split of its own that is
/// empty: any split of the result has the same training and validation parts. For who must not see the test part.
inline Ratings without_test(Ratings ratings, double test_ratio, std::uint64_t test_seed) {
  const TestPart part(ratings, test_ratio, test_seed);
  std::vector<Rating> known;
  known.reserve(part.order.size() - static_cast<std::size_t>(part.test));
  for (auto k = static_cast<std::size_t>(part.test); k < part.order.size(); ++k)
    known.push_back(ratings.entries[static_cast<std::size_t>(part.order[k])]);
  ratings.entries = std::move(known);
  ratings.test_begin = static_cast<Offset>(ratings.entries.size());
  return ratings;
}

}  // namespace gcmc
