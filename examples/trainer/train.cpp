// gcmc train: data, training, the run's files, and what the user sees of them.
#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "device.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/train/ensemble.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "stop_signal.hpp"

namespace {

using gcmc::Options;

/// Stacked levels share the units evenly; what is left over is not used.
void note_lowered_units(const gcmc::Ratings& ratings, const gcmc::ModelOptions& model) {
  const gcmc::ConvolutionShape shape(model, static_cast<gcmc::Index>(ratings.levels.size()));
  if (shape.hidden == model.units) return;
  std::fprintf(stderr, "gcmc: note: gcn_agg_units is lowered from %d to %d, %d for each of %d stacked levels\n",
               model.units, shape.hidden, shape.width, shape.tables);
}

void print_baseline(double rmse, std::optional<bool> beaten) {
  std::printf("Bias baseline Test RMSE=%.4f%s\n", rmse, beaten == false ? ": the model does not beat it" : "");
}

void print_metrics(const gcmc::RunMetrics& metrics) {
  std::printf("%lld iterations, %.4f s each, %lld parameters, %s\n", static_cast<long long>(metrics.iterations),
              metrics.seconds_per_iteration, static_cast<long long>(metrics.parameters), metrics.backend.c_str());
  if (metrics.valid_in_training) std::printf("Validation ratings were trained on: Valid RMSE is a training figure\n");
  if (metrics.test_ratings > 0) {
    std::printf("Test MAE=%.4f, accuracy=%.4f, loss=%.4f\n", metrics.best_test_mae, metrics.best_test_accuracy,
                metrics.best_test_loss);
    print_baseline(metrics.baseline_test_rmse, metrics.beats_baseline());
  } else if (metrics.baseline_valid_rmse) {
    std::printf("Bias baseline Valid RMSE=%.4f%s\n", *metrics.baseline_valid_rmse,
                metrics.beats_baseline() == false ? ": the model does not beat it" : "");
  }
}

void print_ensemble(const gcmc::EnsembleMetrics& metrics) {
  for (const gcmc::RunMetrics& member : metrics.members)
    std::printf("Seed=%llu, %s\n", static_cast<unsigned long long>(member.seed), summary_line(member).c_str());
  if (metrics.test.count > 0) {
    std::printf("Mean Test RMSE=%.4f, deviation=%.4f\n", metrics.mean_test_rmse(), metrics.test_rmse_deviation());
    std::printf("Average of %zu models: Test MAE=%.4f, accuracy=%.4f, loss=%.4f\n", metrics.members.size(),
                metrics.test.mae(), metrics.test.accuracy(), metrics.test.loss());
    print_baseline(metrics.members.front().baseline_test_rmse, metrics.beats_baseline());
  }
}

/// config.json, history.csv, metrics.json and curve.svg of one model.
void write_member(const std::filesystem::path& folder, const Settings& settings,
                  const std::vector<gcmc::HistoryRow>& history, const gcmc::RunMetrics& metrics) {
  gcmc::write_file_atomically((folder / "config.json").string(), settings_json(settings));
  gcmc::write_file_atomically((folder / "history.csv").string(), gcmc::history_csv(history));
  gcmc::write_file_atomically((folder / "metrics.json").string(), gcmc::metrics_json(metrics));
  gcmc::write_file_atomically((folder / "curve.svg").string(), gcmc::curve_svg(history, metrics));
}

/// A single model's files lie in `folder`; of several, in seed-S/, and their joint figures in `folder`.
void write_run(const std::filesystem::path& folder, const Settings& settings, const gcmc::EnsembleResult& result) {
  const auto& members = result.metrics.members;
  if (settings.options.train.seeds == 1) {
    write_member(folder, settings, result.histories.front(), members.front());
  } else {
    for (std::size_t k = 0; k < members.size(); ++k) {
      const std::filesystem::path place = folder / ("seed-" + std::to_string(members[k].seed));
      make_folder(place);
      write_member(place, {result.options[k], settings.program}, result.histories[k], members[k]);
    }
    gcmc::write_file_atomically((folder / "config.json").string(), settings_json(settings));
    gcmc::write_file_atomically((folder / "metrics.json").string(), gcmc::metrics_json(result.metrics));
  }
  gcmc::save_models((folder / "model").string(), result.models);
}

gcmc::EnsembleResult train_until_stopped(const gcmc::Ratings& ratings, const Settings& settings,
                                         const gcmc::TrainFunction& train_one) {
  const Options& options = settings.options;
  ProgressPrinter printer(settings);
  const StopOnSignal stop;
  gcmc::EnsembleResult result = gcmc::train_ensemble(
      ratings, options, [&](const gcmc::Progress& progress) { printer(progress); }, stop.token(), train_one);
  printer.finish();
  const gcmc::RunMetrics& last = result.metrics.members.back();
  if (last.stopped && options.train.seeds > 1)
    std::fprintf(stderr, "gcmc: stopped by a signal: %zu of %d models are kept\n", result.models.size(),
                 options.train.seeds);
  else if (last.stopped)
    std::fprintf(stderr, "gcmc: stopped by a signal after iteration %lld of %lld\n",
                 static_cast<long long>(last.iterations), static_cast<long long>(options.train.max_iterations));
  return result;
}

}  // namespace

void run_train(const OptionsFor& options_for) {
  Settings settings = options_for(nullptr);
  const gcmc::TrainFunction train_one = training_on(settings.options.run.device);
  const std::string folder = make_save_folder(settings.program);
  const gcmc::Ratings ratings = load(settings);
  settings = options_for(&ratings);
  const bool silent = settings.program.silent;
  note_lowered_units(ratings, settings.options.model);
  if (!silent) print_data(ratings, settings.options);
  const gcmc::EnsembleResult result = train_until_stopped(ratings, settings, train_one);
  if (!folder.empty()) write_run(folder, settings, result);
  const bool one = settings.options.train.seeds == 1;
  if (!silent) {
    if (one)
      print_metrics(result.metrics.members.front());
    else
      print_ensemble(result.metrics);
    if (!folder.empty()) std::printf("Written to %s\n", folder.c_str());
  }
  std::printf("%s\n", (one ? summary_line(result.metrics.members.front()) : summary_line(result.metrics)).c_str());
}
