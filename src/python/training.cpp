#include "training.hpp"

#include <concepts>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>

#include "gcmc/files/run_folder.hpp"
#include "gcmc/options/given_options.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/train/ensemble.hpp"
#include "gcmc/train/save.hpp"
#include "side_files.hpp"

namespace nb = nanobind;
using gcmc::Predictor;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// All that `fit` is told by name.
struct FitOptions {
  gcmc::Options options;
  gcmc::ReadOptions reading;
};

/// How columns are read; the library's rows are beside.
struct ColumnOptions {
  gcmc::ReadOptions reading;
};
template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, ColumnOptions>
void for_each_option(O& o, Visit&& visit) {
  visit(gcmc::OptionRow{"duplicates", "Data", "which rating of a pair counts"}, o.reading.duplicates);
  visit(gcmc::OptionRow{"rating_levels", "Data", "levels for values that are too many"}, o.reading.rating_levels);
}

std::string data_name(const Texts& texts) {
  const auto named = texts.find("data_name");
  return named == texts.end() ? "ratings" : named->second;
}

gcmc::Options preset_options(const std::string& preset, const Texts& texts, const gcmc::Ratings* ratings) {
  gcmc::Options options;
  gcmc::set_option(options, "preset", preset);
  if (!gcmc::looks_at_ratings(preset)) return gcmc::preset_options(preset, data_name(texts));
  if (const auto budget = texts.find("time_budget"); budget != texts.end())
    gcmc::set_option(options, "time_budget", budget->second);
  return ratings ? gcmc::preset_options(preset, data_name(texts), *ratings, options.train.time_budget) : options;
}

FitOptions with_texts(gcmc::Options start, const Texts& texts) {
  FitOptions fit{std::move(start), reading_options(texts)};
  ColumnOptions columns;
  for (const auto& [name, text] : texts)
    if (!gcmc::with_option(columns, name, [](const auto&...) {})) gcmc::set_option(fit.options, name, text);
  fit.options.run.data_name = data_name(texts);
  fit.reading.times = gcmc::times_for(fit.options.run.split);
  return fit;
}

/// The model's own options hold where training goes on; those of the split are the new ratings'.
gcmc::Options start_options(const std::string& preset, const Texts& texts, const gcmc::Ratings* ratings,
                            const Predictor* continued) {
  if (!continued) return preset_options(preset, texts, ratings);
  gcmc::Options options = continued->model().options;
  options.train.seeds = static_cast<gcmc::Index>(continued->models().size());
  options.run.split = gcmc::Options().run.split;
  options.run.device = {};
  options.run.threads = 0;
  return options;
}

nb::dict progress_dict(const gcmc::Progress& progress) {
  using Phase = gcmc::Progress::Phase;
  nb::dict row;
  row["phase"] = progress.phase == Phase::training ? "training"
                 : progress.phase == Phase::refit  ? "refit"
                                                   : "embedding";
  row["model"] = progress.model;
  row["refit"] = progress.refit;
  row["iteration"] = progress.iteration;
  row["max_iterations"] = progress.max_iterations;
  row["loss"] = progress.loss;
  row["train_rmse"] = progress.train_rmse;
  row["valid_rmse"] = progress.valid_rmse ? nb::cast(*progress.valid_rmse) : nb::none();
  row["best_valid_rmse"] = progress.best_valid_rmse;
  row["learning_rate"] = progress.learning_rate;
  row["seconds"] = progress.seconds_total;
  return row;
}

/// One row an evaluation of each model.
Columns history_dict(const std::vector<std::vector<gcmc::HistoryRow>>& histories) {
  std::vector<gcmc::Offset> model, iteration;
  std::vector<double> loss, train_rmse, valid_rmse, test_rmse, learning_rate, seconds;
  for (std::size_t k = 0; k < histories.size(); ++k)
    for (const gcmc::HistoryRow& row : histories[k]) {
      model.push_back(static_cast<gcmc::Offset>(k + 1));
      iteration.push_back(row.iteration);
      loss.push_back(row.loss);
      train_rmse.push_back(row.train_rmse);
      valid_rmse.push_back(row.valid_rmse.value_or(missing));
      test_rmse.push_back(row.test_rmse.value_or(missing));
      learning_rate.push_back(row.learning_rate);
      seconds.push_back(row.seconds);
    }
  Columns columns;
  columns["model"] = array_of(std::move(model));
  columns["iteration"] = array_of(std::move(iteration));
  columns["loss"] = array_of(std::move(loss));
  columns["train_rmse"] = array_of(std::move(train_rmse));
  columns["valid_rmse"] = array_of(std::move(valid_rmse));
  columns["test_rmse"] = array_of(std::move(test_rmse));
  columns["learning_rate"] = array_of(std::move(learning_rate));
  columns["seconds"] = array_of(std::move(seconds));
  return columns;
}

/// Calls Python after each iteration; the first Ctrl-C asks for the end, any other exception is the caller's.
class Watcher {
 public:
  Watcher(std::stop_source& stop, nb::object callback) : stop_(stop), callback_(std::move(callback)) {}

  void operator()(const gcmc::Progress& progress) const {
    const nb::gil_scoped_acquire held;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (!callback_.is_none()) callback_(progress_dict(progress));
    } catch (const nb::python_error& error) {
      if (!error.matches(PyExc_KeyboardInterrupt) || stop_.stop_requested()) throw;
      stop_.request_stop();
    }
  }

 private:
  std::stop_source& stop_;
  nb::object callback_;
};

/// Adds what files tell of users and items. Throws InputError for one of no use, whose note is then the last.
void add_side_files(gcmc::Ratings& ratings, const Texts& files, gcmc::ReadReport& report) {
  constexpr std::pair<const char*, std::string gcmc::ReadOptions::*> places[] = {
      {"user_features", &gcmc::ReadOptions::user_features},
      {"item_features", &gcmc::ReadOptions::item_features},
      {"user_graph", &gcmc::ReadOptions::user_graph},
      {"item_graph", &gcmc::ReadOptions::item_graph}};
  for (const auto& [name, place] : places) {
    const auto found = files.find(name);
    if (found == files.end()) continue;
    gcmc::ReadOptions reading;
    reading.*place = found->second;
    const std::size_t before = report.side_files.size();
    gcmc::add_side_files(ratings, reading, report);
    gcmc::require(report.side_files.size() > before, [&] { return report.notes.back(); });
  }
}

}  // namespace

gcmc::ReadOptions reading_options(const Texts& texts) {
  ColumnOptions columns;
  for (const auto& [name, text] : texts)
    gcmc::with_option(columns, name,
                      [&](const gcmc::OptionRow& row, auto& field) { gcmc::OptionText(row).read(text, field); });
  return columns.reading;
}

void check_options(const std::string& preset, const Texts& texts) {
  const gcmc::RunOptions run = with_texts(preset_options(preset, texts, nullptr), texts).options.run;
  gcmc::require(run.split.empty() || gcmc::is_split_rule(run.split),
                [&] { return "split " + run.split + " belongs to ml-100k's own files: use random"; });
  gcmc::require(
      run.device.kind != gcmc::Device::Kind::cuda,
      "device: fit trains on the processor: leave device out, or train by a program that was built with CUDA");
  gcmc::require(run.folds == 0 || run.fold > 0, "folds: fit trains on one fold: say by fold which it is, from 1");
}

Trained train(const TrainingData& data, const std::string& preset, const Texts& texts, const Predictor* continued,
              const nb::object& callback) {
  std::stop_source stop;
  const Watcher watcher(stop, callback);
  gcmc::ReadReport report;
  gcmc::EnsembleResult result;
  std::unique_ptr<Predictor> predictor;
  {
    const nb::gil_scoped_release released;
    const FitOptions asked = with_texts(start_options(preset, texts, nullptr, continued), texts);
    gcmc::Ratings ratings = ratings_of(data.ratings, data.valid, asked.options.run.data_name, asked.reading, report);
    if (continued) ratings = gcmc::with_levels(std::move(ratings), continued->model().levels);
    report.notes.clear();
    add_side_files(ratings, data.side_files, report);
    gcmc::Options options = with_texts(start_options(preset, texts, &ratings, continued), texts).options;
    gcmc::follow_given(options, !data.side_files.empty(), [&](const char* name) { return texts.contains(name); });
    gcmc::EnsembleContinuation continuation;
    if (continued) continuation.weights.assign(continued->models().begin(), continued->models().end());
    result = gcmc::train_ensemble(ratings, options, std::cref(watcher), stop.get_token(), gcmc::train_on_cpu,
                                  std::move(continuation));
    predictor = std::make_unique<Predictor>(std::move(result.models), options.run.threads);
  }
  const auto& members = result.metrics.members;
  const std::string metrics =
      result.options.size() == 1 ? gcmc::metrics_json(members.front()) : gcmc::metrics_json(result.metrics);
  return {std::move(predictor), history_dict(result.histories), metrics, report.notes, stop.stop_requested()};
}

/// Of auto and fast, which choose by the ratings, all options are told that they may choose; and those that others
/// would bring with them.
Texts options_beside_preset(const Predictor& predictor) {
  gcmc::Options options = predictor.model().options;
  options.run.device = {};
  options.run.threads = 0;
  if (!gcmc::is_split_rule(options.run.split)) options.run.split = {};
  const bool chosen = gcmc::looks_at_ratings(options.preset);
  gcmc::Options start;
  try {
    if (!chosen) start = gcmc::preset_options(options.preset, options.run.data_name);
  } catch (const gcmc::InputError&) {  // best, trained on with ratings of no set that it is for: as dgl
  }
  Texts told = {{"preset", chosen ? options.preset : start.preset},
                {"data_name", options.run.data_name},
                {"seed", gcmc::option_text(options, "seed")}};
  const auto tell_differences = [&](const gcmc::Options& untold) {
    gcmc::for_each_option(untold, [&](const gcmc::OptionRow& row, const auto&) {
      const std::string name(row.name), text = gcmc::option_text(options, name);
      const bool may_be_chosen = chosen && (row.group == "Model" || row.group == "Training");
      if (name != "preset" && (may_be_chosen || text != gcmc::option_text(untold, name))) told[name] = text;
    });
  };
  tell_differences(start);
  start = with_texts(std::move(start), told).options;
  gcmc::follow_given(start, false, [&](const char* name) { return told.contains(name); });
  tell_differences(start);
  return told;
}
