// gcmc train: data, training, the run's files, and what the user sees of them.
#include <cstdio>
#include <filesystem>
#include <stop_token>
#include <string>

#include "commands.hpp"
#include "device.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/train/ensemble.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "staged_files.hpp"
#include "stop_signal.hpp"

namespace {

using gcmc::Options;

constexpr const char* config_file = "config.json";

/// Stacked levels share the units evenly; what is left over is not used.
void note_lowered_units(const gcmc::Ratings& ratings, const gcmc::ModelOptions& model) {
  const gcmc::ConvolutionShape shape(gcmc::convolution_options(model), static_cast<gcmc::Index>(ratings.levels.size()));
  if (shape.hidden == model.units) return;
  std::fprintf(stderr, "gcmc: note: gcn_agg_units is lowered from %d to %d, %d for each of %d stacked levels\n",
               model.units, shape.hidden, shape.width, shape.tables);
}

void note_nothing_kept() {
  std::fprintf(stderr,
               "gcmc: note: nothing of this run will be kept: --save-dir DIR keeps the model and its figures\n");
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
void stage_member(StagedFiles& files, const std::filesystem::path& folder, const Settings& settings,
                  const std::vector<gcmc::HistoryRow>& history, const gcmc::RunMetrics& metrics) {
  files.write(folder / config_file, settings_json(settings));
  files.write(folder / "history.csv", gcmc::history_csv(history));
  files.write(folder / "metrics.json", gcmc::metrics_json(metrics));
  files.write(folder / "curve.svg", gcmc::curve_svg(history, metrics));
}

/// A single model's files lie in `folder`; of several, in seed-S/, and their joint figures in `folder`. The models come
/// first, and are in place or not at all; the other files are beside their places until then. So a full disk costs the
/// new run, and leaves an older one as it was.
void write_run(const std::filesystem::path& folder, const Settings& settings, const gcmc::EnsembleResult& result) {
  const auto& members = result.metrics.members;
  StagedFiles files;
  if (settings.options.train.seeds == 1) {
    stage_member(files, folder, settings, result.histories.front(), members.front());
  } else {
    for (std::size_t k = 0; k < members.size(); ++k) {
      const std::filesystem::path place = folder / ("seed-" + std::to_string(members[k].seed));
      make_folder(place);
      stage_member(files, place, {result.options[k], settings.program}, result.histories[k], members[k]);
    }
    files.write(folder / config_file, settings_json(settings));
    files.write(folder / "metrics.json", gcmc::metrics_json(result.metrics));
  }
  gcmc::save_models((folder / "model").string(), result.models);
  files.commit();
}

/// What was asked for, should the run not come to its end; not beside an older run's files.
void write_config_first(const std::filesystem::path& folder, const Settings& settings) {
  for (const char* name : {"metrics.json", "model"})
    if (std::filesystem::exists(folder / name)) return;
  gcmc::write_file_atomically((folder / config_file).string(), settings_json(settings));
}

/// What a signal cut off.
void tell_stopped(const gcmc::EnsembleResult& result, const Options& options, gcmc::Progress::Phase phase) {
  const gcmc::RunMetrics& last = result.metrics.members.back();
  if (!last.stopped) return;
  std::string where;
  if (options.train.seeds > 1)
    where =
        ": " + std::to_string(result.models.size()) + " of " + std::to_string(options.train.seeds) + " models are kept";
  else if (phase == gcmc::Progress::Phase::embedding)
    where = " while embeddings were averaged: they are those of one pass";
  else if (phase == gcmc::Progress::Phase::refit)
    where = " in the refit: the model is that of the first training";
  else
    where =
        " after iteration " + std::to_string(last.iterations) + " of " + std::to_string(options.train.max_iterations);
  std::fprintf(stderr, "gcmc: stopped by a signal%s\n", where.c_str());
}

void print_result(const gcmc::EnsembleResult& result, const Settings& settings, const std::string& folder) {
  const bool one = settings.options.train.seeds == 1;
  const gcmc::RunMetrics& first = result.metrics.members.front();
  if (!settings.program.silent) {
    if (one)
      print_metrics(first);
    else
      print_ensemble(result.metrics);
    if (!folder.empty()) std::printf("Written to %s\n", folder.c_str());
  }
  std::printf("%s\n", (one ? summary_line(first) : summary_line(result.metrics)).c_str());
}

}  // namespace

void run_train(const OptionsFor& options_for) {
  Settings settings = options_for(nullptr);
  const gcmc::TrainFunction train_one = training_on(settings.options.run.device);
  const std::string folder = make_save_folder(settings.program);
  const gcmc::Ratings ratings = load(settings);
  settings = options_for(&ratings);
  note_lowered_units(ratings, settings.options.model);
  if (!settings.program.silent) print_data(ratings, settings.options);
  if (folder.empty() && !settings.program.silent) note_nothing_kept();
  if (!folder.empty()) write_config_first(folder, settings);

  ProgressPrinter printer(settings);
  const StopOnSignal stop;
  const std::stop_callback on_stop(stop.token(), [&] { printer.tell_stop(); });
  const gcmc::EnsembleResult result = gcmc::train_ensemble(
      ratings, settings.options, [&](const gcmc::Progress& progress) { printer(progress); }, stop.token(), train_one);
  printer.finish();
  if (!folder.empty()) write_run(folder, settings, result);
  tell_stopped(result, settings.options, printer.phase());
  print_result(result, settings, folder);
}
