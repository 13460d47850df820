// What several of the oracle's operations share: the type of sums, and the scores of one pair.
#pragma once

#include <cmath>
#include <type_traits>
#include <vector>

#include "gcmc/backend/operations.hpp"

namespace gcmc::testing {

/// What sums are kept in: double for float, long double for double.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

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

}  // namespace gcmc::testing
