// gcmc train: data, training, the run's files, and what the user sees of them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints.hpp"
#include "commands.hpp"
#include "continued.hpp"
#include "device.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/save_run.hpp"
#include "gcmc/model/answer_text.hpp"
#include "gcmc/train/folds.hpp"
#include "memory.hpp"
#include "notes.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "stop_signal.hpp"

namespace {

using gcmc::Options;

constexpr const char *config_file = "config.json", *predictions_file = "test_predictions.csv";

/// Stacked levels share the units evenly; what is left over is not used.
void note_lowered_units(const gcmc::Ratings& ratings, const gcmc::ModelOptions& model) {
  const gcmc::ConvolutionShape shape(gcmc::convolution_options(model), static_cast<gcmc::Index>(ratings.levels.size()));
  if (shape.hidden == model.units) return;
  tell_note("gcn_agg_units is lowered from " + std::to_string(model.units) + " to " + std::to_string(shape.hidden) +
            ", " + std::to_string(shape.width) + " for each of " + std::to_string(shape.tables) + " stacked levels");
}

void note_nothing_kept() {
  tell_note("nothing of this run will be kept: --save-dir DIR keeps the model and its figures");
}

void print_baseline(double rmse, std::optional<bool> beaten) {
  std::printf("Bias baseline Test RMSE=%s%s\n", figure(rmse).c_str(),
              beaten == false ? ": the model does not beat it" : "");
}

void print_valid_in_training(const gcmc::RunMetrics& metrics) {
  if (metrics.valid_in_training) std::printf("Validation ratings were trained on: Valid RMSE is a training figure\n");
}

void print_metrics(const gcmc::RunMetrics& metrics) {
  std::printf("%lld iterations, %.4f s each, validations %.1f s, %lld parameters, %s\n",
              static_cast<long long>(metrics.iterations), metrics.seconds_per_iteration, metrics.seconds_validating,
              static_cast<long long>(metrics.parameters), metrics.backend.c_str());
  print_valid_in_training(metrics);
  if (metrics.test_ratings > 0) {
    std::printf("Test MAE=%s, accuracy=%.4f, loss=%.4f\n", figure(metrics.best_test_mae).c_str(),
                metrics.best_test_accuracy, metrics.best_test_loss);
    print_baseline(metrics.baseline_test_rmse, metrics.beats_baseline());
  } else if (metrics.baseline_valid_rmse) {
    std::printf("Bias baseline Valid RMSE=%s%s\n", figure(*metrics.baseline_valid_rmse).c_str(),
                metrics.beats_baseline() == false ? ": the model does not beat it" : "");
  }
}

void print_ensemble(const gcmc::EnsembleMetrics& metrics) {
  for (const gcmc::RunMetrics& member : metrics.members)
    std::printf("Seed=%llu, %s\n", static_cast<unsigned long long>(member.seed), summary_line(member).c_str());
  print_valid_in_training(metrics.members.front());
  if (metrics.test.count > 0) {
    std::printf("Mean Test RMSE=%s, deviation=%s\n", figure(metrics.mean_test_rmse()).c_str(),
                figure(metrics.test_rmse_deviation()).c_str());
    std::printf("Average of %zu models: Test MAE=%s, accuracy=%.4f, loss=%.4f\n", metrics.members.size(),
                figure(metrics.test.mae()).c_str(), metrics.test.accuracy(), metrics.test.loss());
    print_baseline(metrics.members.front().baseline_test_rmse, metrics.beats_baseline());
  }
}

/// config.json, history.csv, metrics.json and curve.svg of one model, in `place`, which is empty or ends in /.
void add_member(std::vector<gcmc::RunFile>& files, const std::string& place, const Settings& settings,
                const std::vector<gcmc::HistoryRow>& history, const gcmc::RunMetrics& metrics,
                const gcmc::ReadReport& read) {
  files.push_back({place + config_file, settings_json(settings)});
  files.push_back({place + "history.csv", gcmc::history_csv(history)});
  files.push_back({place + "metrics.json", gcmc::metrics_json(metrics, &read)});
  files.push_back({place + "curve.svg", gcmc::curve_svg(history, metrics)});
}

/// A single model's files lie in the run's folder; of several, in seed-S/, and their joint figures in the folder.
std::vector<gcmc::RunFile> run_files(const Settings& settings, const gcmc::EnsembleResult& result,
                                     const gcmc::ReadReport& read) {
  const auto& members = result.metrics.members;
  std::vector<gcmc::RunFile> files;
  if (settings.options.train.seeds == 1) {
    add_member(files, "", settings, result.histories.front(), members.front(), read);
    return files;
  }
  files.push_back({config_file, settings_json(settings)});
  files.push_back({"metrics.json", gcmc::metrics_json(result.metrics, &read)});
  for (std::size_t k = 0; k < members.size(); ++k)
    add_member(files, "seed-" + std::to_string(members[k].seed) + "/", settings.with(result.options[k]),
               result.histories[k], members[k], read);
  return files;
}

/// Each fold's files lie in fold-N/, their joint figures in the run's folder. No model is saved.
std::vector<gcmc::RunFile> run_files(const Settings& settings, const gcmc::FoldsResult& result,
                                     const gcmc::ReadReport& read) {
  std::vector<gcmc::RunFile> files = {{config_file, settings_json(settings)},
                                      {"metrics.json", gcmc::metrics_json(result.metrics, &read)}};
  for (std::size_t k = 0; k < result.options.size(); ++k)
    add_member(files, "fold-" + std::to_string(k + 1) + "/", settings.with(result.options[k]), result.histories[k],
               result.metrics.folds[k], read);
  return files;
}

/// user,item,rating,prediction of the test part, by the model or the mean of several, which are moved there and back.
std::string predictions_csv(gcmc::EnsembleResult& result, const gcmc::Ratings& ratings, const Options& options) {
  const gcmc::Split split(ratings, gcmc::split_options(options));
  gcmc::Predictor predictor(std::move(result.models), options.run.threads);
  std::vector<gcmc::Predictor::Pair> pairs;
  for (const gcmc::Rating& rating : split.test()) pairs.push_back({rating.user, rating.item});
  const std::vector<double> predictions = predictor.predict(pairs);
  const int decimals = gcmc::rating_decimals(predictor.model());
  std::string csv = "user,item,rating,prediction\n";
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const gcmc::Rating& rating = split.test()[k];
    gcmc::append_csv_field(csv, ratings.user_ids[static_cast<std::size_t>(rating.user)]);
    gcmc::append_csv_field(csv += ',', ratings.item_ids[static_cast<std::size_t>(rating.item)]);
    csv += ',' + gcmc::level_name(ratings.levels[rating.level]) + ',';
    gcmc::append_fixed(csv, predictions[k], decimals);
    csv += '\n';
  }
  result.models = std::move(predictor).release();
  return csv;
}

/// Where that fails after all, the models alone go where the system keeps temporary files. Throws what is wrong.
void write_run(const std::string& folder, const Settings& settings, gcmc::EnsembleResult& result,
               const gcmc::DataSource& data) {
  std::vector<gcmc::RunFile> files = run_files(settings, result, data.report);
  if (settings.program.test_predictions)
    files.push_back({predictions_file, predictions_csv(result, data.ratings, settings.options)});
  std::error_code none;
  try {
    gcmc::save_run(folder, files, result.models, settings.program.model_dir);
  } catch (const gcmc::Error& problem) {
    const std::exception_ptr failure = std::current_exception();
    std::string place = (std::filesystem::temp_directory_path(none) / "gcmc-model-XXXXXX").string();
    if (none || !mkdtemp(place.data())) std::rethrow_exception(failure);
    try {
      gcmc::save_models(place + "/model", result.models);
    } catch (const gcmc::Error&) {
      std::filesystem::remove_all(place, none);
      std::rethrow_exception(failure);
    }
    throw gcmc::FileError(std::string(problem.what()) + "; the model was saved to " + place + " instead");
  }
}

/// What was asked for, should the run not come to its end; not beside an older run's files.
void write_config_first(const std::filesystem::path& folder, const Settings& settings) {
  const std::string text = settings_json(settings);  // what cannot be written is told now
  for (const char* name : {"metrics.json", "model"})
    if (std::filesystem::exists(folder / name)) return;
  gcmc::write_file_atomically((folder / config_file).string(), text);
}

/// What a signal or the end of a time budget cut off.
void tell_stopped(const gcmc::EnsembleResult& result, const Options& options, const ProgressPrinter& printer,
                  bool by_signal, bool goes_on, bool kept) {
  const gcmc::RunMetrics& last = result.metrics.members.back();
  if (!last.stopped) return;
  std::string where;
  if (options.train.seeds > 1)
    where =
        ": " + std::to_string(result.models.size()) + " of " + std::to_string(options.train.seeds) + " models are kept";
  else if (const gcmc::Index refits = result.models.front().members();
           last.refitted && refits < options.train.members())
    where = " after " + std::to_string(refits) + " of " + std::to_string(options.train.members()) + " refits";
  else if (last.refitted || (by_signal && printer.phase() == gcmc::Progress::Phase::embedding))
    where = " while embeddings were averaged: they are those of one pass";
  else if (printer.refits())
    where = std::string(" in the refit: the model is that of the first training") +
            (by_signal && options.train.embedding_draws > 0 ? ", its embeddings of one pass" : "");
  else
    where =
        " after iteration " + std::to_string(last.iterations) + " of " + std::to_string(options.train.max_iterations);
  const bool repeats = kept && !by_signal;
  std::fprintf(stderr, "gcmc: %s%s%s%s\n", by_signal ? "stopped by a signal" : "out of time", where.c_str(),
               goes_on ? "; the same command goes on from there" : "",
               repeats ? "; --config with its config.json trains to the end" : "");
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
  std::fflush(stdout);
}

gcmc::FoldsResult cross_validate(const gcmc::DataSource& data, const Settings& settings,
                                 const gcmc::OnProgress& on_progress, const std::stop_token& stop,
                                 const gcmc::TrainFunction& train_one) {
  gcmc::Ratings read;
  const auto ratings_of = [&](const Options& fold) -> const gcmc::Ratings& {
    if (fold.run.folds > 0) return data.ratings;
    return read = read_data(settings.with(fold)).ratings;
  };
  return gcmc::train_folds(folds_of(data, settings.options), ratings_of, on_progress, stop, train_one);
}

void print_result(const gcmc::FoldsResult& result, const Settings& settings, const std::string& folder) {
  const gcmc::FoldMetrics& metrics = result.metrics;
  if (metrics.folds.back().stopped)
    std::fprintf(stderr, "gcmc: stopped by a signal: %zu of %d folds are kept\n", metrics.folds.size(),
                 metrics.planned);
  if (!settings.program.silent) {
    for (std::size_t k = 0; k < metrics.folds.size(); ++k)
      std::printf("Fold=%zu, %s\n", k + 1, summary_line(metrics.folds[k]).c_str());
    print_valid_in_training(metrics.folds.front());
    std::printf("Bias baseline Mean Test RMSE=%s%s\n", figure(metrics.mean_baseline_rmse()).c_str(),
                metrics.mean_test_rmse() < metrics.mean_baseline_rmse() ? "" : ": the model does not beat it");
    if (!folder.empty())
      std::printf(
          "Written to %s: figures, and no model. gcmc train --config %s/fold-1/config.json --save-dir DIR makes "
          "that of a fold\n",
          folder.c_str(), folder.c_str());
  }
  std::printf("%s\n", summary_line(metrics).c_str());
  std::fflush(stdout);
}

/// Prints the result whether it can be saved or not, and throws what save() does.
template <class Result, class Save>
void save_and_print(const Result& result, const Settings& settings, const std::string& folder, const Save& save) {
  std::exception_ptr unsaved;
  try {
    save();
  } catch (...) {
    unsaved = std::current_exception();
  }
  print_result(result, settings, unsaved ? "" : folder);
  if (unsaved) std::rethrow_exception(unsaved);
}

/// With what reading has left of a time budget.
Options after_reading(Options options, std::chrono::steady_clock::time_point start) {
  double& budget = options.train.time_budget;
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (budget > 0) budget = std::max(budget - passed, 0.001);
  return options;
}

/// Who repeats the run is to have the number of steps that a time budget chose, and no budget.
void record_chosen_steps(gcmc::TrainOptions& options, const gcmc::TrainOptions& trained) {
  if (options.time_budget == 0 || trained.time_budget > 0) return;
  options.time_budget = 0;
  options.max_iterations = trained.max_iterations;
}

}  // namespace

void run_train(const OptionsFor& options_for) {
  const auto start = std::chrono::steady_clock::now();
  Settings settings = options_for(nullptr);
  const gcmc::TrainFunction train_one = training_on(settings.options.run.device);
  const SaveFolder save_folder(settings.program);
  const std::string &folder = save_folder.path(), checkpoint_place = checkpoint_folder(settings.program, folder);
  const gcmc::RunOptions& run = settings.options.run;
  const bool all_folds = run.folds > 0 && run.fold == 0;
  gcmc::require(
      !all_folds || (checkpoint_place.empty() && settings.program.continued.empty()),
      "folds are neither gone on with from checkpoints nor from a model: leave out --folds, or train one --fold");
  gcmc::require(settings.options.train.time_budget == 0 || checkpoint_place.empty(),
                "--time-budget is for a training as a whole: leave it out, or --resume and --checkpoint-dir");
  gcmc::require(settings.program.model_dir.empty() || (!folder.empty() && !all_folds),
                all_folds ? "--model-dir and --folds: of folds no model is kept"
                          : "--model-dir needs --save-dir, a folder for the run's other files");
  gcmc::require(!settings.program.test_predictions || (!folder.empty() && !all_folds),
                all_folds ? "--test-predictions and --folds: of folds figures alone are kept"
                          : "--test-predictions needs --save-dir, where they go");
  std::optional<gcmc::FolderLock> lock;
  if (!folder.empty()) {
    lock.emplace(folder);
    gcmc::check_run_folder(folder, settings.program.model_dir);
  }
  std::vector<gcmc::SavedModel> weights = load_continued(settings.program);
  gcmc::DataSource data = load(settings);
  const RecordedData recorded = record(data, settings);
  if (!weights.empty()) data.ratings = gcmc::with_levels(std::move(data.ratings), weights.front().levels);
  const gcmc::Ratings& ratings = data.ratings;
  settings = options_for(&ratings);
  settings.recorded = recorded;
  check_memory(ratings, settings.options);
  note_lowered_units(ratings, settings.options.model);
  if (!settings.program.silent) print_data(data, settings.options);
  if (folder.empty() && !settings.program.silent) note_nothing_kept();
  if (!weights.empty()) tell_continued(weights.front(), ratings, settings.options);
  if (!folder.empty()) write_config_first(folder, settings);

  Checkpoints checkpoints(settings, checkpoint_place, ratings, weights);
  gcmc::EnsembleContinuation continuation = checkpoints.continuation();
  continuation.weights = std::move(weights);
  ProgressPrinter printer(settings);
  StopOnSignal stop;
  const std::stop_callback on_stop(stop.token(), [&] { printer.tell_stop(); });
  const auto show = [&](const gcmc::Progress& progress) {
    printer(progress);
    if (!settings.program.silent && output_is_closed()) stop.request();
  };
  if (all_folds) {
    const gcmc::FoldsResult result = cross_validate(data, settings, show, stop.token(), train_one);
    printer.finish();
    save_and_print(result, settings, folder, [&] {
      if (!folder.empty()) gcmc::save_run(folder, run_files(settings, result, data.report), {});
    });
    lock.reset();
    return;
  }
  gcmc::EnsembleResult result = gcmc::train_ensemble(ratings, after_reading(settings.options, start), show,
                                                     stop.token(), train_one, std::move(continuation));
  printer.finish();
  record_chosen_steps(settings.options.train, result.options.front().train);
  save_and_print(result, settings, folder, [&] {
    if (!folder.empty()) write_run(folder, settings, result, data);
    if (!result.metrics.members.back().stopped) checkpoints.remove();
    tell_stopped(result, settings.options, printer, stop.token().stop_requested(), checkpoints.are_kept(),
                 !folder.empty());
  });
  lock.reset();  // while signals still wait
}
