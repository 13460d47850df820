// What is measured of predictions, and the bias-only baseline that every report shows beside the model.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "gcmc/ratings.hpp"

namespace gcmc {

/// Sums over a set of rated pairs, from which the usual figures follow.
struct Metrics {
  Offset count = 0;
  double squared_error = 0;  ///< sum of (prediction - value)^2
  double absolute_error = 0;
  double cross_entropy = 0;  ///< sum of -log p(level)
  Offset correct = 0;        ///< the most probable level is the true one

  double rmse() const { return count ? std::sqrt(squared_error / static_cast<double>(count)) : 0.0; }
  double mae() const { return count ? absolute_error / static_cast<double>(count) : 0.0; }
  double accuracy() const { return count ? static_cast<double>(correct) / static_cast<double>(count) : 0.0; }
  double loss() const { return count ? cross_entropy / static_cast<double>(count) : 0.0; }
};

/// A straight line through predictions, clipped: min(max(offset + slope * prediction, lowest), highest).
struct Calibration {
  double offset = 0, slope = 1, lowest = 0, highest = 0;

  double operator()(double prediction) const { return std::clamp(offset + slope * prediction, lowest, highest); }
};

/// The line with the least sum of (offset + slope * predictions[k] - values[k])^2, without the clipping, whose ends are
/// given. Where the predictions are all equal, their mean is shifted alone; without any, nothing is.
Calibration fit_calibration(std::span<const double> predictions, std::span<const double> values, double lowest,
                            double highest);

/// Mean plus shrunken user and item biases: value(i, j) = mean + b_i + c_j, with
///   c_j = sum over i of (value - mean - b_i) / (lambda_item + |N_j|),  b_i likewise,
/// by alternating passes; predictions are clipped to [lowest, highest]. An unknown user or item has bias 0.
struct BiasBaseline {
  double mean = 0, lowest = 0, highest = 0;
  std::vector<double> user_bias, item_bias;

  double predict(Index user, Index item) const;  ///< a negative number is an unknown user or item
};

struct BiasOptions {
  double user_shrinkage = 5;
  double item_shrinkage = 2;
  int passes = 10;
};

/// Fits on `train`. Cost: passes * ratings.
BiasBaseline fit_bias_baseline(const Ratings& ratings, std::span<const Rating> train, BiasOptions options = {});

/// Squared and absolute error of the baseline (cross-entropy and accuracy stay 0).
Metrics evaluate(const BiasBaseline& baseline, const Ratings& ratings, std::span<const Rating> pairs);

}  // namespace gcmc
