// Sequences of random numbers, and a seeded permutation.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "gcmc/base/mask.hpp"
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
  /// Uniform in [0, 1), 53 bits.
  double uniform() {
    const std::uint64_t high = bits(), low = bits();
    return static_cast<double>((high << 32 | low) >> 11) * 0x1.0p-53;
  }
  /// Uniform in [0, n), n < 2^53.
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>(uniform() * static_cast<double>(n)); }

 private:
  std::uint64_t seed_;
  std::uint32_t stream_;
  std::uint64_t block_ = 0;
  int used_ = 4;
  std::array<std::uint32_t, 4> words_{};
};

/// A uniformly random order of 0 .. n-1 (Fisher and Yates), the same for a seed on every machine.
inline std::vector<Offset> permutation(Offset n, std::uint64_t seed, std::uint32_t stream = 0) {
  std::vector<Offset> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Offset{0});
  Random random(seed, stream);
  for (Offset i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[random.below(static_cast<std::uint64_t>(i) + 1)]);
  return order;
}

}  // namespace gcmc
