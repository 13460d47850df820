// What a run writes beside its curve: the history as CSV, the metrics as JSON.
#include "gcmc/files/run_folder.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <type_traits>

#include "../json.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

using nlohmann::ordered_json;

double finite(double value, const std::string& what) {
  if (!std::isfinite(value)) throw InputError(what + " is not a finite number: nothing was written");
  return value;
}

template <class Value>
ordered_json json_of(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json object_of(const RunMetrics& metrics) {
  ordered_json object;
  const auto number = [&](const char* name, std::optional<double> value) {
    if (value) finite(*value, name);
    object[name] = json_of(value);
  };
  object["dataset"] = metrics.dataset;
  object["preset"] = metrics.preset;
  object["seed"] = metrics.seed;
  object["backend"] = metrics.backend;
  object["threads"] = metrics.threads;
  object["users"] = metrics.users;
  object["items"] = metrics.items;
  object["levels"] = metrics.levels;
  object["train_ratings"] = metrics.train_ratings;
  object["valid_ratings"] = metrics.valid_ratings;
  object["test_ratings"] = metrics.test_ratings;
  object["parameters"] = metrics.parameters;
  object["iterations"] = metrics.iterations;
  object["best_iteration"] = metrics.best_iteration;
  number("best_valid_rmse", metrics.best_valid_rmse);
  number("best_test_rmse", metrics.best_test_rmse);
  number("best_test_mae", metrics.best_test_mae);
  number("best_test_accuracy", metrics.best_test_accuracy);
  number("best_test_loss", metrics.best_test_loss);
  number("baseline_test_rmse", metrics.baseline_test_rmse);
  number("baseline_valid_rmse", metrics.baseline_valid_rmse);
  object["beats_baseline"] = json_of(metrics.beats_baseline());
  object["valid_in_training"] = metrics.valid_in_training;
  object["refitted"] = metrics.refitted;
  if (metrics.test_rmse_before_refit) number("test_rmse_before_refit", metrics.test_rmse_before_refit);
  object["stopped"] = metrics.stopped;
  number("seconds_total", metrics.seconds_total);
  number("seconds_per_iteration", metrics.seconds_per_iteration);
  object["peak_memory_bytes"] = metrics.peak_memory_bytes;
  return object;
}

}  // namespace

std::string history_csv(const std::vector<HistoryRow>& history) {
  std::string text = "iteration,loss,train_rmse,valid_rmse,test_rmse,learning_rate,seconds\n";
  for (const HistoryRow& row : history) {
    const auto field = [&](std::optional<double> value, const char* name) {
      text += ',';
      if (value) append_number(text, finite(*value, "iteration " + std::to_string(row.iteration) + ": " + name));
    };
    append_number(text, row.iteration);
    field(row.loss, "loss");
    field(row.train_rmse, "train_rmse");
    field(row.valid_rmse, "valid_rmse");
    field(row.test_rmse, "test_rmse");
    field(row.learning_rate, "learning_rate");
    field(row.seconds, "seconds");
    text += '\n';
  }
  return text;
}

std::string metrics_json(const RunMetrics& metrics) { return json_text(object_of(metrics), "metrics"); }

std::string metrics_json(const EnsembleMetrics& metrics) {
  require(!metrics.members.empty(), "metrics of an ensemble without members");
  const RunMetrics& first = metrics.members.front();
  ordered_json object;
  object["dataset"] = first.dataset;
  object["preset"] = first.preset;
  object["seeds"] = ordered_json::array();
  for (const RunMetrics& member : metrics.members) object["seeds"].push_back(member.seed);
  object["test_ratings"] = first.test_ratings;
  object["mean_valid_rmse"] = finite(metrics.mean_valid_rmse(), "mean_valid_rmse");
  object["mean_test_rmse"] = finite(metrics.mean_test_rmse(), "mean_test_rmse");
  object["test_rmse_deviation"] = finite(metrics.test_rmse_deviation(), "test_rmse_deviation");
  object["best_test_rmse"] = finite(metrics.test.rmse(), "best_test_rmse");
  object["best_test_mae"] = finite(metrics.test.mae(), "best_test_mae");
  object["best_test_accuracy"] = finite(metrics.test.accuracy(), "best_test_accuracy");
  object["best_test_loss"] = finite(metrics.test.loss(), "best_test_loss");
  object["baseline_test_rmse"] = finite(first.baseline_test_rmse, "baseline_test_rmse");
  object["beats_baseline"] = json_of(metrics.beats_baseline());
  object["stopped"] = metrics.members.back().stopped;
  object["members"] = ordered_json::array();
  for (const RunMetrics& member : metrics.members) object["members"].push_back(object_of(member));
  return json_text(object, "metrics");
}

}  // namespace gcmc
