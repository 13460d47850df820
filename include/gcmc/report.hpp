// What a training run leaves in its folder: config.json, history.csv, metrics.json and curve.svg.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gcmc/metrics.hpp"
#include "gcmc/options.hpp"

namespace gcmc {

/// One evaluation of the run: a row of history.csv.
struct HistoryRow {
  Offset iteration = 0;
  double loss = 0;        ///< mean cross-entropy of the training ratings, dropout on
  double train_rmse = 0;  ///< of the same pass
  std::optional<double> valid_rmse;
  std::optional<double> test_rmse;  ///< only where it was read
  double learning_rate = 0;
  double seconds = 0;  ///< since the start of training
};

/// metrics.json, in this order.
struct RunMetrics {
  std::string dataset, preset;
  std::uint64_t seed = 0;
  std::string backend;
  int threads = 0;
  Offset users = 0, items = 0, levels = 0, train_ratings = 0, valid_ratings = 0, test_ratings = 0, parameters = 0;
  Offset iterations = 0, best_iteration = 0;
  std::optional<double> best_valid_rmse;
  double best_test_rmse = 0, best_test_mae = 0, best_test_accuracy = 0, best_test_loss = 0;
  double baseline_test_rmse = 0;              ///< of the bias baseline fitted on training and validation ratings
  std::optional<double> baseline_valid_rmse;  ///< ... fitted on the training ratings
  bool valid_in_training = false;             ///< the validation figure is then a training figure
  bool refitted = false;                      ///< the test figures are of a model trained anew on train + validation
  std::optional<double> test_rmse_before_refit;
  bool stopped = false;  ///< by a signal, before its time
  double seconds_total = 0, seconds_per_iteration = 0;
  Offset peak_memory_bytes = 0;

  /// Is the test RMSE, or else the validation RMSE, below the baseline's? A figure of training compares with nothing.
  std::optional<bool> beats_baseline() const;
};

/// Several models of one configuration: each one's figures, and those of their averaged predictions.
struct EnsembleMetrics {
  std::vector<RunMetrics> members;
  Metrics test;  ///< of the averaged predictions

  double mean_valid_rmse() const;  ///< of the members; 0 if there is none
  double mean_test_rmse() const;
  double test_rmse_deviation() const;  ///< sample standard deviation of the members' test RMSE; 0 of one
  std::optional<bool> beats_baseline() const;
};

/// All options by name, as JSON text; reading it gives equal options. Read: unknown names are an Error.
std::string options_json(const Options& options);
/// Applies the JSON object in `path` to `options`. Throws Error with the file's name and what is wrong.
void apply_options_file(Options& options, const std::string& path);

/// Texts of the files. Numbers print so that they read back to the same bits; throws Error on one that is not finite.
std::string history_csv(const std::vector<HistoryRow>& history);
std::string metrics_json(const RunMetrics& metrics);
std::string metrics_json(const EnsembleMetrics& metrics);
/// RMSE (validation, test where read, the baseline dashed; training where there is neither) above loss, over one
/// iteration axis, the best iteration marked, title from the metrics. Early outliers are clipped, other values that
/// are not finite left out. A self-contained SVG of some 30 kB at most, 960 x 540, light background.
std::string curve_svg(const std::vector<HistoryRow>& history, const RunMetrics& metrics);

/// Writes `text` to path.tmp and renames. Throws Error with the system's reason.
void write_file_atomically(const std::string& path, const std::string& text);

}  // namespace gcmc
