#include "time_left.hpp"

#include <algorithm>

using gcmc::Offset, gcmc::Progress;

namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Validated and tested embeddings are of two graphs, unless the validation ratings are trained on; a refit tests its
/// own.
gcmc::Index rounds_of_draws(const gcmc::Options& options) {
  if (options.train.embedding_draws == 0) return 0;
  const bool validated = !options.train.train_on_valid && options.run.valid_ratio > 0, tested = !options.train.refit;
  return gcmc::Index{validated} + gcmc::Index{tested};
}

}  // namespace

TimeLeft::TimeLeft(const gcmc::Options& options)
    : max_iterations_(options.train.max_iterations),
      draws_(options.train.embedding_draws),
      rounds_(rounds_of_draws(options)),
      refits_(options.train.refit ? options.train.refits : 0),
      takes_last_(options.train.selection == gcmc::Selection::last) {}

void TimeLeft::begin_model(const Progress& progress, Clock::time_point now) {
  if (progress.model == progress_.model) return;
  model_start_ = now;
  refitting_ = false;
  round_ = 0;
  best_iteration_ = 0;
}

void TimeLeft::observe(const Progress& progress) {
  const Clock::time_point now = Clock::now();
  if (first_model_ == 0) first_model_ = progress.model;
  begin_model(progress, now);
  if (progress.phase == Progress::Phase::embedding) {
    if (progress.draw > 1) {
      drawn_seconds_ += seconds_between(draw_start_, now);
      ++drawn_;
    } else if (!refitting_) {
      ++round_;
    }
    draw_start_ = now;
  } else {
    step_seconds_ += progress.seconds_step;
    ++steps_;
    refitting_ = progress.phase == Progress::Phase::refit;
    if (!refitting_) best_iteration_ = takes_last_ ? progress.iteration : progress.best_iteration;
  }
  progress_ = progress;
}

/// Before the first has been timed: an encoding is about a third of a step, which goes back too.
double TimeLeft::draw_seconds() const {
  if (drawn_ > 0) return drawn_seconds_ / static_cast<double>(drawn_);
  return steps_ > 0 ? step_seconds_ / static_cast<double>(steps_) / 3 : 0;
}

/// Of one refit that has not begun. As long as the first training goes on, its best iteration is taken to stay where it
/// is in proportion.
double TimeLeft::refit_seconds() const {
  if (steps_ == 0) return 0;
  auto steps = static_cast<double>(best_iteration_);
  if (progress_.phase == Progress::Phase::training && progress_.iteration > 0)
    steps *= static_cast<double>(max_iterations_) / static_cast<double>(progress_.iteration);
  return steps * step_seconds_ / static_cast<double>(steps_) + static_cast<double>(draws_) * draw_seconds();
}

double TimeLeft::model_seconds() const {
  const double refits = static_cast<double>(refitting_ ? refits_ - progress_.refit : refits_) * refit_seconds();
  if (progress_.phase == Progress::Phase::embedding) {
    const double here = static_cast<double>(progress_.draws - progress_.draw + 1) * draw_seconds();
    if (refitting_) return here + refits;
    const auto rounds = static_cast<double>(std::max(rounds_ - round_, 0));
    return here + rounds * static_cast<double>(draws_) * draw_seconds() + refits;
  }
  const Offset done = std::max<Offset>(progress_.iteration, 1);
  const double steps = progress_.seconds_total / static_cast<double>(done) *
                       static_cast<double>(progress_.max_iterations - progress_.iteration);
  const double rounds = refitting_ ? 1 : static_cast<double>(rounds_);
  return steps + rounds * static_cast<double>(draws_) * draw_seconds() + refits;
}

/// Later models take as long as those that are done, or as this one is going to.
double TimeLeft::seconds() const {
  const double left = model_seconds();
  const Clock::time_point now = Clock::now();
  const gcmc::Index done = progress_.model - std::max(first_model_, 1);
  const double each = done > 0 ? seconds_between(start_, model_start_) / static_cast<double>(done)
                               : seconds_between(start_, now) + left;
  return left + each * static_cast<double>(progress_.models - progress_.model);
}
