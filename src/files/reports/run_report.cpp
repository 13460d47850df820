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
  const auto tested = [&](const char* name, double value) {
    number(name, metrics.test_ratings > 0 ? std::optional(value) : std::nullopt);
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
  tested("best_test_rmse", metrics.best_test_rmse);
  tested("best_test_mae", metrics.best_test_mae);
  tested("best_test_accuracy", metrics.best_test_accuracy);
  tested("best_test_loss", metrics.best_test_loss);
  tested("baseline_test_rmse", metrics.baseline_test_rmse);
  number("baseline_valid_rmse", metrics.baseline_valid_rmse);
  object["beats_baseline"] = json_of(metrics.beats_baseline());
  object["valid_in_training"] = metrics.valid_in_training;
  object["refitted"] = metrics.refitted;
  object["stopped"] = metrics.stopped;
  number("seconds_total", metrics.seconds_total);
  number("seconds_per_iteration", metrics.seconds_per_iteration);
  number("seconds_validating", metrics.seconds_validating);
  object["peak_memory_bytes"] = metrics.peak_memory_bytes;
  return object;
}

/// Null where it was not measured.
ordered_json measured(const char* name, bool was, double value) {
  return was ? ordered_json(finite(value, name)) : ordered_json(nullptr);
}

std::string text_of(ordered_json object, const ReadReport* read) {
  if (read && read->lines > 0)
    object["reading"] = {{"lines", read->lines},
                         {"bad_lines", read->bad_lines},
                         {"not_rated", read->not_rated},
                         {"duplicates", read->duplicates},
                         {"held_out", read->held_out}};
  return json_text(object, "metrics");
}

/// Of several trainings: what they have in common, and behind their joint figures each one's.
ordered_json joint_object(const RunMetrics& first) { return {{"dataset", first.dataset}, {"preset", first.preset}}; }
ordered_json with_members(ordered_json object, const std::vector<RunMetrics>& members) {
  object["stopped"] = members.back().stopped;
  object["members"] = ordered_json::array();
  for (const RunMetrics& member : members) object["members"].push_back(object_of(member));
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

std::string metrics_json(const RunMetrics& metrics, const ReadReport* read) {
  return text_of(object_of(metrics), read);
}

std::string metrics_json(const EnsembleMetrics& metrics, const ReadReport* read) {
  require(!metrics.members.empty(), "metrics of an ensemble without members");
  const RunMetrics& first = metrics.members.front();
  ordered_json object = joint_object(first);
  object["seeds"] = ordered_json::array();
  for (const RunMetrics& member : metrics.members) object["seeds"].push_back(member.seed);
  object["test_ratings"] = first.test_ratings;
  const auto number = [&](const char* name, bool was, double value) { object[name] = measured(name, was, value); };
  const bool tested = first.test_ratings > 0;
  number("mean_valid_rmse", first.best_valid_rmse.has_value(), metrics.mean_valid_rmse());
  number("mean_test_rmse", tested, metrics.mean_test_rmse());
  number("test_rmse_deviation", tested, metrics.test_rmse_deviation());
  number("best_test_rmse", tested, metrics.test.rmse());
  number("best_test_mae", tested, metrics.test.mae());
  number("best_test_accuracy", tested, metrics.test.accuracy());
  number("best_test_loss", tested, metrics.test.loss());
  number("baseline_test_rmse", tested, first.baseline_test_rmse);
  object["beats_baseline"] = json_of(metrics.beats_baseline());
  return text_of(with_members(std::move(object), metrics.members), read);
}

std::string metrics_json(const FoldMetrics& metrics, const ReadReport* read) {
  require(!metrics.folds.empty(), "metrics of a cross-validation without folds");
  const RunMetrics& first = metrics.folds.front();
  ordered_json object = joint_object(first);
  object["folds"] = metrics.planned;
  object["mean_valid_rmse"] = measured("mean_valid_rmse", first.best_valid_rmse.has_value(), metrics.mean_valid_rmse());
  object["mean_test_rmse"] = finite(metrics.mean_test_rmse(), "mean_test_rmse");
  object["test_rmse_deviation"] =
      measured("test_rmse_deviation", metrics.folds.size() > 1, metrics.test_rmse_deviation());
  object["mean_baseline_test_rmse"] = finite(metrics.mean_baseline_rmse(), "mean_baseline_test_rmse");
  return text_of(with_members(std::move(object), metrics.folds), read);
}

}  // namespace gcmc
