// A loop over an array in ranges that threads share.
#pragma once

#include <algorithm>
#include <cstddef>

#include "gcmc/base/parallel.hpp"

namespace gcmc {

inline constexpr std::size_t range_size = 1 << 16;

/// Calls body(begin, end) for the ranges of `range_size` that make up 0 to `count`, on threads as run_parallel has
/// them.
template <class Body>
void for_each_range(int threads, std::size_t count, const Body& body) {
  run_parallel(threads, static_cast<Offset>((count + range_size - 1) / range_size), [&](Offset range) {
    const std::size_t begin = static_cast<std::size_t>(range) * range_size;
    body(begin, std::min(begin + range_size, count));
  });
}

}  // namespace gcmc
