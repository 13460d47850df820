// Runs a case on the oracle and on every backend that this machine has, and compares what comes out.
#pragma once

#include <string>
#include <vector>

#include "backends.hpp"
#include "catch.hpp"
#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

inline void require_close(const Outcome& expected, const Outcome& actual, const Outcome& tolerance) {
  const std::string found = difference(expected, actual, tolerance);
  INFO(found);
  REQUIRE(found.empty());
}

inline void require_same_bits(const Outcome& first, const Outcome& again) {
  const std::string found = difference_of_bits(first, again);
  INFO(found);
  REQUIRE(found.empty());
}

#ifdef GCMC_TEST_CUDA
/// The Cuda backend alone.
inline std::vector<std::vector<Cuda>>& processors() {
  static std::vector<std::vector<Cuda>> all = [] {
    std::vector<std::vector<Cuda>> found(1);
    found[0].emplace_back(0, cuda_options());
    return found;
  }();
  return all;
}
#else
/// The Cpu backend for every instruction set of this processor, each with 1 and 2 threads.
inline std::vector<std::vector<Cpu>>& processors() {
  static std::vector<std::vector<Cpu>> all = [] {
    std::vector<std::vector<Cpu>> found;
    for (const char* isa : {"portable", "avx2", "avx512"}) {
      if (!processor_has(isa)) continue;
      std::vector<Cpu> one;
      for (int threads = 1; threads <= 2; ++threads) one.emplace_back(threads, isa);
      found.push_back(std::move(one));
    }
    return found;
  }();
  return all;
}
#endif

/// run(backend) gives an Outcome. Every backend's is within `tolerance` of the oracle's, and is the same to the bit
/// for every number of threads and when run again.
template <class Run>
void check_on_all(const Run& run, const Outcome& tolerance) {
  Reference reference;
  const Outcome expected = run(reference);
  REQUIRE_FALSE(processors().empty());
  for (auto& processor : processors()) {
    INFO(processor[0].name());
    const Outcome first = run(processor[0]);
    {
      INFO("against the oracle");
      require_close(expected, first, tolerance);
    }
    INFO("against the first run");
    for (auto& threads : processor) require_same_bits(first, run(threads));
  }
}
}  // namespace gcmc::testing
