// The one source of chance: what order threads, warps, blocks, streams and graph nodes take.
#include "internal.hpp"

namespace emulator {

static std::uint64_t word = 1;

std::uint64_t random_below(std::uint64_t n) {
  word ^= word << 13;  // xorshift64: Marsaglia 2003
  word ^= word >> 7;
  word ^= word << 17;
  return (word >> 32) * n >> 32;
}

void seed(std::uint64_t value) {
  word = (value + 1) * 0x9E3779B97F4A7C15u | 1;
  for (int i = 0; i < 8; ++i) random_below(2);
}

}  // namespace emulator
