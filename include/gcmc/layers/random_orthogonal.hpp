// Random orthogonal matrices, for decoder bases that start orthogonal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "gcmc/base/random.hpp"

namespace gcmc {

/// A random orthogonal n x n matrix, row-major, uniform over all of them: Q of the QR factorisation of a Gaussian
/// matrix, with the signs that make R's diagonal positive (Mezzadri 2007). Householder reflections, each applied to the
/// whole rest and, from the last to the first, to the identity. Cost: 8/3 n^3.
inline std::vector<double> random_orthogonal(Index n, Random& random) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> a(size * size), q(size * size), v(size), sums(size), scale(size);
  for (double& value : a) {  // Box and Muller
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));
    value = radius * std::cos(2.0 * std::numbers::pi * random.uniform());
  }
  // m -= scale v (v^T m), of rows and columns from k on, where v is column k of a from row k on, v_k = 1.
  const auto reflect = [&](std::vector<double>& m, std::size_t k, std::size_t first_column) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t i = k; i < size; ++i)
      for (std::size_t j = first_column; j < size; ++j) sums[j] += v[i] * m[i * size + j];
    for (std::size_t i = k; i < size; ++i)
      for (std::size_t j = first_column; j < size; ++j) m[i * size + j] -= scale[k] * v[i] * sums[j];
  };
  std::vector<bool> negative(size);
  for (std::size_t k = 0; k < size; ++k) {
    double tail = 0;
    for (std::size_t i = k + 1; i < size; ++i) tail += a[i * size + k] * a[i * size + k];
    const double first = a[k * size + k];
    const double norm = std::sqrt(first * first + tail);
    const double diagonal = first >= 0 ? -norm : norm;  // of R
    negative[k] = diagonal < 0;
    if (tail == 0) {
      negative[k] = first < 0;
      continue;  // nothing to reflect: scale is 0
    }
    scale[k] = (diagonal - first) / diagonal;
    v[k] = 1;
    for (std::size_t i = k + 1; i < size; ++i) v[i] = a[i * size + k] /= first - diagonal;
    reflect(a, k, k + 1);
  }
  for (std::size_t k = 0; k < size; ++k) q[k * size + k] = 1;
  for (std::size_t k = size; k-- > 0;) {
    if (scale[k] == 0) continue;
    v[k] = 1;
    for (std::size_t i = k + 1; i < size; ++i) v[i] = a[i * size + k];
    reflect(q, k, k);
  }
  for (std::size_t j = 0; j < size; ++j)
    if (negative[j])
      for (std::size_t i = 0; i < size; ++i) q[i * size + j] = -q[i * size + j];
  return q;
}

}  // namespace gcmc
