// Counter-based random numbers: Philox4x32-10, dropout masks as functions of an index, and a seeded permutation.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "gcmc/views.hpp"

namespace gcmc {

/// Philox4x32-10: four random words from a 128-bit counter and a 64-bit key.
/// Salmon, Moraes, Dror, Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3".
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ k0, static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return counter;
}

/// One Bernoulli mask: which indices of one tensor are kept in one training step. A function of its
/// fields alone, so every backend, thread count and machine count keeps the same ones.
/// Probabilities are multiples of 1/65536; the scale that keeps expectations exact uses the rounded one.
struct Mask {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t tensor = 0;  ///< names the array that is masked
  std::uint32_t keep_of_65536 = 65536;

  constexpr bool keeps_all() const { return keep_of_65536 >= 65536; }
  constexpr double scale() const { return keep_of_65536 == 0 ? 0.0 : 65536.0 / keep_of_65536; }
};

/// `drop` is the probability of dropping, in [0, 1].
constexpr Mask make_mask(std::uint64_t seed, std::uint32_t step, std::uint32_t tensor, double drop) {
  return {seed, step, tensor, static_cast<std::uint32_t>((1.0 - drop) * 65536.0 + 0.5)};
}

/// Is `index` kept? 64 neighbouring indices share 8 counters of 8 draws each, laid out so that a vector unit
/// produces them in order: index = 64 group + 16 word + 2 lane + half.
constexpr bool kept(const Mask& mask, std::uint64_t index) {
  const std::uint64_t counter = index / 64 * 8 + index / 2 % 8;
  const auto words =
      philox({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), mask.step, mask.tensor},
             mask.seed);
  return (words[index / 16 % 4] >> (16 * (index % 2)) & 0xFFFF) < mask.keep_of_65536;
}

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
