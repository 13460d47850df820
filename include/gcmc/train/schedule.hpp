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
/// the counter restarts if the rate changed. Where the options leave the interval to the library, a validation counts
/// for as many as it has steps. Cosine over the N steps after W of warm-up, f = lowest / rate:
/// rate (f + (1 - f) (1 + cos(pi (t - 1 - W) / N)) / 2). The rate of step t of the warm-up is t / W of the first.
class RateSchedule {
 public:
  /// What the validations so far have left.
  struct State {
    double rate = 0;  ///< of the plateau schedule
    double best = std::numeric_limits<double>::infinity();
    Offset best_iteration = 0, without_improvement = 0;
    bool stopped = false;
  };

  /// `valid_interval`: the steps between two validations, where the options leave it to the library.
  explicit RateSchedule(const TrainOptions& options, Offset valid_interval = 1)
      : options_(options),
        counts_for_(options.valid_interval == automatic_interval ? valid_interval : 1),
        state_{.rate = options.learning_rate} {}

  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

  /// Another number of steps. No rate of the warm-up depends on it.
  void plan(Offset max_iterations) { options_.max_iterations = max_iterations; }

  /// Of step t, counted from 1.
  double rate(Offset t) const {
    const double scheduled = rate_without_warm_up(t);
    return t < options_.warm_up ? scheduled * static_cast<double>(t) / static_cast<double>(options_.warm_up)
                                : scheduled;
  }

  /// A validation after step `iteration`. Returns whether it is the best so far.
  bool observe(double valid_rmse, Offset iteration) {
    if (valid_rmse < state_.best) {
      state_.best = valid_rmse;
      state_.best_iteration = iteration;
      state_.without_improvement = 0;
      return true;
    }
    state_.without_improvement += counts_for_;
    if (options_.schedule != Schedule::plateau) return false;
    if (state_.without_improvement > options_.early_stopping_patience && state_.rate <= options_.min_learning_rate) {
      state_.stopped = true;
    } else if (state_.without_improvement > options_.decay_patience) {
      const double lower = std::max(state_.rate * options_.decay_factor, options_.min_learning_rate);
      if (lower < state_.rate) {
        state_.rate = lower;
        state_.without_improvement = 0;
      }
    }
    return false;
  }

  bool stopped() const { return state_.stopped; }
  double best() const { return state_.best; }  ///< infinity before the first validation
  Offset best_iteration() const { return state_.best_iteration; }

 private:
  double rate_without_warm_up(Offset t) const {
    if (options_.schedule != Schedule::cosine) return state_.rate;
    const Offset rest = std::max(options_.max_iterations - options_.warm_up, Offset{1});
    const double along = static_cast<double>(std::max(t - 1 - options_.warm_up, Offset{0})) / static_cast<double>(rest);
    const double lowest = std::min(options_.min_learning_rate, options_.learning_rate);
    return lowest + (options_.learning_rate - lowest) * 0.5 * (1 + std::cos(std::numbers::pi * along));
  }

  TrainOptions options_;
  Offset counts_for_;  ///< of a validation without improvement
  State state_;
};

}  // namespace gcmc
