// What a run tells while it goes on, and what it leaves: figures, curve, model.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gcmc/model/saved_model.hpp"
#include "gcmc/ratings/metrics.hpp"

namespace gcmc {

/// What is known after an iteration. The figures of validation and test are there where they were read in it.
struct Progress {
  /// The second training, on train + validation, is the refit; embedding draws dropout for the chosen weights.
  enum class Phase { training, refit, embedding };
  Phase phase = Phase::training;
  Index refit = 1, refits = 1;  ///< of the trainings of the refit: the one that goes on, or whose draws these are
  Index draw = 0, draws = 0;    ///< of the embeddings' mean: the one that is about to be drawn
  Index model = 1, models = 1;  ///< of train_ensemble
  Offset iteration = 0, max_iterations = 0;
  double loss = 0, train_rmse = 0;  ///< of the training ratings, dropout on
  std::optional<double> valid_rmse, test_rmse;
  double best_valid_rmse = std::numeric_limits<double>::infinity();  ///< ... before the first validation
  Offset best_iteration = 0;
  bool improved = false;
  double learning_rate = 0;
  double seconds_step = 0;  ///< of this step, evaluation excluded
  double seconds_total = 0;
};

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
  bool stopped = false;                       ///< before its time: by a signal or a time budget
  double seconds_total = 0, seconds_per_iteration = 0;
  double seconds_validating = 0;  ///< between the steps; since the last cut of a training that was gone on with
  Offset peak_memory_bytes = 0;

  /// Is the test RMSE, or else the validation RMSE, below the baseline's? A figure of training compares with nothing.
  std::optional<bool> beats_baseline() const;
};

/// What a run leaves: figures, curve, and the model that was chosen.
struct TrainResult {
  RunMetrics metrics;
  Metrics test;                     ///< the sums behind the test figures
  std::vector<HistoryRow> history;  ///< one row an evaluation
  SavedModel model;
};

/// Mean of `value` over the members that have it; 0 if none has.
template <class Function>
double mean_over(const std::vector<RunMetrics>& members, const Function& value) {
  double sum = 0;
  int count = 0;
  for (const RunMetrics& member : members)
    if (const std::optional<double> one = value(member)) {
      sum += *one;
      ++count;
    }
  return count ? sum / count : 0;
}

/// Means over the members; 0 where none has the figure.
inline double mean_valid_rmse(const std::vector<RunMetrics>& members) {
  return mean_over(members, [](const RunMetrics& member) { return member.best_valid_rmse; });
}
inline double mean_test_rmse(const std::vector<RunMetrics>& members) {
  return mean_over(members, [](const RunMetrics& member) { return std::optional(member.best_test_rmse); });
}
/// Sample standard deviation of the members' test RMSE; 0 of one.
inline double test_rmse_deviation(const std::vector<RunMetrics>& members) {
  if (members.size() < 2) return 0;
  const double mean = mean_test_rmse(members), count = static_cast<double>(members.size());
  const double square = mean_over(members, [&](const RunMetrics& member) {
    return std::optional((member.best_test_rmse - mean) * (member.best_test_rmse - mean));
  });
  return std::sqrt(square * count / (count - 1));
}

/// Several models of one configuration: each one's figures, and those of their averaged predictions.
struct EnsembleMetrics {
  std::vector<RunMetrics> members;
  Metrics test;  ///< of the averaged predictions

  double mean_valid_rmse() const { return gcmc::mean_valid_rmse(members); }
  double mean_test_rmse() const { return gcmc::mean_test_rmse(members); }
  double test_rmse_deviation() const { return gcmc::test_rmse_deviation(members); }
  std::optional<bool> beats_baseline() const;
};

/// A cross-validation: the figures of its folds.
struct FoldMetrics {
  std::vector<RunMetrics> folds;
  Index planned = 0;  ///< more than there are where the last one was stopped

  double mean_valid_rmse() const { return gcmc::mean_valid_rmse(folds); }
  double mean_test_rmse() const { return gcmc::mean_test_rmse(folds); }
  double test_rmse_deviation() const { return gcmc::test_rmse_deviation(folds); }
  double mean_baseline_rmse() const {
    return mean_over(folds, [](const RunMetrics& fold) { return std::optional(fold.baseline_test_rmse); });
  }
};

inline std::optional<bool> RunMetrics::beats_baseline() const {
  if (test_ratings > 0) return best_test_rmse < baseline_test_rmse;
  if (!best_valid_rmse || !baseline_valid_rmse || valid_in_training) return std::nullopt;
  return *best_valid_rmse < *baseline_valid_rmse;
}

inline std::optional<bool> EnsembleMetrics::beats_baseline() const {
  if (members.empty() || test.count == 0) return std::nullopt;
  return test.rmse() < members.front().baseline_test_rmse;
}

}  // namespace gcmc
