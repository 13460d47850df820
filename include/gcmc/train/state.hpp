// A training's whole state in host memory: given back, the rest of it has the bits that it would have had uncut.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/model/saved_model.hpp"
#include "gcmc/train/result.hpp"

namespace gcmc {

/// All that the rest of a training depends on, beside its ratings and options. By name:
///   stage I64 [1]                                  0 training, 1 refit, 2 done
///   weights, first, second, average, best          the parameters as they lie, padded: now, Adam's moments, the moving
///                                                  average, the best so far; F32 or F64, empty where there is none
///   iteration I64 [1], rates F64 [iterations]      steps done and their learning rates; in a refit, replay has all
///   schedule F64 [2], schedule.counts I64 [3]      RateSchedule::State
///   best_test F64 [5]                              the test figures of the best weights, where they were read
///   history F64 [rows][7]                          HistoryRow, nan for what was not measured
///   step_seconds F64 [iterations], seconds F64 [2] of this stage, and of all
///   result.*                                       in a refit, what it goes by of the first training; of a training
///                                                  that is done, all
struct TrainState {
  enum class Stage : Offset { training, refit, done };
  std::map<std::string, Tensor> tensors;

  /// One row of values, or rows of so many columns.
  template <class T>
  void set(const std::string& name, std::vector<T> values, Offset columns = 0) {
    const auto count = static_cast<Offset>(values.size());
    tensors[name] = {columns > 0 ? std::vector{count / columns, columns} : std::vector{count}, std::move(values)};
  }
  bool has(const std::string& name) const { return tensors.contains(name); }

  /// Throws InputError if there is no such tensor of this type.
  template <class T>
  const std::vector<T>& get(const std::string& name) const {
    const auto found = tensors.find(name);
    const auto* values = found == tensors.end() ? nullptr : std::get_if<std::vector<T>>(&found->second.values);
    require(values, [&] { return "training state: \"" + name + "\" is missing or of another type"; });
    return *values;
  }
  /// The same, and throws if there are not so many values.
  template <class T>
  const std::vector<T>& get(const std::string& name, std::size_t count) const {
    const std::vector<T>& values = get<T>(name);
    require(values.size() == count, [&] {
      return "training state: \"" + name + "\" has " + std::to_string(values.size()) + " values, not " +
             std::to_string(count);
    });
    return values;
  }

  Stage stage() const {
    const Offset stage = get<Offset>("stage", 1).front();
    require(stage >= 0 && stage <= 2, [&] { return "training state: there is no stage " + std::to_string(stage); });
    return static_cast<Stage>(stage);
  }
  /// Of its stage; 0 of a training that is done.
  Offset iteration() const { return has("iteration") ? get<Offset>("iteration", 1).front() : 0; }
};

/// Copies the state of a training. Takes as much memory as the training's own.
using TakeState = std::function<TrainState()>;
/// Offered the state after an iteration, and between two stages. `last` says that the stage ends with it, or that
/// training was stopped. What is thrown ends training.
using OnState = std::function<void(bool last, const TakeState& take)>;

/// How a training begins where it does not begin anew, and who is offered its state.
struct Continuation {
  std::optional<TrainState> state = {};  ///< of a training of the same ratings with the same options
  const SavedModel* weights = nullptr;   ///< first values of its parameters, by ids; must outlive the training
  OnState on_state = {};
};

inline void set_metrics(TrainState& state, const std::string& name, const Metrics& metrics) {
  state.set<double>(name, {static_cast<double>(metrics.count), metrics.squared_error, metrics.absolute_error,
                           metrics.cross_entropy, static_cast<double>(metrics.correct)});
}
inline Metrics metrics_of(const TrainState& state, const std::string& name) {
  const std::vector<double>& v = state.get<double>(name, 5);
  constexpr double most = 0x1p53;
  require(v[0] >= 0 && v[0] <= most && v[4] >= 0 && v[4] <= v[0],
          [&] { return "training state: \"" + name + "\" has counts that cannot be"; });
  return {static_cast<Offset>(v[0]), v[1], v[2], v[3], static_cast<Offset>(v[4])};
}

inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();
inline std::optional<double> measured(double value) { return std::isnan(value) ? std::nullopt : std::optional(value); }

inline void set_history(TrainState& state, const std::vector<HistoryRow>& history) {
  std::vector<double> values;
  values.reserve(history.size() * 7);
  for (const HistoryRow& row : history)
    for (const double value :
         {static_cast<double>(row.iteration), row.loss, row.train_rmse, row.valid_rmse.value_or(not_measured),
          row.test_rmse.value_or(not_measured), row.learning_rate, row.seconds})
      values.push_back(value);
  state.set("history", std::move(values), 7);
}
inline std::vector<HistoryRow> history_of(const TrainState& state) {
  const std::vector<double>& values = state.get<double>("history");
  std::vector<HistoryRow> history;
  for (std::size_t k = 0; k + 7 <= values.size(); k += 7) {
    const double* v = values.data() + k;
    require(v[0] >= 0 && v[0] <= 0x1p53, "training state: \"history\" has an iteration that cannot be");
    history.push_back({static_cast<Offset>(v[0]), v[1], v[2], measured(v[3]), measured(v[4]), v[5], v[6]});
  }
  return history;
}

/// The state of a training that is done. What `result` has of the ratings and the options is left out.
inline TrainState state_of(const TrainResult& result) {
  const RunMetrics& m = result.metrics;
  TrainState state;
  state.set("stage", std::vector{static_cast<Offset>(TrainState::Stage::done)});
  set_history(state, result.history);
  set_metrics(state, "result.test", result.test);
  state.set<Offset>("result.counts",
                    {m.parameters, m.iterations, m.best_iteration, Offset{m.refitted}, m.peak_memory_bytes});
  state.set<double>("result.figures",
                    {m.best_valid_rmse.value_or(not_measured), m.seconds_total, m.seconds_per_iteration});
  for (const auto& [name, tensor] : result.model.tensors)
    if (!name.starts_with("rated.") && !name.starts_with("tested.") && !name.starts_with("baseline."))
      state.tensors["result.model." + name] = tensor;
  return state;
}

/// The way back: sets in `result` the rest; of a training that is done, it has what the ratings and the options say.
inline void restore(TrainResult& result, const TrainState& state) {
  RunMetrics& m = result.metrics;
  result.history = history_of(state);
  result.test = metrics_of(state, "result.test");
  const std::vector<Offset>& counts = state.get<Offset>("result.counts", 5);
  m.parameters = counts[0];
  m.iterations = counts[1];
  m.best_iteration = counts[2];
  m.refitted = counts[3] != 0;
  m.peak_memory_bytes = counts[4];
  const std::vector<double>& figures = state.get<double>("result.figures", 3);
  m.best_valid_rmse = measured(figures[0]);
  m.seconds_total = figures[1];
  m.seconds_per_iteration = figures[2];
  constexpr std::string_view prefix = "result.model.";
  for (const auto& [name, tensor] : state.tensors)
    if (name.starts_with(prefix)) result.model.tensors[name.substr(prefix.size())] = tensor;
}

}  // namespace gcmc
