// Philox4x32-10, uniform numbers, and dropout masks as functions of an index.
#pragma once

#include <array>
#include <cstdint>

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

/// Uniform in [0, 1), 53 bits: the upper ones of high, then low.
constexpr double uniform(std::uint32_t high, std::uint32_t low) {
  // Processors convert signed numbers sooner.
  return static_cast<double>(static_cast<std::int64_t>((std::uint64_t{high} << 32 | low) >> 11)) * 0x1.0p-53;
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

}  // namespace gcmc
