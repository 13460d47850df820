// What is measured of predictions, and the straight line that calibrates them.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// Sums over a set of rated pairs, from which the usual figures follow.
struct Metrics {
  Offset count = 0;
  double squared_error = 0;  ///< sum of (prediction - value)^2
  double absolute_error = 0;
  double cross_entropy = 0;  ///< sum of -log p(level)
  Offset correct = 0;        ///< the most probable level is the true one

  /// One pair of rating levels[level], which has this prediction and so probable levels.
  void add(double prediction, std::span<const double> probabilities, std::span<const double> levels, Level level) {
    const double error = prediction - levels[level];
    const auto likeliest = std::max_element(probabilities.begin(), probabilities.end());
    ++count;
    squared_error += error * error;
    absolute_error += std::abs(error);
    cross_entropy -= std::log(probabilities[level]);
    correct += likeliest - probabilities.begin() == level;
  }

  double rmse() const { return count ? std::sqrt(squared_error / static_cast<double>(count)) : 0.0; }
  double mae() const { return count ? absolute_error / static_cast<double>(count) : 0.0; }
  double accuracy() const { return count ? static_cast<double>(correct) / static_cast<double>(count) : 0.0; }
  double loss() const { return count ? cross_entropy / static_cast<double>(count) : 0.0; }
};

/// A straight line through predictions, clipped: min(max(offset + slope * prediction, lowest), highest).
struct Calibration {
  double offset = 0, slope = 1, lowest = 0, highest = 0;

  double operator()(double prediction) const { return std::clamp(unclipped(prediction), lowest, highest); }
  double unclipped(double prediction) const { return offset + slope * prediction; }
};

/// The line with the least sum of (offset + slope * predictions[k] - values[k])^2, without the clipping, whose ends are
/// given. Where it would not ascend, the mean is shifted alone; without predictions, nothing is.
inline Calibration fit_calibration(std::span<const double> predictions, std::span<const double> values, double lowest,
                                   double highest) {
  require(predictions.size() == values.size(), "calibration: predictions and values differ in number");
  Calibration line{0, 1, lowest, highest};
  if (predictions.empty()) return line;
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(predictions.begin(), predictions.end(), 0.0) / n;
  const double mean_value = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double variance = 0, covariance = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    variance += (predictions[k] - mean) * (predictions[k] - mean);
    covariance += (predictions[k] - mean) * (values[k] - mean_value);
  }
  if (covariance > 0) line.slope = covariance / variance;
  line.offset = mean_value - line.slope * mean;
  return line;
}

}  // namespace gcmc
