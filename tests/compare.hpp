// Runs a case on the oracle and on every backend that this machine has, and compares what comes out.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cases.hpp"
#include "cuda_under_test.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"
#include "reference.hpp"

namespace gcmc::cases {

/// All arrays that a case writes, padding included. Floats, indices and offsets fit in doubles exactly.
using Outcome = std::vector<std::vector<double>>;

/// Half the distance between 1 and the next number: the largest relative error of one rounding.
template <class T>
inline constexpr double roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;

template <class T>
void add(Outcome& outcome, const std::vector<T>& values) {
  outcome.emplace_back(values.begin(), values.end());
}
template <class B, class T>
void add(Outcome& outcome, const Buffer<B, T>& buffer) {
  add(outcome, buffer.get());
}
template <class B, class T>
void add(Outcome& outcome, const Held<B, T>& held) {
  add(outcome, held.buffer.get());
}

/// factor * magnitude, where magnitude is sum |terms|: the oracle's outcome for the absolute values of the inputs.
/// A sum of n products in any order is within n roundoff sum |terms| (Higham 2002, section 3.1).
inline Outcome scaled(Outcome magnitude, double factor) {
  for (std::vector<double>& array : magnitude)
    for (double& x : array) x = std::isnan(x) ? 0 : factor * std::fabs(x);
  return magnitude;
}

/// Equal values.
inline Outcome exact(const Outcome& expected) { return scaled(expected, 0); }

/// |expected - actual| <= tolerance, element by element; what the oracle left NaN is still NaN.
inline void require_close(const Outcome& expected, const Outcome& actual, const Outcome& tolerance) {
  REQUIRE(expected.size() == actual.size());
  REQUIRE(expected.size() == tolerance.size());
  for (std::size_t array = 0; array < expected.size(); ++array) {
    REQUIRE(expected[array].size() == actual[array].size());
    REQUIRE(expected[array].size() == tolerance[array].size());
    for (std::size_t i = 0; i < expected[array].size(); ++i) {
      const double want = expected[array][i], got = actual[array][i];
      const bool close = std::isnan(want) ? std::isnan(got) : std::fabs(want - got) <= tolerance[array][i];
      if (close) continue;
      INFO("array " << array << ", element " << i << " of " << expected[array].size() << ": expected " << want
                    << ", got " << got << ", difference " << got - want << ", tolerance " << tolerance[array][i]);
      FAIL();
    }
  }
}

inline void require_same_bits(const Outcome& expected, const Outcome& actual) {
  REQUIRE(expected.size() == actual.size());
  for (std::size_t array = 0; array < expected.size(); ++array) {
    REQUIRE(expected[array].size() == actual[array].size());
    for (std::size_t i = 0; i < expected[array].size(); ++i) {
      if (std::memcmp(&expected[array][i], &actual[array][i], sizeof(double)) == 0) continue;
      INFO("array " << array << ", element " << i << ": " << expected[array][i] << " became " << actual[array][i]);
      FAIL();
    }
  }
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
    for (const char* isa : {"portable", "avx2", "avx512"}) try {
        std::vector<Cpu> one;
        for (int threads = 1; threads <= 2; ++threads) one.emplace_back(threads, isa);
        found.push_back(std::move(one));
      } catch (const Error& error) {
        std::printf("%s: skipped (%s)\n", isa, error.what());
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
}  // namespace gcmc::cases
