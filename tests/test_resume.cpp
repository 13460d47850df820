// A training that is cut, and goes on from its state, ends with the bits of one that is not.
#include <cstring>
#include <map>

#include "backends.hpp"
#include "error_of.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/ensemble.hpp"

namespace {

using namespace gcmc;

Ratings some_ratings() {
  Ratings ratings = generate_ratings({.users = 40, .items = 40, .ratings = 700});
  for (auto [features, nodes] :
       {std::pair(&ratings.user_features, ratings.users()), std::pair(&ratings.item_features, ratings.items())}) {
    features->columns = 3;
    for (Index k = 0; k < 3 * nodes; ++k) features->values.push_back((k * 7 % 5) / 4.0);
  }
  return ratings;
}

/// Small, and of so many steps that rows that wait are flushed on the way.
Options small_options() {
  Options options;
  options.model = {.units = 10, .output = 6, .node_dropout = 0.5, .features = false};
  options.train.max_iterations = 12;
  options.run.threads = 2;
  return options;
}

/// The training, and its state at each moment that it is offered.
struct Recorded {
  EnsembleResult result;
  std::vector<std::vector<TrainState>> states;
};
Recorded record(const Ratings& ratings, const Options& options) {
  Recorded recorded;
  const auto keep = [&](bool, const auto& take) { recorded.states.push_back(take()); };
  recorded.result = train_ensemble(ratings, options, {}, {}, train_on_cpu, {.on_state = keep});
  return recorded;
}

void require_same(const RunMetrics& a, const RunMetrics& b) {
  CHECK(a.iterations == b.iterations);
  CHECK(a.best_iteration == b.best_iteration);
  CHECK(a.parameters == b.parameters);
  CHECK(a.best_valid_rmse == b.best_valid_rmse);
  CHECK(a.best_test_rmse == b.best_test_rmse);
  CHECK(a.best_test_mae == b.best_test_mae);
  CHECK(a.best_test_accuracy == b.best_test_accuracy);
  CHECK(a.best_test_loss == b.best_test_loss);
  CHECK(a.baseline_test_rmse == b.baseline_test_rmse);
  CHECK(a.baseline_valid_rmse == b.baseline_valid_rmse);
  CHECK(a.refitted == b.refitted);
  CHECK(a.stopped == b.stopped);
}

/// All but times and memory.
void require_same(const EnsembleResult& a, const EnsembleResult& b) {
  REQUIRE(a.models.size() == b.models.size());
  CHECK(a.metrics.test.squared_error == b.metrics.test.squared_error);
  CHECK(a.metrics.test.correct == b.metrics.test.correct);
  for (std::size_t k = 0; k < a.models.size(); ++k) {
    require_same(a.metrics.members[k], b.metrics.members[k]);
    CHECK(a.models[k].tensors == b.models[k].tensors);
    CHECK(a.models[k].metrics == b.models[k].metrics);
    CHECK(a.models[k].split == b.models[k].split);
    CHECK(a.models[k].user_ids == b.models[k].user_ids);
    CHECK(a.models[k].mean == b.models[k].mean);
    CHECK(a.models[k].options == b.models[k].options);
    REQUIRE(a.histories[k].size() == b.histories[k].size());
    for (std::size_t row = 0; row < a.histories[k].size(); ++row) {
      const HistoryRow &x = a.histories[k][row], &y = b.histories[k][row];
      CHECK(std::tie(x.iteration, x.loss, x.train_rmse, x.valid_rmse, x.test_rmse, x.learning_rate) ==
            std::tie(y.iteration, y.loss, y.train_rmse, y.valid_rmse, y.test_rmse, y.learning_rate));
    }
  }
}

/// Goes on from every moment, on other numbers of threads.
void cut_everywhere(const Ratings& ratings, Options options, std::size_t moments) {
  const EnsembleResult uncut = train_ensemble(ratings, options);
  const Recorded recorded = record(ratings, options);
  CHECK(recorded.states.size() == moments);
  require_same(recorded.result, uncut);
  for (std::size_t k = 0; k < recorded.states.size(); ++k) {
    INFO("cut at moment " << k);
    options.run.threads = static_cast<int>(k % 3) + 1;
    EnsembleResult rest = train_ensemble(ratings, options, {}, {}, train_on_cpu, {.states = recorded.states[k]});
    for (SavedModel& model : rest.models) model.options.run.threads = 2;
    require_same(rest, uncut);
  }
}

}  // namespace

TEST_CASE("a training that is cut at any iteration ends with the bits of an uncut one", "[resume][determinism]") {
  const Ratings ratings = some_ratings();
  Options options = small_options();
  std::size_t moments = 12;
  SECTION("plateau that lowers the rate and stops early") {
    options.train.max_iterations = 60;
    options.train.learning_rate = 0.2;
    options.train.min_learning_rate = 0.05;
    options.train.decay_patience = 1;
    options.train.early_stopping_patience = 3;
    moments = static_cast<std::size_t>(train(ratings, options).metrics.iterations);
    CHECK(moments < 60);
  }
  SECTION("rows that wait for long") {
    options.train.max_iterations = 140;
    options.train.valid_interval = 100;
    options.model.node_dropout = 0.97;
    moments = 140;
  }
  SECTION("cosine, averaged weights, the last ones chosen") {
    options.train.schedule = Schedule::cosine;
    options.train.average_decay = 0.9;
    options.train.selection = Selection::last;
  }
  SECTION("refit, averaged weights, calibration and draws of the embeddings") {
    options.train.refit = true;
    options.train.average_decay = 0.9;
    options.train.calibrate = true;
    options.train.embedding_draws = 3;
    options.train.learning_rate = 0.1;
    options.train.schedule = Schedule::constant;
    // One more between the two trainings.
    moments = 12 + 1 + static_cast<std::size_t>(train(ratings, options).metrics.best_iteration);
  }
  SECTION("several refits") {
    options.train.refit = true;
    options.train.refits = 3;
    options.train.average_decay = 0.9;
    options.train.embedding_draws = GENERATE(0, 2);
    options.train.max_iterations = 7;
    const auto best = static_cast<std::size_t>(train(ratings, options).metrics.best_iteration);
    moments = 7 + 3 * (best + (options.train.embedding_draws > 0 ? 1 : 0));
  }
  SECTION("target removal, implicit, ordinal, sgd") {
    options.train.target_removal = 0.2;
    options.model.implicit = true;
    options.model.ordinal = true;
    options.train.optimizer = OptimizerKind::sgd;
  }
  SECTION("double, stacked, features with dropout, validation ratings trained on") {
    options.model.precision = Precision::float64;
    options.model.aggregation = Aggregation::stack;
    options.model.features = true;
    options.model.feature_dropout = 0.3;
    options.train.train_on_valid = true;
    options.train.selection = Selection::last;
    options.train.schedule = Schedule::constant;
  }
  SECTION("a start from factors, rows that decay, a refit") {
    options.train.start = Start::factors;
    options.model.aggregation = Aggregation::stack;
    options.model.dense_bias = true;
    options.model.share_dense = false;
    options.model.units = 24;
    options.train.weight_decay = 0.5;
    options.train.refit = true;
    moments = 12 + static_cast<std::size_t>(train(ratings, options).metrics.best_iteration);
  }
  SECTION("messages in bfloat16, validation now and then, test figures of before a gap") {
    options.model.precision = Precision::bf16_tables;
    options.train.valid_interval = 5;
  }
  SECTION("no validation ratings") {
    options.run.valid_ratio = 0;
    options.train.selection = Selection::last;
    options.train.schedule = Schedule::constant;
  }
  SECTION("several seeds with a refit") {
    options.train.seeds = 3;
    options.train.max_iterations = 5;
    options.train.refit = true;
    moments = 15;
    for (const RunMetrics& member : train_ensemble(ratings, options).metrics.members)
      moments += static_cast<std::size_t>(member.best_iteration);
  }
  cut_everywhere(ratings, options, moments);
}

TEST_CASE("on any backend a training that is cut ends with the bits of an uncut one", "[resume][backends]") {
  const Ratings ratings = some_ratings();
  Options options = small_options();
  options.train.max_iterations = 6;
  options.train.refit = true;
  options.train.average_decay = 0.9;
  options.train.target_removal = 0.2;
  for_each_backend([&](auto& backend) {
    std::vector<TrainState> states;
    const auto keep = [&](bool, const TakeState& take) { states.push_back(take()); };
    const TrainResult uncut = train(backend, ratings, options);
    CHECK(train(backend, ratings, options, {}, {}, {.on_state = keep}).model.tensors == uncut.model.tensors);
    for (const TrainState& state : states) {
      INFO("iteration " << state.iteration());
      const TrainResult rest = train(backend, ratings, options, {}, {}, {.state = state});
      CHECK(rest.model.tensors == uncut.model.tensors);
      require_same(rest.metrics, uncut.metrics);
    }
  });
}

TEST_CASE("a training that is cut again and again ends with the bits of an uncut one", "[resume]") {
  const Ratings ratings = some_ratings();
  Options options = small_options();
  options.train.refit = true;
  options.train.average_decay = 0.9;
  options.train.seeds = 2;
  const EnsembleResult uncut = train_ensemble(ratings, options);
  std::vector<TrainState> states;
  for (int cuts = 0;; ++cuts) {
    REQUIRE(cuts < 60);
    int offers = 0;
    struct Cut {};
    const auto cut_at_second = [&](bool, const auto& take) {
      states = take();
      if (++offers == 2) throw Cut();
    };
    try {
      require_same(
          train_ensemble(ratings, options, {}, {}, train_on_cpu, {.states = states, .on_state = cut_at_second}), uncut);
      CHECK(cuts > 20);
      break;
    } catch (const Cut&) {
    }
  }
}

TEST_CASE("a stopped training offers its state last, from which it goes on", "[resume]") {
  const Ratings ratings = some_ratings();
  const Options options = small_options();
  std::stop_source source;
  TrainState state;
  const TrainResult stopped = train(ratings, options,
                                    [&](const Progress& p) {
                                      if (p.iteration == 5) source.request_stop();
                                    },
                                    source.get_token(), {.on_state = [&](bool last, const TakeState& take) {
                                      if (last) state = take();
                                    }});
  CHECK(stopped.metrics.stopped);
  CHECK(state.iteration() == 5);
  CHECK(state.get<double>("seconds", 2)[1] <= stopped.metrics.seconds_total);
  state.set("seconds", std::vector{1000.0, 2000.0});  // as if it had trained so long, and begun before that
  std::vector<Offset> iterations;
  const TrainResult rest =
      train(ratings, options, [&](const Progress& p) { iterations.push_back(p.iteration); }, {}, {.state = state});
  CHECK(iterations == std::vector<Offset>{6, 7, 8, 9, 10, 11, 12});
  CHECK(rest.model.tensors == train(ratings, options).model.tensors);
  CHECK(rest.metrics.seconds_total >= 2000);
  CHECK(rest.history.back().seconds >= 1000);
}

TEST_CASE("a training that goes on and is stopped at once leaves what a training left that was stopped there",
          "[resume]") {
  const Ratings ratings = some_ratings();
  Options options = small_options();
  options.train.seeds = 2;
  options.train.refit = GENERATE(false, true);
  const Recorded recorded = record(ratings, options);
  for (const std::size_t moment : {std::size_t{0}, std::size_t{7}, recorded.states.size() - 3}) {
    INFO("stopped at moment " << moment);
    std::stop_source source;
    std::size_t step = 0;
    const auto count = [&](const Progress&) {
      if (step++ == moment) source.request_stop();
    };
    const EnsembleResult stopped = train_ensemble(ratings, options, count, source.get_token());
    const EnsembleResult best =
        train_ensemble(ratings, options, {}, source.get_token(), train_on_cpu, {.states = recorded.states[moment]});
    REQUIRE(best.models.size() == 1);
    require_same(best, stopped);
  }
}

TEST_CASE("a state that cannot be of the training is refused", "[resume]") {
  const Ratings ratings = some_ratings();
  Options options = small_options();
  const Recorded recorded = record(ratings, options);
  const TrainState& good = recorded.states[6].front();
  const auto refusal = [&](const std::function<void(TrainState&)>& spoil) {
    TrainState state = good;
    spoil(state);
    return error_of([&] { train(ratings, options, {}, {}, {.state = std::move(state)}); });
  };
  CHECK(refusal([](TrainState&) {}) == "no error");
  for (const auto& [name, tensor] : good.tensors) {
    INFO(name);
    CHECK(refusal([&name = name](TrainState& state) {
            if (name == "best_test") return state.set<double>(name, {1});
            state.tensors.erase(name);
          }) != "no error");
    CHECK(refusal([&name = name](TrainState& state) { state.set<Level>(name, {1, 2}); }) != "no error");
  }
  CHECK(refusal([](TrainState& s) { s.set<Offset>("iteration", {13}); }) == "training state: iteration 13 of 12");
  CHECK(refusal([](TrainState& s) { s.set<Offset>("iteration", {-1}); }) != "no error");
  CHECK(refusal([](TrainState& s) { s.set<Offset>("schedule.counts", {8, 0, 0}); }) != "no error");
  CHECK(refusal([](TrainState& s) { s.set<Offset>("stage", {7}); }) != "no error");
  CHECK(refusal([](TrainState& s) { s.set<Offset>("stage", {1}); }) != "no error");
  options.model.units = 20;
  CHECK(refusal([](TrainState&) {}) != "no error");
  options.train.seeds = 1;
  CHECK(error_of([&] {
          train_ensemble(ratings, options, {}, {}, train_on_cpu, {.states = {good, good}});
        }) != "no error");
}
