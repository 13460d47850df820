// How long a training still takes, by what it has taken so far.
#pragma once

#include <chrono>

#include "gcmc/options/options.hpp"
#include "gcmc/train/result.hpp"

/// A run is: training, draws of the embeddings' mean, then with `refit` a training without validation and draws again;
/// and all that once a model. Training may end before train_max_iter; the estimate is of one that does not.
class TimeLeft {
 public:
  explicit TimeLeft(const gcmc::Options& options);

  /// Called with every Progress, in order.
  void observe(const gcmc::Progress& progress);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  void begin_model(const gcmc::Progress& progress, Clock::time_point now);
  double draw_seconds() const;
  double refit_seconds() const;
  double model_seconds() const;

  const gcmc::Offset max_iterations_;
  const gcmc::Index draws_, rounds_;  ///< rounds of draws of the first training: one a graph
  const gcmc::Index refits_;
  const bool takes_last_;
  gcmc::Progress progress_;
  Clock::time_point start_ = Clock::now(), model_start_ = start_, draw_start_ = start_;
  gcmc::Index first_model_ = 0;  ///< that was observed; 0: none yet
  bool refitting_ = false;
  gcmc::Index round_ = 0;  ///< of the first training, counted from 1
  gcmc::Offset best_iteration_ = 0;
  double step_seconds_ = 0, drawn_seconds_ = 0;  ///< of all steps and draws that have been timed
  gcmc::Offset steps_ = 0, drawn_ = 0;
};
