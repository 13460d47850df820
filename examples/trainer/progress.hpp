// What a run shows: one line rewritten on a terminal, DGL's lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "gcmc/options.hpp"
#include "gcmc/report.hpp"
#include "gcmc/trainer.hpp"

/// Prints the progress of one training run to standard output, nothing if silent.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(const gcmc::Options& options);

  void operator()(const gcmc::Progress& progress);
  /// Ends the rewritten line, so that what follows starts on its own.
  void finish();

 private:
  void rewrite(const gcmc::Progress& progress);
  void print_line(const gcmc::Progress& progress);

  bool silent_, terminal_;
  gcmc::Offset log_interval_, valid_interval_;
  gcmc::Offset steps_ = 0;  ///< since the last printed line: DGL prints means
  double loss_ = 0, train_rmse_ = 0, seconds_ = 0;
  double valid_rmse_ = -1;                            ///< the last one; negative: none yet
  std::chrono::steady_clock::time_point drawn_at_{};  ///< epoch: never
  gcmc::Index model_ = 1;
};

/// Best Iter Idx=..., the line that DGL's users and SageMaker's tuner read.
std::string summary_line(const gcmc::RunMetrics& metrics);
/// The same of averaged predictions: iteration and validation are the members' means.
std::string summary_line(const gcmc::EnsembleMetrics& metrics);

/// Does standard output go to a terminal that can rewrite a line?
bool is_terminal(int descriptor);
