// Several models of one configuration: each is train()'s own, their predictions are averaged, their figures told.
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/train/ensemble.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

namespace {

using namespace gcmc;

Ratings some_ratings() { return generate_ratings({.users = 150, .items = 120, .ratings = 5000}); }

Options three_models() {
  Options options;
  options.model = {.units = 20, .output = 8};
  options.train = {.seed = 4, .seeds = 3, .max_iterations = 6};
  options.run.threads = 1;
  return options;
}

RunMetrics member(double valid, double test) {
  RunMetrics metrics;
  metrics.test_ratings = 2;
  if (valid > 0) metrics.best_valid_rmse = valid;
  metrics.best_test_rmse = test;
  metrics.baseline_test_rmse = 0.95;
  return metrics;
}

}  // namespace

TEST_CASE("each model of an ensemble is the one that its options train", "[ensemble]") {
  const Ratings ratings = some_ratings();
  const EnsembleResult result = train_ensemble(ratings, three_models());
  REQUIRE(result.models.size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    const Options& options = result.options[k];
    CHECK(options.train.seed == 4 + k);
    CHECK(options.train.seeds == 1);
    CHECK(options.test_seed() == 4);
    const TrainResult alone = train(ratings, options);
    CHECK(alone.model.tensors == result.models[k].tensors);
    CHECK(alone.metrics.best_test_rmse == result.metrics.members[k].best_test_rmse);
    CHECK(alone.history.size() == result.histories[k].size());
  }
  CHECK(result.models[0].tensors != result.models[1].tensors);
}

TEST_CASE("an ensemble's test figures are those of the mean of the members' probabilities", "[ensemble]") {
  const Ratings ratings = some_ratings();
  const Options options = three_models();
  const EnsembleResult result = train_ensemble(ratings, options);
  const Split parts = Split(ratings, split_options(options));
  double squares = 0, absolute = 0, entropy = 0, correct = 0;
  std::vector<Predictor> members;
  for (const SavedModel& model : result.models) members.emplace_back(model, 1);
  for (const Rating& rating : parts.test()) {
    const std::vector<Predictor::Pair> pair = {{rating.user, rating.item}};
    std::vector<double> mean(ratings.levels.size());
    double expected = 0;
    for (const Predictor& one : members) {
      const auto p = one.probabilities(pair);
      for (std::size_t r = 0; r < mean.size(); ++r) mean[r] += p[r] / 3;
      expected += one.predict(pair)[0] / 3;
    }
    const double error = expected - ratings.levels[rating.level];
    squares += error * error;
    absolute += std::abs(error);
    entropy -= std::log(mean[rating.level]);
    correct += std::max_element(mean.begin(), mean.end()) - mean.begin() == rating.level;
  }
  const double count = static_cast<double>(parts.test().size());
  const Metrics& test = result.metrics.test;
  CHECK(test.rmse() == Approx(std::sqrt(squares / count)).epsilon(1e-6));
  CHECK(test.mae() == Approx(absolute / count).epsilon(1e-6));
  CHECK(test.loss() == Approx(entropy / count).epsilon(1e-6));
  CHECK(test.accuracy() == Approx(correct / count));
  CHECK(test.rmse() < result.metrics.mean_test_rmse());  // squares are convex, and the members differ
}

TEST_CASE("an interrupted model is left out of an ensemble, unless it is the only one", "[ensemble]") {
  const Ratings ratings = some_ratings();
  const auto models_when_stopped_in = [&](Index model) {
    std::stop_source source;
    const auto on_progress = [&](const Progress& progress) {
      CHECK(progress.models == 3);
      if (progress.model == model && progress.iteration == 2) source.request_stop();
    };
    const EnsembleResult result = train_ensemble(ratings, three_models(), on_progress, source.get_token());
    CHECK(result.metrics.members.back().stopped);
    CHECK(result.metrics.members.back().iterations == (model == 1 ? 2 : 6));
    return result.models.size();
  };
  CHECK(models_when_stopped_in(1) == 1);
  CHECK(models_when_stopped_in(2) == 1);
  CHECK(models_when_stopped_in(3) == 2);
}

TEST_CASE("a predictor of several models answers their mean", "[ensemble]") {
  std::vector<SavedModel> models = {small_model<float>(), small_model<float>(), small_model<double>()};
  for (float& value : std::get<std::vector<float>>(models[1].tensors["user_embedding"].values)) value *= -20;
  const std::vector<Predictor::Pair> pairs = {{0, 1}, {2, 3}, {-1, 2}, {1, 0}};
  const Predictor together(models, 1);
  const auto ratings = together.predict(pairs), probabilities = together.probabilities(pairs);
  for (std::size_t e = 0; e < pairs.size(); ++e) {
    double mean = 0;
    std::vector<double> p(2);
    for (const SavedModel& model : models) {
      const Predictor one(model, 1);
      mean += one.predict({&pairs[e], 1})[0] / 3;
      for (int r = 0; r < 2; ++r) p[r] += one.probabilities({&pairs[e], 1})[r] / 3;
    }
    CHECK(ratings[e] == Approx(mean));
    for (int r = 0; r < 2; ++r) CHECK(probabilities[2 * e + r] == Approx(p[r]).margin(1e-12));
  }
  models[2].user_ids[1] = "someone else";
  CHECK(error_of([&] { Predictor(models, 1); }) == "predictor: model 3 has other ids or levels than the first");
  CHECK(error_of([&] { Predictor(std::vector<SavedModel>{}, 1); }) == "predictor: no model");
}

TEST_CASE("several models are saved and loaded as one folder, replaced whole", "[ensemble]") {
  const ScratchFolder scratch;
  std::vector<SavedModel> models = {small_model<float>(), small_model<double>(), small_model<float>()};
  models[2].mean = 0.25;
  save_models(scratch / "run/model", models);
  for (const char* folder : {"run/model", "run"}) {
    const auto loaded = load_models(scratch / folder);
    REQUIRE(loaded.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) CHECK(loaded[k].tensors == models[k].tensors);
    CHECK(loaded[2].mean == 0.25);
  }
  CHECK(load_model(scratch / "run/model/2").tensors == models[1].tensors);
  save_models(scratch / "run/model", {models.data(), 2});
  CHECK(load_models(scratch / "run").size() == 2);
  CHECK(error_of([&] {
          load_model(scratch / "run/model");
        }).ends_with("holds several models, which load_models reads together"));
  save_models(scratch / "run/model", {models.data(), 1});
  CHECK(load_models(scratch / "run").size() == 1);
  CHECK(load_model(scratch / "run/model").tensors == models[0].tensors);
  CHECK_FALSE(std::filesystem::exists(scratch / "run/model/1"));
  models[1].levels.clear();
  CHECK(error_of([&] { save_models(scratch / "run/model", models); }).find("/2") != std::string::npos);
  CHECK(load_models(scratch / "run").size() == 1);  // as it was
  CHECK(error_of([&] { save_models(scratch / "none", {}); }).find("there is no model to save") != std::string::npos);
}

TEST_CASE("means and deviation over runs, and who beats the baseline", "[ensemble]") {
  EnsembleMetrics metrics;
  CHECK_FALSE(metrics.beats_baseline());
  metrics.members = {member(0.9, 0.91), member(0, 0.94), member(0.8, 0.94)};
  CHECK(metrics.mean_valid_rmse() == Approx(0.85));
  CHECK(metrics.mean_test_rmse() == Approx(0.93));
  CHECK(metrics.test_rmse_deviation() == Approx(std::sqrt((0.02 * 0.02 + 2 * 0.01 * 0.01) / 2)));
  metrics.test.count = 2;
  metrics.test.squared_error = 2 * 0.949 * 0.949;
  CHECK(metrics.beats_baseline() == true);
  metrics.test.squared_error = 2 * 0.951 * 0.951;
  CHECK(metrics.beats_baseline() == false);

  RunMetrics run = member(0.9, 0.951);
  CHECK(run.beats_baseline() == false);
  run.best_test_rmse = 0.949;
  CHECK(run.beats_baseline() == true);
  run.test_ratings = 0;
  CHECK_FALSE(run.beats_baseline().has_value());
  run.baseline_valid_rmse = 0.89;
  CHECK(run.beats_baseline() == false);
  run.valid_in_training = true;
  CHECK_FALSE(run.beats_baseline().has_value());
}

TEST_CASE("an ensemble's metrics.json has each model's figures and the average's", "[ensemble]") {
  EnsembleMetrics metrics;
  metrics.members = {member(0.9, 0.91), member(0.8, 0.93)};
  metrics.members[1].seed = 1;
  metrics.test = {.count = 2, .squared_error = 0.5, .absolute_error = 1, .cross_entropy = 3, .correct = 1};
  const auto json = nlohmann::json::parse(metrics_json(metrics));
  CHECK(json["seeds"] == nlohmann::json({0, 1}));
  CHECK(json["mean_valid_rmse"].get<double>() == Approx(0.85));
  CHECK(json["mean_test_rmse"].get<double>() == Approx(0.92));
  CHECK(json["test_rmse_deviation"].get<double>() == Approx(0.0141421356));
  CHECK(json["best_test_rmse"] == 0.5);
  CHECK(json["best_test_mae"] == 0.5);
  CHECK(json["best_test_accuracy"] == 0.5);
  CHECK(json["best_test_loss"] == 1.5);
  CHECK(json["baseline_test_rmse"] == 0.95);
  CHECK(json["beats_baseline"] == true);
  CHECK(json["stopped"] == false);
  REQUIRE(json["members"].size() == 2);
  for (std::size_t k = 0; k < 2; ++k)
    CHECK(json["members"][k] == nlohmann::json::parse(metrics_json(metrics.members[k])));
}
