// Whole trainings: bits against threads and intervals, no allocation in a step, learning, stopping, refit, and the
// figures that are reported.
#include <atomic>
#include <cmath>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/train/train.hpp"

using namespace gcmc;

/// Calls of operator new so far, counted in counted_new.cpp.
extern std::atomic<long> allocations;

TEST_CASE("a seed gives the same bits on one and two threads, and in two runs", "[model][determinism]") {
  Options options;
  options.model = {.aggregation = Aggregation::stack, .units = 60, .output = 20};
  options.train.max_iterations = 12;
  options.train.target_removal = 0.2;
  options.model.implicit = true;
  const Ratings ratings = generate_ratings({.users = 200, .items = 300, .ratings = 6000});
  for (const auto aggregation : {Aggregation::stack, Aggregation::sum}) {
    options.model.aggregation = aggregation;
    std::vector<TrainResult> runs;
    for (const int threads : {1, 2, 2, 3}) {
      options.run.threads = threads;
      runs.push_back(train(ratings, options));
    }
    for (std::size_t k = 1; k < runs.size(); ++k) {
      REQUIRE(runs[k].model.tensors == runs[0].model.tensors);
      REQUIRE(runs[k].metrics.best_test_rmse == runs[0].metrics.best_test_rmse);
      for (std::size_t row = 0; row < runs[0].history.size(); ++row) {
        REQUIRE(runs[k].history[row].loss == runs[0].history[row].loss);
        REQUIRE(runs[k].history[row].valid_rmse == runs[0].history[row].valid_rmse);
      }
    }
  }
}

TEST_CASE("training has the same bits, however often all rows are brought up to date", "[model][determinism]") {
  const Ratings ratings = generate_ratings({.users = 200, .items = 300, .ratings = 6000});
  for (const double average : {0.0, 0.99}) {
    Options options;
    options.model = {.aggregation = Aggregation::stack, .units = 60, .output = 20};
    options.train.max_iterations = 150;  // beyond the steps that a row may wait
    options.train.average_decay = average;
    options.train.schedule = Schedule::constant;
    options.train.selection = Selection::last;
    std::vector<TrainResult> runs;
    for (const Offset interval : {1, 7, 150}) {
      options.train.valid_interval = interval;
      runs.push_back(train(ratings, options));
    }
    CHECK(runs[1].model.tensors == runs[0].model.tensors);
    CHECK(runs[2].model.tensors == runs[0].model.tensors);
  }
}

TEST_CASE("a training step allocates nothing", "[model]") {
  const Ratings ratings = generate_ratings({.users = 200, .items = 300, .ratings = 6000});
  Options options;
  options.model.units = 60;
  options.model.implicit = true;
  options.train.target_removal = 0.1;
  options.train.average_decay = 0.99;
  const Split parts = Split(ratings, {0.1, 0.1, 1, 1});
  Cpu cpu(2);
  Trainer<Cpu, float> trainer(cpu, ratings, parts, options);
  for (int k = 0; k < 3; ++k) trainer.step();
  trainer.validate();
  const long before = allocations;
  for (int k = 0; k < 5; ++k) {
    trainer.step();
    trainer.validate();
  }
  REQUIRE(allocations - before == 0);
}

TEST_CASE("training lowers the loss and beats the bias baseline on generated ratings", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 300, .items = 200, .ratings = 25000});
  Options options;
  options.model = {.units = 60, .output = 16, .node_dropout = 0.5};
  options.train.learning_rate = 0.02;
  options.train.max_iterations = 300;
  const TrainResult result = train(ratings, options);
  REQUIRE(result.history.back().loss < 0.9 * result.history.front().loss);
  REQUIRE(result.metrics.best_test_rmse < result.metrics.baseline_test_rmse);
}

TEST_CASE("ratings that floats cannot tell apart are refused, and trained on in double", "[trainer]") {
  Ratings ratings = generate_ratings({.users = 60, .items = 50, .ratings = 800});
  for (double& level : ratings.levels) level += 1e9;
  Options options;
  options.model.units = 20;
  options.train.max_iterations = 2;
  CHECK(error_of([&] { train(ratings, options); }) ==
        "ratings from 1000000001 to 1000000005 differ by too little for floats: set precision double, or subtract what "
        "they share");
  options.model.precision = Precision::float64;
  CHECK(train(ratings, options).metrics.best_test_rmse > 0.1);
}

TEST_CASE("a run stops after the running step when asked to", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 200, .items = 300, .ratings = 6000});
  Options options;
  options.model.units = 20;
  options.train.max_iterations = 1000;
  std::stop_source source;
  const TrainResult result = train(
      ratings, options,
      [&](const Progress& progress) {
        if (progress.iteration == 7) source.request_stop();
      },
      source.get_token());
  REQUIRE(result.metrics.iterations == 7);
  REQUIRE(result.metrics.stopped);
  REQUIRE(result.model.tensors.count("user_embedding") == 1);
}

TEST_CASE("the test figure of a run that is stopped between two validations is in no row of either", "[trainer]") {
  Options options;
  options.model.units = 20;
  options.train.valid_interval = 5;
  options.train.selection = Selection::last;
  options.train.schedule = Schedule::constant;
  const Offset last = GENERATE(7, 10);
  std::stop_source source;
  const auto stop_at_last = [&](const Progress& progress) {
    if (progress.iteration == last) source.request_stop();
  };
  const TrainResult result =
      train(generate_ratings({.users = 100, .items = 80, .ratings = 2000}), options, stop_at_last, source.get_token());
  CHECK(result.history.back().iteration == last / 5 * 5);
  CHECK(result.history.back().test_rmse.has_value() == (last == 10));
}

TEST_CASE("a stop between training and refit leaves out the refit, and the run says that it was stopped", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 100, .items = 80, .ratings = 2000});
  Options options;
  options.model.units = 20;
  options.train.max_iterations = 5;
  options.train.refit = true;
  std::stop_source source;
  const auto stop_at_last = [&](const Progress& progress) {
    if (progress.iteration == progress.max_iterations) source.request_stop();
  };
  const TrainResult result = train(ratings, options, stop_at_last, source.get_token());
  REQUIRE(result.metrics.iterations == 5);
  REQUIRE(result.metrics.stopped);
  REQUIRE_FALSE(result.metrics.refitted);
}

TEST_CASE("what ends a refit early leaves the first training's model, tested", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 100, .items = 80, .ratings = 2000});
  Options options;
  options.model.units = 20;
  options.train.max_iterations = 12;
  options.train.average_decay = GENERATE(0, 0.9);
  options.train.calibrate = GENERATE(false, true);
  const TrainResult first = train(ratings, options);
  options.train.refit = true;
  std::stop_source source;
  const auto stop_in_refit = [&](const Progress& progress) {
    if (progress.phase == Progress::Phase::refit && progress.iteration == 2) source.request_stop();
  };
  const TrainResult result = train(ratings, options, stop_in_refit, source.get_token());
  CHECK(result.metrics.stopped);
  CHECK_FALSE(result.metrics.refitted);
  CHECK(result.model.tensors == first.model.tensors);
  CHECK(result.metrics.best_valid_rmse == first.metrics.best_valid_rmse);
  CHECK(result.metrics.best_test_rmse == first.metrics.best_test_rmse);
  CHECK(result.metrics.best_iteration == first.metrics.best_iteration);
  CHECK(result.history.size() == first.history.size());

  options.train.embedding_draws = 3;  // which nobody waits for any more: calibrated anew, for one pass
  source = {};
  CHECK(train(ratings, options, stop_in_refit, source.get_token()).model.tensors == first.model.tensors);
}

TEST_CASE("where the last weights are chosen, a refit takes all steps", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 150, .items = 120, .ratings = 5000});
  Options options;
  options.model.units = 20;
  options.train.max_iterations = 30;
  options.train.learning_rate = 0.2;  // which is worse after some of them
  options.train.schedule = Schedule::cosine;
  options.train.refit = true;
  const auto refit_steps = [&](Selection selection) {
    options.train.selection = selection;
    Offset steps = 0;
    const TrainResult result =
        train(ratings, options, [&](const Progress& p) { steps += p.phase == Progress::Phase::refit; });
    CHECK(result.metrics.refitted);
    CHECK(result.metrics.best_iteration == steps);
    return steps;
  };
  CHECK(refit_steps(Selection::last) == 30);
  CHECK(refit_steps(Selection::best_valid) < 30);
}

TEST_CASE("refit trains anew on train and validation for the chosen steps at the recorded rates", "[trainer]") {
  const Ratings ratings = generate_ratings({.users = 150, .items = 120, .ratings = 5000});
  Options options;
  options.model.units = 20;
  options.model.output = 8;
  options.train.max_iterations = 40;
  options.train.decay_patience = 2;
  options.train.refit = true;
  const TrainResult result = train(ratings, options);
  REQUIRE(result.metrics.refitted);

  Cpu cpu(1);
  const Split parts =
      Split(ratings, {options.run.test_ratio, options.run.valid_ratio, options.train.seed, options.train.seed});
  Trainer<Cpu, float> first(cpu, ratings, parts, options);
  std::vector<double> rates;
  while (!first.finished()) {
    rates.push_back(first.learning_rate());
    first.step();
    first.observe(first.validate().rmse());
  }
  REQUIRE(first.schedule().best_iteration() == result.metrics.best_iteration);
  REQUIRE(rates.front() > rates.back());
  rates.resize(static_cast<std::size_t>(result.metrics.best_iteration));

  // Plain form: every rating that is not tested is trained on, one rate a step.
  const Split joined(parts.train_and_valid(), {}, parts.test());
  Options last = options;
  last.train.selection = Selection::last;
  last.train.refit = false;
  last.train.schedule = Schedule::constant;
  Trainer<Cpu, float> second(cpu, ratings, joined, last, rates);
  for (std::size_t k = 0; k < rates.size(); ++k) second.step();
  REQUIRE(second.finished());
  second.choose();
  REQUIRE(second.test().rmse() == result.metrics.best_test_rmse);
}

Ratings few_ratings() { return generate_ratings({.users = 200, .items = 300, .ratings = 6000}); }

Options small_options(Aggregation aggregation, Offset iterations) {
  Options options;
  options.model = {.aggregation = aggregation, .units = 60, .output = 20};
  options.train.max_iterations = iterations;
  return options;
}

TEST_CASE("the reported test error is that of the saved model, averaged weights and embeddings or not", "[model]") {
  const Ratings ratings = few_ratings();
  Options options = small_options(Aggregation::stack, 120);
  options.train.learning_rate = 0.1;  // beyond some steps validation gets worse
  options.train.schedule = Schedule::constant;
  const Split parts = Split(ratings, split_options(options));
  for (const auto& [average, draws] : {std::pair(0.0, 0), std::pair(0.9, 0), std::pair(0.9, 3)})
    for (const Selection selection : {Selection::last, Selection::best_valid})
      for (const bool refit : {false, true}) {
        if (refit && selection == Selection::last) continue;
        options.train.average_decay = average;
        options.train.embedding_draws = draws;
        options.train.calibrate = draws > 0 && selection == Selection::best_valid;
        options.train.selection = selection;
        options.train.refit = refit;
        // The best iteration is not the last: validation gets worse beyond it at this rate, or the interval ends
        // before.
        options.train.valid_interval = selection == Selection::best_valid ? 25 : 1;
        const TrainResult result = train(ratings, options);
        const Predictor predictor(result.model);
        std::vector<Predictor::Pair> pairs;
        for (const Rating& rating : parts.test()) pairs.push_back({rating.user, rating.item});
        const std::vector<double> predictions = predictor.predict(pairs);
        double squares = 0;
        for (std::size_t k = 0; k < pairs.size(); ++k)
          squares += std::pow(predictions[k] - ratings.levels[parts.test()[k].level], 2);
        INFO("average " << average << ", draws " << draws << ", best validation "
                        << (selection == Selection::best_valid) << ", refit " << refit);
        CHECK(std::abs(std::sqrt(squares / static_cast<double>(pairs.size())) - result.metrics.best_test_rmse) < 1e-6);
      }
}

TEST_CASE("averaging embeddings over dropout changes no weight, and gives the validation error that is reported",
          "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options(Aggregation::stack, 40);
  options.train.valid_interval = 10;
  options.model.precision = Precision::float64;
  const TrainResult plain = train(ratings, options);
  options.train.embedding_draws = 4;
  const TrainResult averaged = train(ratings, options);
  REQUIRE(averaged.metrics.best_iteration == plain.metrics.best_iteration);
  std::map<std::string, std::vector<double>> weights;
  for (const auto& [name, tensor] : averaged.model.tensors)
    if (const auto* values = std::get_if<std::vector<double>>(&tensor.values)) {
      weights[name] = *values;
      const bool embedding = name == "user_embedding" || name == "item_embedding";
      INFO(name);
      CHECK((tensor == plain.model.tensors.at(name)) != embedding);
    }

  Cpu cpu(1);
  const Split parts = Split(ratings, split_options(options));
  const auto levels = static_cast<Index>(ratings.levels.size());
  Model<Cpu, double> model(cpu, {ratings.users(), ratings.items(), ratings.levels}, options.model, 1);
  model.parameters().set(weights);
  const Graph<Cpu, double> trained(cpu, ratings.users(), ratings.items(), levels, parts.train()),
      valid(cpu, ratings.users(), ratings.items(), levels, parts.valid());
  model.encode_mean(trained.messages(), options.train.seed, 4);
  model.predict(valid.pairs());
  CHECK(model.metrics().rmse() == *averaged.metrics.best_valid_rmse);
  CHECK(averaged.metrics.best_valid_rmse != plain.metrics.best_valid_rmse);
  CHECK(averaged.history.back().valid_rmse == plain.history.back().valid_rmse);
}

TEST_CASE("a calibration is the line of least squares, and clips", "[metrics]") {
  const std::vector<double> predictions = {1, 2, 3, 4}, values = {1, 1.5, 3.5, 4};
  const Calibration line = fit_calibration(predictions, values, 1, 5);
  CHECK(line.slope == Approx(1.1));  // sum of (x - 2.5)(y - 2.5) = 5.5, of (x - 2.5)^2 = 5
  CHECK(line.offset == Approx(2.5 - 1.1 * 2.5));
  CHECK(line(3) == Approx(line.offset + 3.3));
  CHECK(line(0) == 1);
  CHECK(line(9) == 5);
  const std::vector<double> equal = {2, 2}, high = {3, 4}, falling = {4, 3, 2, 1};
  CHECK(fit_calibration(falling, values, 1, 5)(3) == Approx(3));  // as if it were no line at all
  CHECK(fit_calibration(equal, high, 1, 5)(2) == Approx(3.5));
  CHECK(fit_calibration({}, {}, 1, 5)(3) == 3);
  CHECK_THROWS_AS(fit_calibration(equal, values, 1, 5), Error);
}

TEST_CASE("a calibrated training's validation error is that of the fitted line, and its model says so", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options(Aggregation::stack, 40);
  const TrainResult plain = train(ratings, options);
  options.train.calibrate = true;
  const TrainResult calibrated = train(ratings, options);
  CHECK(calibrated.metrics.best_iteration == plain.metrics.best_iteration);
  CHECK(*calibrated.metrics.best_valid_rmse < *plain.metrics.best_valid_rmse);
  CHECK(calibrated.metrics.best_test_rmse != plain.metrics.best_test_rmse);
  CHECK(calibrated.metrics.best_test_loss == plain.metrics.best_test_loss);
  const Calibration line = calibrated.model.calibration().value();
  const Predictor raw(plain.model), fitted(calibrated.model);
  const std::vector<Predictor::Pair> pairs = {{0, 0}, {5, 7}, {199, 299}};
  const std::vector<double> before = raw.predict(pairs), after = fitted.predict(pairs);
  for (std::size_t k = 0; k < pairs.size(); ++k) CHECK(after[k] == line(before[k]));
}

TEST_CASE("tables of bfloat16 change the training a little, and its model is one of floats", "[trainer]") {
  const Ratings ratings = few_ratings();
  Options options = small_options(Aggregation::sum, 60);
  const TrainResult whole = train(ratings, options);
  options.model.precision = Precision::bf16_tables;
  const TrainResult halves = train(ratings, options);
  CHECK(halves.history.back().loss != whole.history.back().loss);
  CHECK(halves.metrics.best_test_rmse == Approx(whole.metrics.best_test_rmse).epsilon(0.01));
  CHECK(std::holds_alternative<std::vector<float>>(halves.model.tensors.at("decoder.basis").values));
}
