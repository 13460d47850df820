// What a run or a search shows: one line rewritten on a terminal; elsewhere DGL's lines, or a line a trained trial.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "gcmc/train/result.hpp"
#include "gcmc/train/search.hpp"
#include "program_options.hpp"
#include "time_left.hpp"

/// Prints the progress of one training run to standard output, nothing if silent.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(const Settings& settings);

  void operator()(const gcmc::Progress& progress);
  /// Tells on standard error what a stop does to what is running. May be called from another thread.
  void tell_stop();
  /// What was running last.
  gcmc::Progress::Phase phase() const { return phase_; }
  /// Whether the last model's refit had begun.
  bool refits() const { return refits_; }
  /// Ends the rewritten line, so that what follows starts on its own.
  void finish();

 private:
  std::string model_prefix(const gcmc::Progress& progress) const;
  static std::string refit_text(const char* name, const gcmc::Progress& progress);
  void tell_long_run();
  void tell_embedding(const gcmc::Progress& progress);
  void rewrite(const gcmc::Progress& progress);
  void rewrite_line(std::string line);
  void print_line(const gcmc::Progress& progress);

  const bool silent_, terminal_, may_end_early_, keeps_;
  const char* const member_;  ///< what several trainings are: models or folds
  const gcmc::Offset log_interval_;
  std::mutex mutex_;
  TimeLeft time_left_;
  gcmc::Progress::Phase phase_ = gcmc::Progress::Phase::training;
  gcmc::Offset steps_ = 0;               ///< since the last printed line: DGL prints means
  gcmc::Offset validation_told_at_ = 0;  ///< the iteration
  double loss_ = 0, train_rmse_ = 0, seconds_ = 0;
  double valid_rmse_ = -1;                            ///< the last one; negative: none yet
  std::chrono::steady_clock::time_point drawn_at_{};  ///< epoch: never
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool may_be_long_;  ///< and lost by a cut, which has not been told
  gcmc::Index model_ = 1, refit_ = 1, draws_ = 0;
  bool refits_ = false, steps_are_done_ = false, finished_ = false;
};

/// Prints the progress of a search to standard output, nothing if silent. May be called from several threads.
class TunePrinter {
 public:
  /// Prints what is about to be done. `done` are runs of an earlier search, which are not trained again.
  TunePrinter(const gcmc::TunePlan& plan, const std::vector<gcmc::TuneRun>& done, bool silent);

  void iteration();  ///< of any run
  void operator()(const gcmc::TuneRun& run);
  /// Tells on standard error what a stop gives up.
  void tell_stop();
  void finish();

 private:
  void count(const gcmc::TuneRun& run);
  void print_line(const gcmc::TuneRun& run) const;
  void rewrite();

  const gcmc::TunePlan& plan_;
  const bool silent_;
  const std::vector<gcmc::TrialValues> trials_;
  const std::vector<gcmc::Rung> rungs_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::chrono::steady_clock::time_point drawn_at_{};  ///< epoch: never
  gcmc::TuneRun best_;                                ///< of the highest rung so far
  gcmc::Offset runs_ = 0, planned_runs_ = 0;
  /// Of all runs; an ended one counts in full, though it may have stopped early.
  gcmc::Offset iterations_ = 0, ended_ = 0, resumed_ = 0, planned_ = 0;
};

/// An error with four decimals, or where it is below .1 (ratings may be of any scale) four digits.
std::string figure(double error);

/// Best Iter Idx=..., the line that DGL's users and SageMaker's tuner read.
std::string summary_line(const gcmc::RunMetrics& metrics);
/// The same of averaged predictions: iteration and validation are the members' means.
std::string summary_line(const gcmc::EnsembleMetrics& metrics);
/// The same of a cross-validation, in means over the folds, with the deviation of the test error.
std::string summary_line(const gcmc::FoldMetrics& metrics);

/// The same of a finished search.
std::string summary_line(const gcmc::TrialResult& best);

/// Does standard output go to a terminal that can rewrite a line?
bool is_terminal(int descriptor);
/// Is standard output a pipe that nobody reads any more?
bool output_is_closed();
