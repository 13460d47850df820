// What a training's parts cost, and what follows: when it validates, and how a time budget is kept.
#include <chrono>
#include <optional>
#include <thread>

#include "catch.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/train.hpp"

using namespace gcmc;

namespace {

Ratings few_ratings() { return generate_ratings({.users = 200, .items = 300, .ratings = 6000}); }

Options small_options() {
  Options options;
  options.model = {.aggregation = Aggregation::stack, .units = 60, .output = 20};
  options.train.max_iterations = 40;
  return options;
}

/// All that follows a training's steps: validations, draws of two graphs, the test, and a refit.
Options options_with_all(bool refit) {
  Options options = small_options();
  options.train.valid_interval = 10;
  options.train.embedding_draws = 3;
  options.train.refit = refit;
  return options;
}

/// Goes on when it is told to.
struct HandClock {
  using duration = std::chrono::duration<double>;
  using time_point = std::chrono::time_point<HandClock, duration>;
  static inline time_point time;
  static time_point now() { return time; }
};
void pass(double seconds) { HandClock::time += HandClock::duration(seconds); }

}  // namespace

TEST_CASE("an automatic interval keeps the work of validations under a tenth of the steps'", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options();
  const Split parts(ratings, split_options(options));
  options.train.valid_interval = 7;
  CHECK(valid_interval(options, ratings, parts) == 7);

  options.train.valid_interval = automatic_interval;
  const Offset interval = valid_interval(options, ratings, parts);
  const TrainingWork work = training_work(options, ratings, parts);
  CHECK(work.validation <= 0.1 * work.step * static_cast<double>(interval));
  CHECK(work.validation > 0.05 * work.step * static_cast<double>(interval));

  options.train.max_iterations = 2 * interval + 1;
  const TrainResult result = train(ratings, options);
  REQUIRE(result.history.size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(result.history[k].iteration ==
          (k < 2 ? static_cast<Offset>(k + 1) * interval : options.train.max_iterations));
    CHECK(result.history[k].valid_rmse.has_value());
    CHECK_FALSE(result.history[k].test_rmse.has_value());
  }

  options.train.selection = Selection::last;  // nothing to decide
  options.train.schedule = Schedule::cosine;
  CHECK(train(ratings, options).history.size() == 1);
}

TEST_CASE("a time budget chooses the number of steps, with which the training can be repeated", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options();
  options.train.schedule = Schedule::cosine;
  options.train.warm_up = 6;
  options.train.min_learning_rate = 0.0001;
  options.train.valid_interval = automatic_interval;
  options.train.max_iterations = 1000000;
  options.train.time_budget = 0.5;
  const auto start = std::chrono::steady_clock::now();
  const TrainResult timed = train(ratings, options);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 5);  // however slow
  const TrainOptions& chosen = timed.model.options.train;
  CHECK(chosen.time_budget == 0);
  CHECK(chosen.max_iterations >= 6);
  CHECK(chosen.max_iterations < 1000000);
  if (timed.metrics.stopped) return;  // the machine has become slower than the first steps were
  CHECK(timed.metrics.iterations == chosen.max_iterations);
  CHECK(train(ratings, timed.model.options).model.tensors == timed.model.tensors);

  options.train.time_budget = 1e-6;  // over at once: what there is then is kept
  const TrainResult none = train(ratings, options);
  CHECK(none.metrics.iterations == 6);
  CHECK(none.model.tensors.count("user_embedding") == 1);

  options.train.time_budget = 1e6;
  options.train.max_iterations = 20;
  CHECK(train(ratings, options).metrics.iterations == 20);
  options.train.warm_up = 0;
  CHECK_THROWS_AS(train(ratings, options), InputError);
}

TEST_CASE("a time's steps leave what validations, draws, the test and a refit take", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = options_with_all(GENERATE(false, true));
  options.train.refits = GENERATE(1, 3);
  const Split parts(ratings, split_options(options));
  const TrainingWork work = training_work(options, ratings, parts);
  const double step = 0.01, validation = step * work.validation / work.step, draw = step * work.encoding / work.step,
               test = step * work.test / work.step + work.baselines;
  const auto seconds_of = [&](double steps) {
    const Index refits = options.train.refit ? options.train.refits : 0;
    const double of_refits = refits * 1.1 * steps * step + std::max(refits - 1, 0) * 3 * draw;  // a tenth in reserve
    return steps * step + steps / 10 * validation + of_refits + 3 * draw + validation + 3 * draw + test;
  };
  const auto steps = static_cast<double>(steps_within(20, options, ratings, parts, step));
  CHECK(seconds_of(steps) <= 20);
  CHECK(seconds_of(steps + 1) > 20);
}

TEST_CASE("a time plan times steps but the first, and leaves what follows its time", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = options_with_all(GENERATE(false, true));
  options.train.warm_up = 6;
  options.train.max_iterations = 1000000;
  options.train.time_budget = 20;
  options.train.refits = GENERATE(1, 2);
  const Split parts(ratings, split_options(options));
  const TrainingWork work = training_work(options, ratings, parts);
  const double step = 0.01, draws = 3 * step * work.encoding / work.step,
               choosing = draws + step * work.validation / work.step,
               testing = draws + step * work.test / work.step + work.baselines;

  HandClock::time = {};
  TimePlan<HandClock> plan;
  pass(2);  // splits
  plan.begin_training();
  pass(1.5);  // makes a model, and takes the first step
  CHECK_FALSE(plan.steps_after(1, options, ratings, parts));
  for (Offset k = 2; k <= options.train.warm_up; ++k) {
    pass(step);
    const std::optional<Offset> steps = plan.steps_after(k, options, ratings, parts);
    REQUIRE(steps.has_value() == (k == options.train.warm_up));
    if (!steps) continue;
    const double timed = step * static_cast<double>(k - 1);
    const double of_refit = options.train.refit ? options.train.refits * (1.5 + timed) : 0;
    CHECK(*steps == k + steps_within(20 - 3.5 - timed - of_refit, options, ratings, parts, step));
  }
  CHECK_FALSE(plan.is_late());
  const auto pass_until = [](double seconds) { pass(seconds - HandClock::time.time_since_epoch().count()); };
  pass_until(20 - testing - choosing - 0.001);
  CHECK_FALSE(plan.is_late());
  pass(0.002);
  CHECK(plan.is_late());
  plan.begin_refit();
  CHECK_FALSE(plan.is_late());
  pass_until(20 - testing - 0.001);
  CHECK_FALSE(plan.is_late());
  pass(0.002);
  CHECK(plan.is_late());

  options.train.time_budget = 0;
  TimePlan<HandClock> none;
  none.begin_training();
  for (Offset k = 1; k <= 20; ++k) CHECK_FALSE(none.steps_after(k, options, ratings, parts));
  pass(1e6);
  CHECK_FALSE(none.is_late());
}

TEST_CASE("a refit ends within a time budget, or leaves the first training's model with its draws", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options();
  options.train.valid_interval = automatic_interval;
  options.train.max_iterations = 1000000;
  options.train.schedule = Schedule::constant;
  options.train.warm_up = 6;
  options.train.embedding_draws = 2;
  options.train.calibrate = true;
  options.train.refit = true;
  options.train.time_budget = 0.5;
  TrainResult cut = train(ratings, options);
  CHECK(cut.metrics.refitted != cut.metrics.stopped);

  // Steps of the refit alone become slow, so that it is cut.
  const auto slow_refit = [](const Progress& progress) {
    if (progress.phase == Progress::Phase::refit) std::this_thread::sleep_for(std::chrono::seconds(1));
  };
  cut = train(ratings, options, slow_refit);
  REQUIRE(cut.metrics.stopped);
  if (cut.metrics.iterations < cut.model.options.train.max_iterations) return;  // the machine became slower still
  Options alone = cut.model.options;
  alone.train.refit = false;
  const TrainResult first = train(ratings, alone);
  CHECK(cut.model.tensors == first.model.tensors);
  CHECK(cut.metrics.best_valid_rmse == first.metrics.best_valid_rmse);
  CHECK(cut.metrics.best_test_rmse == first.metrics.best_test_rmse);
}
