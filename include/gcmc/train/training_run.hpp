// One run: split, the loop of steps and validations, the baseline, the figures and the model it leaves.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/base/parallel.hpp"
#include "gcmc/ratings/baseline.hpp"
#include "gcmc/train/factor_start.hpp"
#include "gcmc/train/members.hpp"
#include "gcmc/train/result.hpp"
#include "gcmc/train/save.hpp"
#include "gcmc/train/state.hpp"
#include "gcmc/train/time_plan.hpp"
#include "gcmc/train/trainer.hpp"

namespace gcmc {

using OnProgress = std::function<void(const Progress&)>;

/// How the options split a set, on so many threads.
inline SplitOptions split_options(const Options& options, int threads = 1) {
  const RunOptions& run = options.run;
  return {.test_ratio = run.test_ratio,
          .valid_ratio = run.valid_ratio,
          .test_seed = options.test_seed(),
          .valid_seed = options.train.seed,
          .rule = split_rule(run.split),
          .left_out = left_out(run.split),
          .folds = run.folds,
          .fold = run.fold,
          .threads = threads};
}

/// One run on one backend in one precision: what train() makes, and throws away when it has the result.
template <class B, class T>
requires Backend<B, T>
class TrainingRun {
 public:
  TrainingRun(B& backend, const Ratings& ratings, const Options& options, OnProgress on_progress, std::stop_token stop,
              Continuation continuation)
      : backend_(backend),
        ratings_(ratings),
        options_(options),
        on_progress_(std::move(on_progress)),
        stop_(std::move(stop)),
        continuation_(std::move(continuation)),
        split_(ratings, split_options(options, host_threads(backend))) {
    require(!continuation_.state || options.train.time_budget == 0,
            "time_budget is for a whole training, and this one goes on with another: set it to 0");
  }

  TrainResult operator()() {
    describe();
    const Stage begin = continuation_.state ? continuation_.state->stage() : Stage::training;
    if (begin != Stage::training) restore_result(*continuation_.state);
    if (begin == Stage::done) return std::move(result_);
    require_memory(backend_, [&] { rehearse(); });
    if (begin == Stage::training) first_training();
    if (!rates_.empty()) refit();
    metrics().seconds_total = seconds_since(start_);
    metrics().peak_memory_bytes = peak_memory();
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Stage = TrainState::Stage;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  static Clock::duration duration_of(double seconds) {
    const double most = 1e9;  // 30 years
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(seconds >= 0 && seconds <= most ? seconds : 0));
  }
  static double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  static Offset peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return Offset{usage.ru_maxrss} * 1024;
  }

  RunMetrics& metrics() { return result_.metrics; }

  /// What is known before the first step.
  void describe() {
    RunMetrics& m = metrics();
    m.dataset = ratings_.name;
    m.preset = options_.preset;
    m.seed = options_.train.seed;
    m.backend = backend_.name();
    if constexpr (requires { backend_.threads(); }) m.threads = backend_.threads();
    m.users = ratings_.users();
    m.items = ratings_.items();
    m.levels = static_cast<Offset>(ratings_.levels.size());
    m.train_ratings = static_cast<Offset>(split_.train().size());
    m.valid_ratings = static_cast<Offset>(split_.valid().size());
    m.test_ratings = static_cast<Offset>(split_.test().size());
    m.valid_in_training = options_.train.train_on_valid;
  }

  /// Trains and chooses. Tests and keeps the model unless a refit follows, which needs no more than weights and rates.
  void first_training() {
    RunMetrics& m = metrics();
    time_plan_.begin_training();
    const auto model = make_model();
    Trainer<B, T> trainer(backend_, *model, ratings_, split_, options_);
    m.parameters = model->parameters().count();
    begin(trainer, options_.train.train_on_valid ? split_.train_and_valid() : split_.train(), options_.train.seed);
    steps(trainer, Progress::Phase::training);
    m.seconds_per_iteration = median(step_seconds_);
    m.stopped = ends_early() && !trainer.finished();
    m.iterations = trainer.iteration();
    const bool best = options_.train.selection == Selection::best_valid && trainer.schedule().best_iteration() > 0;
    m.best_iteration = best ? trainer.schedule().best_iteration() : trainer.iteration();
    trainer.choose([&] { return tell_embedding(); });
    const bool known = best && options_.train.embedding_draws == 0 && !options_.train.calibrate;
    if (m.valid_ratings > 0) m.best_valid_rmse = known ? trainer.schedule().best() : trainer.validate().rmse();
    if (options_.train.refit && !ends_early()) return keep_for_refit(trainer);
    m.stopped = m.stopped || options_.train.refit;
    keep(trainer, known && best_test_ ? *best_test_ : read_test(trainer));
    const bool in_history = !result_.history.empty() && result_.history.back().iteration == m.iterations;
    if (in_history && !best && !split_.test().empty()) result_.history.back().test_rmse = m.best_test_rmse;
  }

  /// Trains anew on train + validation as was chosen, each time of other draws.
  void refit() {
    time_plan_.begin_refit();
    const Index wanted = options_.train.refits;
    while (static_cast<Index>(members_.size()) < wanted && refit_finishes()) continue;
    metrics().stopped = metrics().stopped || static_cast<Index>(members_.size()) < wanted;
    if (members_.empty()) return keep_first();
    metrics().refitted = true;
    keep_members();
  }
  bool refit_finishes() {
    if (ends_early()) return false;
    const auto member = static_cast<Index>(members_.size());
    Options options = options_;
    options.train.seed = seed_of(member);
    const auto model = make_model(member);
    Trainer<B, T> trainer(backend_, *model, ratings_, split_, options, rates_);
    trainer.set_calibration(result_.model.calibration());
    begin(trainer, split_.train_and_valid(), options.train.seed);
    steps(trainer, Progress::Phase::refit);
    if (!trainer.finished()) return false;
    trainer.choose([&] { return tell_embedding(); });
    trainer.embed();
    SavedModel saved;
    add_weights(saved, trainer.model());
    add_embeddings(saved, trainer.model());
    members_.push_back(std::move(saved.tensors));
    if (options_.train.refits == 1) set_test(read_test(trainer));
    return true;
  }
  /// Of a refit's weights and dropout. The first has the first training's; none is another model's of an ensemble.
  std::uint64_t seed_of(Index member) const {
    return options_.train.seed + static_cast<std::uint64_t>(member) * 0x9E3779B97F4A7C15;
  }
  /// The refits' models, as one. Several are tested by what they answer, which is the mean of theirs.
  void keep_members() {
    const std::optional<Calibration> calibration = result_.model.calibration();
    const auto count = static_cast<Index>(members_.size());
    const bool is_tested = std::exchange(options_.train.refits, count) == 1;
    metrics().parameters *= count;
    result_.model = saved_without_weights(ratings_, options_, split_.train_and_valid(), fit_baselines(), split_.test());
    add_members(result_.model, std::move(members_));
    add_calibration(result_.model, calibration);
    if (!is_tested) set_test(evaluate_members<B, T>(backend_, result_.model, ratings_, split_.test()));
    add_run(result_.model, metrics(), ratings_);
  }
  /// Tests and keeps the weights that the first training chose. After a signal nobody waits for draws, so validation
  /// and calibration are of one pass too.
  void keep_first() {
    const bool of_one_pass = stop_.stop_requested();
    const auto model = make_model();
    restore(*model, result_.model);
    Trainer<B, T> trainer(backend_, *model, ratings_, split_, options_, of_one_pass ? std::vector<double>{} : rates_);
    if (!of_one_pass) trainer.set_calibration(result_.model.calibration());
    trainer.choose([&] { return tell_embedding(); });
    if (of_one_pass && !split_.valid().empty()) metrics().best_valid_rmse = trainer.validate().rmse();
    keep(trainer, read_test(trainer));
  }

  /// Of the first values that drawing or another model's member gives.
  std::unique_ptr<Model<B, T>> make_model(Index member = 0) const {
    auto model = std::make_unique<Model<B, T>>(backend_, shape_of(ratings_), options_.model, seed_of(member));
    if (const SavedModel* weights = continuation_.weights)
      restore(*model, *weights, ratings_, member % weights->members());
    return model;
  }

  /// First values from the factors of the ratings that are trained on, where the options ask for them and nothing else
  /// gives values.
  void begin(Trainer<B, T>& trainer, std::span<const Rating> part, std::uint64_t seed, bool rehearsal = false) {
    if (options_.train.start != Start::factors || continuation_.weights || continuation_.state) return;
    FactorOptions options{
        .rank = FactorStart<B, T>::rank(options_.model), .seed = seed, .threads = host_threads(backend_)};
    if (rehearsal) options.epochs = 0;
    const Factors factors = fit_factors(ratings_, part, options);
    trainer.begin([&](Model<B, T>& model, const Graph<B, T>& graph) {
      FactorStart<B, T>(backend_, model, graph, ratings_, part, factors).run();
    });
  }

  /// Steps until the trainer has finished or is stopped, from where a state is of, if there is one.
  void steps(Trainer<B, T>& trainer, Progress::Phase phase) {
    step_seconds_.clear();
    stage_start_ = Clock::now();
    if (continuation_.state) restore_steps(trainer);
    Progress& p = progress_;
    p = {};
    p.phase = phase;
    p.refit = static_cast<Index>(members_.size()) + 1;
    p.refits = options_.train.refits;
    p.max_iterations = trainer.planned();
    p.best_valid_rmse = trainer.schedule().best();
    p.best_iteration = trainer.schedule().best_iteration();
    const bool drawn = phase == Progress::Phase::refit && options_.train.embedding_draws > 0;  // which took its time
    if (drawn && trainer.iteration() == 0) offer_state(trainer, phase, true);
    const auto goes_on = [&] { return !trainer.finished() && !ends_early(); };
    for (bool more = goes_on(); more;) {
      p.learning_rate = trainer.learning_rate();
      const auto step_start = Clock::now();
      const Metrics metrics = trainer.step();
      p.seconds_step = seconds_since(step_start);
      step_seconds_.push_back(p.seconds_step);
      if (phase == Progress::Phase::training) plan(trainer);
      p.iteration = trainer.iteration();
      p.loss = metrics.loss();
      p.train_rmse = metrics.rmse();
      p.valid_rmse = p.test_rmse = std::nullopt;
      p.improved = false;
      if (phase == Progress::Phase::training) validate(trainer);
      p.seconds_total = seconds_since(stage_start_);
      if (phase == Progress::Phase::training && (p.valid_rmse || trainer.finished() || split_.valid().empty()))
        result_.history.push_back(
            {p.iteration, p.loss, p.train_rmse, p.valid_rmse, p.test_rmse, p.learning_rate, p.seconds_total});
      if (on_progress_) on_progress_(p);
      more = goes_on();
      offer_state(trainer, phase, !more);
    }
  }

  /// With a time budget, takes the number of steps that it leaves once that is known.
  void plan(Trainer<B, T>& trainer) {
    const std::optional<Offset> steps = time_plan_.steps_after(trainer.iteration(), options_, ratings_, split_);
    if (!steps) return;
    options_.train.max_iterations = *steps;
    options_.train.time_budget = 0;  // so that who repeats the training has the same number of steps
    trainer.plan(*steps);
    progress_.max_iterations = trainer.planned();
  }
  bool ends_early() const { return stop_.stop_requested() || time_plan_.is_late(); }

  void offer_state(Trainer<B, T>& trainer, Progress::Phase phase, bool last) {
    if (continuation_.on_state) continuation_.on_state(last, [&] { return state(trainer, phase); });
  }

  /// Before and after any of the steps.
  TrainState state(Trainer<B, T>& trainer, Progress::Phase phase) {
    const bool refits = phase == Progress::Phase::refit;
    TrainState state = refits ? state_of(result_) : TrainState{};
    state.set("stage", std::vector{static_cast<Offset>(refits ? Stage::refit : Stage::training)});
    trainer.add_to(state);
    if (refits) state.set("replay", rates_);
    for (std::size_t k = 0; refits && k < members_.size(); ++k)
      for (const auto& [name, tensor] : members_[k]) state.tensors[member_prefix(k) + name] = tensor;
    if (best_test_) set_metrics(state, "best_test", *best_test_);
    set_history(state, result_.history);
    state.set("step_seconds", step_seconds_);
    state.set("seconds", std::vector{seconds_since(stage_start_), seconds_since(start_)});
    return state;
  }
  void restore_steps(Trainer<B, T>& trainer) {
    const TrainState state = *std::exchange(continuation_.state, std::nullopt);
    trainer.restore(state);
    if (state.has("best_test")) best_test_ = metrics_of(state, "best_test");
    result_.history = history_of(state);
    step_seconds_ = state.get<double>("step_seconds");
    const std::vector<double>& seconds = state.get<double>("seconds", 2);
    stage_start_ -= duration_of(seconds[0]);
    start_ = Clock::now() - duration_of(seconds[1]);
  }
  /// Of the first training, where a later stage goes on.
  void restore_result(const TrainState& state) {
    if (state.has("replay")) {
      result_.model.levels = ratings_.levels;
      restore(result_, state);
      rates_ = state.get<double>("replay");
      restore_members(state);
      const bool asked = options_.train.refit && static_cast<Index>(members_.size()) < options_.train.refits;
      return require(!rates_.empty() && asked, "training state: a refit that the options do not ask for");
    }
    result_.model = saved_without_weights(ratings_, options_, split_.train_and_valid(), fit_baselines(), split_.test());
    restore(result_, state);
    set_test(result_.test);
    add_run(result_.model, metrics(), ratings_);
  }

  /// Of a state, in a refit, what earlier refits have left.
  static std::string member_prefix(std::size_t k) { return "member." + std::to_string(k) + "."; }
  void restore_members(const TrainState& state) {
    for (std::size_t k = 0;; ++k) {
      std::map<std::string, Tensor> member;
      const std::string prefix = member_prefix(k);
      for (auto found = state.tensors.lower_bound(prefix);
           found != state.tensors.end() && found->first.starts_with(prefix); ++found)
        member[found->first.substr(prefix.size())] = found->second;
      if (member.empty()) return;
      members_.push_back(std::move(member));
    }
  }

  /// Validates where the interval or the end asks for it. Reads the test figure too where that improved, as DGL does,
  /// unless the interval is to spare time.
  void validate(Trainer<B, T>& trainer) {
    const TrainOptions& options = options_.train;
    Progress& p = progress_;
    if (!trainer.validation_is_due() || split_.valid().empty()) return;
    const auto start = Clock::now();
    p.valid_rmse = trainer.validate().rmse();
    p.improved = trainer.observe(*p.valid_rmse);
    const bool chosen = p.improved && options.selection == Selection::best_valid;
    const bool at_once = !options.refit && options.valid_interval != automatic_interval;
    if (chosen && at_once && !split_.test().empty()) {
      best_test_ = read_test(trainer);
      p.test_rmse = best_test_->rmse();
    }
    p.best_valid_rmse = trainer.schedule().best();
    p.best_iteration = trainer.schedule().best_iteration();
    metrics().seconds_validating += seconds_since(start);
  }

  Metrics read_test(Trainer<B, T>& trainer) { return split_.test().empty() ? Metrics{} : trainer.test(); }

  /// Between two draws of the embeddings' mean: whether to go on.
  bool tell_embedding() {
    if (stop_.stop_requested()) {
      metrics().stopped = true;
      return false;
    }
    progress_.phase = Progress::Phase::embedding;
    progress_.draws = options_.train.embedding_draws;
    progress_.draw = progress_.draw % progress_.draws + 1;
    if (on_progress_) on_progress_(progress_);
    return true;
  }

  /// What a refit goes by, and what is left if it is given up.
  void keep_for_refit(Trainer<B, T>& trainer) {
    const auto steps = static_cast<std::ptrdiff_t>(metrics().best_iteration);
    rates_.assign(trainer.rates().begin(), trainer.rates().begin() + steps);
    result_.model.levels = ratings_.levels;
    add_weights(result_.model, trainer.model());
    add_calibration(result_.model, trainer.calibration());
  }
  /// The baseline sees what the tested model has seen: training and validation ratings; its validation figure is of the
  /// training ratings alone. The two are fitted side by side, and last: nobody waits for them before the first step.
  BiasBaseline fit_baselines() {
    const std::span<const Rating> train = split_.train(), valid = split_.valid();
    BiasBaseline baseline;
    run_parallel(host_threads(backend_), valid.empty() ? 1 : 2, [&](Offset task) {
      if (task == 0)
        baseline = fit_bias_baseline(ratings_, split_.train_and_valid());
      else
        metrics().baseline_valid_rmse = evaluate(fit_bias_baseline(ratings_, train), ratings_, valid).rmse();
    });
    metrics().baseline_test_rmse = evaluate(baseline, ratings_, split_.test()).rmse();
    return baseline;
  }

  /// The chosen model with its figures.
  void keep(Trainer<B, T>& trainer, const Metrics& test) {
    options_.train.refits = 1;
    trainer.embed();
    set_test(test);
    result_.model = save(trainer.model(), ratings_, options_, split_.train_and_valid(), fit_baselines(),
                         trainer.calibration(), split_.test());
    add_run(result_.model, metrics(), ratings_);
  }
  void set_test(const Metrics& test) {
    RunMetrics& m = metrics();
    result_.test = test;
    m.best_test_rmse = test.rmse();
    m.best_test_mae = test.mae();
    m.best_test_accuracy = test.accuracy();
    m.best_test_loss = test.loss();
  }
  /// One trainer's whole life without its results: what a backend's require_memory() measures.
  void rehearse() {
    Trainer<B, T> trainer(backend_, ratings_, split_, options_);
    begin(trainer, split_.train(), options_.train.seed, true);
    trainer.step();
    trainer.validate();
    trainer.observe(0);  // a rehearsal computes no errors: as after an improvement, when the best weights are kept
    trainer.test();
    trainer.choose();
    trainer.test();
  }

  B& backend_;
  const Ratings& ratings_;
  Options options_;  ///< with the number of steps that a time budget has chosen
  const OnProgress on_progress_;
  const std::stop_token stop_;
  Continuation continuation_;  ///< its state until that is restored
  Clock::time_point start_ = Clock::now(), stage_start_ = start_;
  TimePlan<> time_plan_;
  const Split split_;
  TrainResult result_;
  Progress progress_;
  std::vector<double> step_seconds_;                    ///< of this stage
  std::optional<Metrics> best_test_;                    ///< of the best weights so far, where it was read
  std::vector<double> rates_;                           ///< of the first training's chosen number of steps, for a refit
  std::vector<std::map<std::string, Tensor>> members_;  ///< weights and embeddings that each refit has left, by name
};

}  // namespace gcmc
