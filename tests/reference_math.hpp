// The formulas that several of the oracle's operations share: activations, and the scores of one pair.
#pragma once

#include <cmath>
#include <type_traits>
#include <vector>

#include "gcmc/backend/operations.hpp"

namespace gcmc {

/// What sums are kept in: double for float, long double for double.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/// act(x); leaky_relu has slope 0.1 below 0.
template <class W>
W activation_value(Activation activation, W x) {
  switch (activation) {
    case Activation::leaky_relu:
      return x > 0 ? x : W{1} / 10 * x;
    case Activation::relu:
      return x > 0 ? x : W{0};
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::softsign:
      return x / (1 + std::fabs(x));
    case Activation::linear:
      return x;
  }
  return x;
}

/// act'(x) where y = act(x) is known. The slopes of the two kinked ones at 0 are those of the left side.
template <class W>
W activation_slope(Activation activation, W y) {
  switch (activation) {
    case Activation::leaky_relu:
      return y > 0 ? W{1} : W{1} / 10;
    case Activation::relu:
      return y > 0 ? W{1} : W{0};
    case Activation::tanh:
      return 1 - y * y;
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::softsign:
      return (1 - std::fabs(y)) * (1 - std::fabs(y));
    case Activation::linear:
      return W{1};
  }
  return W{1};
}

/// One pair's x_s, softmax and log of the softmax.
template <class T>
struct Scores {
  std::vector<Wide<T>> x, logit, p, log_p;
};

/// The scores of user i and item j, from a Decode or a Predict.
template <class T, template <class> class Op>
Scores<T> scores_of(const Op<T>& op, Index i, Index j) {
  const Index columns = op.items.columns, levels = op.pairs.levels;
  Scores<T> scores;
  scores.logit.assign(levels, 0);
  for (Index s = 0; s < op.bases; ++s) {
    Wide<T> x = 0;
    for (Index d = 0; d < columns; ++d)
      x += Wide<T>{op.user_basis.row(i)[s * row_stride<T>(columns) + d]} * op.items.row(j)[d];
    scores.x.push_back(x);
    for (Index r = 0; r < levels; ++r) scores.logit[r] += x * op.coefficients[s * row_stride<T>(levels) + r];
  }
  Wide<T> largest = scores.logit[0], sum = 0;
  for (const Wide<T> logit : scores.logit) largest = std::fmax(largest, logit);
  for (const Wide<T> logit : scores.logit) sum += std::exp(logit - largest);
  for (const Wide<T> logit : scores.logit) {
    scores.p.push_back(std::exp(logit - largest) / sum);
    scores.log_p.push_back(logit - largest - std::log(sum));
  }
  return scores;
}

/// Adds one pair to the sums; returns its prediction.
template <class T>
Wide<T> add_pair(const T* values, Index level, const Scores<T>& scores, DecodeSums& sums) {
  Wide<T> prediction = 0;
  std::size_t best = 0;
  for (std::size_t r = 0; r < scores.p.size(); ++r) {
    prediction += values[r] * scores.p[r];
    if (scores.logit[r] > scores.logit[best]) best = r;
  }
  const auto error = static_cast<double>(prediction - values[level]);
  sums.count += 1;
  sums.cross_entropy -= static_cast<double>(scores.log_p[level]);
  sums.squared_error += error * error;
  sums.absolute_error += std::fabs(error);
  sums.correct += static_cast<Index>(best) == level ? 1 : 0;
  return prediction;
}

}  // namespace gcmc
