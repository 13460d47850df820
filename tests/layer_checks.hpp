// What tests of layers share: sizes, drawn numbers, plain products, and the check of gradients.
#pragma once

#include <cmath>
#include <vector>

#include "backends.hpp"
#include "gcmc/testing/gradient_check.hpp"
#include "gcmc/testing/reference.hpp"

namespace gcmc {

using Values = std::vector<double>;

inline constexpr Index users = 7, items = 9, levels = 3;

template <class Check>
inline void on_every_backend(const Check& check) {
  for_each_backend(check);
  testing::Reference reference;
  check(reference);
}

inline Values drawn(Offset count, std::uint64_t seed) {
  Random random(seed);
  Values values(static_cast<std::size_t>(count));
  for (double& value : values) value = 2 * random.uniform() - 1;
  return values;
}

template <class B>
Matrix<B, double> matrix(B& backend, Index rows, Index columns, const Values& values) {
  Matrix<B, double> m(backend, rows, columns);
  m.set(values);
  return m;
}

inline double dot(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

/// Sums of some ten products of numbers about 1.
inline void check_equal(const Values& actual, const Values& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t k = 0; k < actual.size(); ++k) {
    INFO("value " << k);
    REQUIRE(std::abs(actual[k] - expected[k]) < 1e-13);
  }
}

template <class B, class Loss>
inline void require_gradient(Parameters<B, double>& parameters, const Loss& loss) {
  for (const testing::DirectionalDerivative& derivative : testing::check_gradient(parameters, loss)) {
    INFO(derivative.piece << ": analytic " << derivative.analytic << ", numeric " << derivative.numeric);
    CHECK(derivative.error() < 1e-6);
  }
}

/// Row-major A B.
inline Values product(const Values& a, const Values& b, Index rows, Index inner, Index columns) {
  Values c(static_cast<std::size_t>(rows) * columns);
  for (Offset i = 0; i < rows; ++i)
    for (Offset k = 0; k < inner; ++k)
      for (Offset n = 0; n < columns; ++n) c[i * columns + n] += a[i * inner + k] * b[k * columns + n];
  return c;
}

inline double leaky(double x) { return x > 0 ? x : 0.1 * x; }

}  // namespace gcmc
