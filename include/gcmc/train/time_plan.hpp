// How long a training with a time budget goes on.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "gcmc/train/work.hpp"

namespace gcmc {

/// Chooses the number of steps of a training with a time budget once enough of them have been timed, and says when that
/// training and its refit must have taken their last step, so that what follows still ends in time. Time counts from
/// when this is made. Without a budget no training is ever late.
template <class Clock = std::chrono::steady_clock>
class TimePlan {
 public:
  /// Before the first training is made: what its making takes, a refit's does too.
  void begin_training() { training_start_ = Clock::now(); }
  void begin_refit() { last_step_by_ = last_refit_step_by_; }

  /// After each step of the first training: the number of steps of the whole, where this is the step to choose it
  /// after. The first is not timed, for it takes longer.
  std::optional<Offset> steps_after(Offset iteration, const Options& options, const Ratings& ratings,
                                    const Split& split) {
    const TrainOptions& train = options.train;
    if (train.time_budget == 0) return {};
    if (iteration == 1) second_step_start_ = Clock::now();
    if (iteration != std::min(std::max(train.warm_up, timed_steps), train.max_iterations)) return {};
    const double steps = static_cast<double>(std::max<Offset>(iteration - 1, 1));
    const double step = seconds_since(second_step_start_) / steps;  // with all that is done between steps
    double left = train.time_budget - seconds_since(start_);
    if (train.refit) left -= train.refits * seconds_since(training_start_);  // which each does once more
    const TrainingWork work = training_work(options, ratings, split);
    last_refit_step_by_ = train.time_budget - seconds_to_test(options, work, step);
    last_step_by_ = *last_refit_step_by_ - seconds_to_choose(options, work, split, step);
    return std::min(train.max_iterations, iteration + steps_within(left, options, ratings, split, step));
  }

  bool is_late() const { return last_step_by_ && seconds_since(start_) > *last_step_by_; }

 private:
  static double seconds_since(typename Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  const typename Clock::time_point start_ = Clock::now();
  typename Clock::time_point training_start_ = start_, second_step_start_ = start_;
  std::optional<double> last_step_by_, last_refit_step_by_;  ///< seconds from the start on
};

}  // namespace gcmc
