// The learning rate over a run, and when to stop: plateau decay, cosine or constant.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gcmc/options/options.hpp"

namespace gcmc {

/// Follows the validations of a run. Plateau, as DGL does it: a counter of validations without improvement; beyond
/// early_stopping_patience at the lowest rate: stop; else beyond decay_patience: rate = max(rate * factor, lowest), and
/// the counter restarts if the rate changed. Cosine: rate (f + (1 - f) (1 + cos(pi (t - 1) / N)) / 2), f = lowest /
/// rate.
class RateSchedule {
 public:
  explicit RateSchedule(const TrainOptions& options) : options_(options), rate_(options.learning_rate) {}

  /// Of step t, counted from 1.
  double rate(Offset t) const {
    if (options_.schedule != Schedule::cosine) return rate_;
    const double along = static_cast<double>(t - 1) / static_cast<double>(options_.max_iterations);
    const double lowest = std::min(options_.min_learning_rate, options_.learning_rate);
    return lowest + (options_.learning_rate - lowest) * 0.5 * (1 + std::cos(std::numbers::pi * along));
  }

  /// A validation after step `iteration`. Returns whether it is the best so far.
  bool observe(double valid_rmse, Offset iteration) {
    if (valid_rmse < best_) {
      best_ = valid_rmse;
      best_iteration_ = iteration;
      without_improvement_ = 0;
      return true;
    }
    ++without_improvement_;
    if (options_.schedule != Schedule::plateau) return false;
    if (without_improvement_ > options_.early_stopping_patience && rate_ <= options_.min_learning_rate) {
      stopped_ = true;
    } else if (without_improvement_ > options_.decay_patience) {
      const double lower = std::max(rate_ * options_.decay_factor, options_.min_learning_rate);
      if (lower < rate_) {
        rate_ = lower;
        without_improvement_ = 0;
      }
    }
    return false;
  }

  bool stopped() const { return stopped_; }
  double best() const { return best_; }  ///< infinity before the first validation
  Offset best_iteration() const { return best_iteration_; }

 private:
  TrainOptions options_;
  double rate_;
  double best_ = std::numeric_limits<double>::infinity();
  Offset best_iteration_ = 0, without_improvement_ = 0;
  bool stopped_ = false;
};

}  // namespace gcmc
