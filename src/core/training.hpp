// The whole run on any backend: split, baseline, the loop of steps and validations, the figures and the model it
// leaves.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "gcmc/trainer.hpp"

namespace gcmc {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Offset peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Offset{usage.ru_maxrss} * 1024;
}

/// What every run on one split needs.
struct Setting {
  const Ratings& ratings;
  const Options& options;
  const Split split;
  const BiasBaseline baseline;
  const std::function<void(const Progress&)>& on_progress;
  const std::stop_token stop;
};

/// Validates where the interval or the end asks for it, and reads the test figure where that improved.
template <Backend B, class T>
void evaluate(Trainer<B, T>& trainer, const Setting& set, Offset valid_ratings, Progress& progress) {
  const TrainOptions& options = set.options.train;
  const bool due = progress.iteration % options.valid_interval == 0 || trainer.finished();
  if (!due || valid_ratings == 0) return;
  progress.valid_rmse = trainer.validate().rmse();
  progress.improved = trainer.observe(*progress.valid_rmse);
  const bool chosen = progress.improved && options.selection == Selection::best_valid;
  if (chosen && !options.refit && !set.split.test.empty()) progress.test_rmse = trainer.test().rmse();
  progress.best_valid_rmse = trainer.schedule().best();
  progress.best_iteration = trainer.schedule().best_iteration();
}

/// Steps until the trainer has finished or is stopped; returns the seconds of each.
template <Backend B, class T>
std::vector<double> run(Trainer<B, T>& trainer, const Setting& set, Offset valid_ratings, bool is_refit,
                        std::vector<HistoryRow>& history) {
  const auto start = Clock::now();
  std::vector<double> step_seconds;
  Progress progress;
  progress.max_iterations = is_refit ? trainer.planned() : set.options.train.max_iterations;
  progress.refit = is_refit;
  progress.best_valid_rmse = std::numeric_limits<double>::infinity();
  while (!trainer.finished() && !set.stop.stop_requested()) {
    progress.learning_rate = trainer.learning_rate();
    const auto step_start = Clock::now();
    const Metrics metrics = trainer.step();
    progress.seconds_step = seconds_since(step_start);
    step_seconds.push_back(progress.seconds_step);
    progress.iteration = trainer.iteration();
    progress.loss = metrics.loss();
    progress.train_rmse = metrics.rmse();
    progress.valid_rmse = progress.test_rmse = std::nullopt;
    progress.improved = false;
    evaluate(trainer, set, valid_ratings, progress);
    progress.seconds_total = seconds_since(start);
    if (progress.valid_rmse || trainer.finished() || valid_ratings == 0)
      history.push_back({progress.iteration, progress.loss, progress.train_rmse, progress.valid_rmse,
                         progress.test_rmse, progress.learning_rate, progress.seconds_total});
    if (set.on_progress) set.on_progress(progress);
  }
  return step_seconds;
}

template <class T>
Tensor tensor(std::vector<Offset> shape, std::vector<T> values) {
  return {std::move(shape), std::move(values)};
}

/// The ratings behind the embeddings, by user.
void add_rated(std::map<std::string, Tensor>& tensors, const Ratings& ratings, std::vector<Rating> rated) {
  std::sort(rated.begin(), rated.end(), [](const Rating& a, const Rating& b) {
    return std::tuple(a.user, a.item, a.level) < std::tuple(b.user, b.item, b.level);
  });
  std::vector<Offset> offsets(static_cast<std::size_t>(ratings.users()) + 1);
  std::vector<Index> items;
  std::vector<Level> levels;
  for (const Rating& r : rated) {
    ++offsets[r.user + 1];
    items.push_back(r.item);
    levels.push_back(r.level);
  }
  for (Index i = 0; i < ratings.users(); ++i) offsets[i + 1] += offsets[i];
  const auto count = static_cast<Offset>(rated.size());
  tensors["rated.offsets"] = tensor({ratings.users() + 1}, std::move(offsets));
  tensors["rated.items"] = tensor({count}, std::move(items));
  tensors["rated.levels"] = tensor({count}, std::move(levels));
}

template <Backend B, class T>
SavedModel save(Trainer<B, T>& trainer, const Ratings& ratings, const Split& split, const Options& options,
                const BiasBaseline& baseline) {
  SavedModel saved;
  saved.options = options;
  saved.dataset = ratings.name;
  saved.levels = ratings.levels;
  saved.user_ids = ratings.user_ids;
  saved.item_ids = ratings.item_ids;
  saved.mean = baseline.mean;
  Model<B, T>& model = trainer.model();
  const std::vector<ParameterPiece>& pieces = model.parameters().pieces();
  for (std::size_t k = 0; k < pieces.size(); ++k)
    saved.tensors[pieces[k].name] = tensor(pieces[k].shape(), model.parameters().get(static_cast<int>(k)));
  saved.tensors["user_embedding"] = tensor({ratings.users(), options.model.output}, model.embedding(user_side).get());
  saved.tensors["item_embedding"] = tensor({ratings.items(), options.model.output}, model.embedding(item_side).get());
  if (const auto& line = trainer.calibration())
    saved.tensors["calibration"] = tensor({2}, std::vector{line->offset, line->slope});
  saved.tensors["baseline.user_bias"] = tensor({ratings.users()}, baseline.user_bias);
  saved.tensors["baseline.item_bias"] = tensor({ratings.items()}, baseline.item_bias);
  std::vector<Rating> rated = split.train;
  rated.insert(rated.end(), split.valid.begin(), split.valid.end());
  add_rated(saved.tensors, ratings, std::move(rated));
  saved.split = {{"test", ratings.has_fixed_test() ? "the data set's own" : "random"},
                 {"seed", std::to_string(options.train.seed)},
                 {"test_seed", std::to_string(options.test_seed())},
                 {"train_ratings", std::to_string(split.train.size())},
                 {"valid_ratings", std::to_string(split.valid.size())},
                 {"test_ratings", std::to_string(split.test.size())}};
  return saved;
}

/// The baseline sees what the tested model has seen: training and validation ratings.
BiasBaseline fit_baseline(const Ratings& ratings, const Split& split) {
  std::vector<Rating> seen = split.train;
  seen.insert(seen.end(), split.valid.begin(), split.valid.end());
  return fit_bias_baseline(ratings, seen);
}

void describe(RunMetrics& metrics, const Ratings& ratings, const Split& split, const Options& options) {
  metrics.dataset = ratings.name;
  metrics.preset = options.preset;
  metrics.seed = options.train.seed;
  metrics.users = ratings.users();
  metrics.items = ratings.items();
  metrics.levels = static_cast<Offset>(ratings.levels.size());
  metrics.train_ratings = static_cast<Offset>(split.train.size());
  metrics.valid_ratings = static_cast<Offset>(split.valid.size());
  metrics.test_ratings = static_cast<Offset>(split.test.size());
  metrics.valid_in_training = options.train.train_on_valid;
}

void read_test(RunMetrics& metrics, SavedModel& model, const Metrics& test) {
  metrics.best_test_rmse = test.rmse();
  metrics.best_test_mae = test.mae();
  metrics.best_test_accuracy = test.accuracy();
  metrics.best_test_loss = test.loss();
  if (metrics.best_valid_rmse) model.metrics["best_valid_rmse"] = *metrics.best_valid_rmse;
  model.metrics["best_test_rmse"] = metrics.best_test_rmse;
  model.metrics["best_test_mae"] = metrics.best_test_mae;
  model.metrics["baseline_test_rmse"] = metrics.baseline_test_rmse;
}

/// What a refit takes over from the first training: the rates of the chosen number of steps, and the calibration.
struct Chosen {
  std::vector<double> rates;
  std::optional<Calibration> calibration;
};

/// Trains, chooses, tests.
template <Backend B, class T>
Chosen train_once(B& backend, const Setting& set, TrainResult& result) {
  RunMetrics& metrics = result.metrics;
  Trainer<B, T> trainer(backend, set.ratings, set.split, set.options);
  metrics.parameters = trainer.model().parameters().count();
  metrics.seconds_per_iteration = median(run(trainer, set, metrics.valid_ratings, false, result.history));
  metrics.stopped = set.stop.stop_requested() && !trainer.finished();
  metrics.iterations = trainer.iteration();
  const bool best = set.options.train.selection == Selection::best_valid && trainer.schedule().best_iteration() > 0;
  metrics.best_iteration = best ? trainer.schedule().best_iteration() : trainer.iteration();
  trainer.choose();
  result.model = save(trainer, set.ratings, set.split, set.options, set.baseline);
  if (metrics.valid_ratings > 0) {
    const bool known = best && set.options.train.embedding_draws == 0 && !set.options.train.calibrate;
    metrics.best_valid_rmse = known ? trainer.schedule().best() : trainer.validate().rmse();
  }
  read_test(metrics, result.model, trainer.test());
  if (!result.history.empty() && !best && !set.split.test.empty())
    result.history.back().test_rmse = metrics.best_test_rmse;
  return {{trainer.rates().begin(), trainer.rates().begin() + static_cast<std::ptrdiff_t>(metrics.best_iteration)},
          trainer.calibration()};
}

/// Trains anew on train + validation as was chosen; replaces model and test figures unless it is stopped.
template <Backend B, class T>
void refit(B& backend, const Setting& set, Chosen chosen, TrainResult& result) {
  Trainer<B, T> trainer(backend, set.ratings, set.split, set.options, std::move(chosen.rates));
  trainer.set_calibration(chosen.calibration);
  std::vector<HistoryRow> not_kept;
  run(trainer, set, 0, true, not_kept);
  if (!trainer.finished()) {
    result.metrics.stopped = true;
    return;
  }
  trainer.choose();
  result.metrics.refitted = true;
  result.metrics.test_rmse_before_refit = result.metrics.best_test_rmse;
  result.model = save(trainer, set.ratings, set.split, set.options, set.baseline);
  read_test(result.metrics, result.model, trainer.test());
}

/// One trainer's whole life without its results: what a backend's require_memory() measures.
template <Backend B, class T>
void rehearse(B& backend, const Setting& set) {
  Trainer<B, T> trainer(backend, set.ratings, set.split, set.options);
  trainer.step();
  trainer.validate();
  trainer.observe(0);  // a rehearsal computes no errors: as after an improvement, when the best weights are kept
  trainer.test();
  trainer.choose();
  trainer.test();
}

template <Backend B, class T>
TrainResult train_with(B& backend, const Ratings& ratings, const Options& options,
                       const std::function<void(const Progress&)>& on_progress, const std::stop_token& stop) {
  const auto start = Clock::now();
  const Split parts = split(ratings, split_options(options));
  const Setting set{ratings, options, parts, fit_baseline(ratings, parts), on_progress, stop};
  require_memory(backend, [&] { rehearse<B, T>(backend, set); });
  TrainResult result;
  RunMetrics& metrics = result.metrics;
  describe(metrics, ratings, parts, options);
  metrics.backend = backend.name();
  if constexpr (requires { backend.threads(); }) metrics.threads = backend.threads();
  metrics.baseline_test_rmse = evaluate(set.baseline, ratings, parts.test).rmse();
  if (!parts.valid.empty())
    metrics.baseline_valid_rmse = evaluate(fit_bias_baseline(ratings, parts.train), ratings, parts.valid).rmse();
  Chosen chosen = train_once<B, T>(backend, set, result);
  if (options.train.refit && !chosen.rates.empty() && !stop.stop_requested())
    refit<B, T>(backend, set, std::move(chosen), result);
  metrics.seconds_total = seconds_since(start);
  metrics.peak_memory_bytes = peak_memory();
  return result;
}

/// Checks what it is given, and trains in the precision that the options name.
template <Backend B>
TrainResult train_on(B& backend, const Ratings& ratings, const Options& options,
                     const std::function<void(const Progress&)>& on_progress, const std::stop_token& stop) {
  validate(options);
  validate(ratings);
  return options.run.precision == "double" ? train_with<B, double>(backend, ratings, options, on_progress, stop)
                                           : train_with<B, float>(backend, ratings, options, on_progress, stop);
}

}  // namespace
}  // namespace gcmc
