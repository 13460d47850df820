// What a case leaves in a backend's memory, how far it may be from the oracle's, and where it is farther.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "gcmc/testing/cases.hpp"
#include "gcmc/testing/reference.hpp"

namespace gcmc::testing {

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
template <class... Arrays>
Outcome outcome_of(const Arrays&... arrays) {
  Outcome outcome;
  (add(outcome, arrays), ...);
  return outcome;
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

/// Where `close(array, element)` first fails, as a sentence; empty if nowhere. Arrays of other sizes are a difference.
template <class Close>
std::string difference(const Outcome& expected, const Outcome& actual, const Close& close) {
  std::ostringstream text;
  if (expected.size() != actual.size()) text << actual.size() << " arrays, expected " << expected.size();
  for (std::size_t array = 0; text.str().empty() && array < expected.size(); ++array) {
    const std::size_t size = expected[array].size();
    if (size != actual[array].size())
      text << "array " << array << ": " << actual[array].size() << " elements, expected " << size;
    for (std::size_t i = 0; text.str().empty() && i < size; ++i)
      if (!close(array, i))
        text.precision(9), text << "array " << array << ", element " << i << " of " << size << ": expected "
                                << expected[array][i] << ", got " << actual[array][i];
  }
  return text.str();
}

/// |expected - actual| <= tolerance, element by element; what the oracle left NaN is still NaN.
inline std::string difference(const Outcome& expected, const Outcome& actual, const Outcome& tolerance) {
  return difference(expected, actual, [&](std::size_t array, std::size_t i) {
    const double want = expected[array][i], got = actual[array][i];
    return std::isnan(want) ? std::isnan(got) : std::fabs(want - got) <= tolerance.at(array).at(i);
  });
}

inline std::string difference_of_bits(const Outcome& first, const Outcome& again) {
  return difference(first, again, [&](std::size_t array, std::size_t i) {
    return std::memcmp(&first[array][i], &again[array][i], sizeof(double)) == 0;
  });
}

}  // namespace gcmc::testing
