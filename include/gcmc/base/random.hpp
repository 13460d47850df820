// Sequences of random numbers, and a seeded permutation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "gcmc/base/mask.hpp"
#include "gcmc/base/parallel.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// A sequence of draws from one (seed, stream): for initialisation, splits and generators, where order is serial.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint32_t stream = 0) : seed_(seed), stream_(stream) {}

  std::uint32_t bits() {
    if (used_ == 4) {
      words_ = philox(
          {static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32), stream_, 0xFFFFFFFFu}, seed_);
      ++block_;
      used_ = 0;
    }
    return words_[static_cast<std::size_t>(used_++)];
  }
  /// Uniform in [0, 1), 53 bits: two of bits().
  double uniform() {
    const std::uint32_t high = bits(), low = bits();
    return gcmc::uniform(high, low);
  }
  /// Uniform in [0, n), n < 2^53. (Processors convert signed numbers sooner.)
  std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>(
        static_cast<std::int64_t>(uniform() * static_cast<double>(static_cast<std::int64_t>(n))));
  }

 private:
  std::uint64_t seed_;
  std::uint32_t stream_;
  std::uint64_t block_ = 0;
  int used_ = 4;
  std::array<std::uint32_t, 4> words_{};
};

/// Swaps of a shuffle on several threads whose places are drawn at a time.
inline constexpr Offset shuffle_round = Offset{1} << 17;

/// Brings values into a uniformly random order (Fisher and Yates), the same for a seed on every machine and any number
/// of threads. Of many values, one thread swaps while another draws the places of the next swaps; each place is asked
/// of memory some swaps ahead, since most of the time is the wait for it.
template <class Value>
void shuffle(std::span<Value> values, std::uint64_t seed, std::uint32_t stream = 0, int threads = 1) {
  constexpr Offset ahead = 64, round_in_cache = Offset{1} << 11;
  const Offset swaps = static_cast<Offset>(values.size()) - 1;  // the k-th is that of values[swaps - k]
  if (swaps <= 4 * shuffle_round) threads = 1;
  const Offset round = threads > 1 ? shuffle_round : round_in_cache;
  std::array<std::vector<Offset>, 2> places;
  for (std::vector<Offset>& drawn : places) drawn.reserve(static_cast<std::size_t>(round));
  Random random(seed, stream);
  const auto draw_places = [&](Offset first) {
    std::vector<Offset>& drawn = places[static_cast<std::size_t>(first / round % 2)];
    drawn.clear();
    for (Offset k = first; k < std::min(first + round, swaps); ++k)
      drawn.push_back(static_cast<Offset>(random.below(static_cast<std::uint64_t>(swaps - k) + 1)));
  };
  const auto swap_values = [&](Offset first) {
    const std::vector<Offset>& drawn = places[static_cast<std::size_t>(first / round % 2)];
    const auto place = [&](std::size_t k) -> Value& { return values[static_cast<std::size_t>(drawn[k])]; };
    for (std::size_t k = 0; k < drawn.size(); ++k) {
      __builtin_prefetch(&place(std::min(k + ahead, drawn.size() - 1)), 1);
      std::swap(values[static_cast<std::size_t>(swaps - first) - k], place(k));
    }
  };
  draw_places(0);
  for (Offset first = 0; first < swaps; first += round)
    run_parallel(threads, 2, [&](Offset task) {
      if (task == 0)
        swap_values(first);
      else
        draw_places(first + round);
    });
}

/// 0 .. n-1 in a uniformly random order: shuffle().
inline std::vector<Offset> permutation(Offset n, std::uint64_t seed, std::uint32_t stream = 0) {
  std::vector<Offset> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Offset{0});
  shuffle(std::span(order), seed, stream);
  return order;
}

}  // namespace gcmc
