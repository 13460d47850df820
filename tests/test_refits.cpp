// Several refits side by side in one model: each is a training of its own, the model answers with the mean of theirs.
#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/options/given_options.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/train.hpp"
#include "scratch_folder.hpp"

namespace {

using namespace gcmc;

Ratings some_ratings() { return generate_ratings({.users = 150, .items = 120, .ratings = 5000}); }

Options several_refits(Index refits) {
  Options options;
  options.model = {.aggregation = Aggregation::stack, .units = 24, .output = 6, .node_dropout = 0.3, .implicit = true};
  options.train = {.seed = 4,
                   .max_iterations = 12,
                   .learning_rate = 0.05,
                   .refit = true,
                   .refits = refits,
                   .calibrate = true,
                   .embedding_draws = 2};
  options.run.threads = 1;
  return options;
}

bool is_of_members(const std::string& tensor) {
  for (const char* prefix : {"encoder.", "dense.", "features.", "decoder.", "user_embedding", "item_embedding"})
    if (tensor.starts_with(prefix)) return true;
  return false;
}

/// A model of one member, cut out by the shapes.
SavedModel member_of(SavedModel saved, std::size_t k) {
  const auto members = static_cast<std::size_t>(saved.members());
  saved.options.train.refits = 1;
  for (auto& [name, tensor] : saved.tensors) {
    if (!is_of_members(name)) continue;
    REQUIRE(tensor.shape.front() == static_cast<Offset>(members));
    tensor.shape.erase(tensor.shape.begin());
    const auto cut = [&](auto& values) {
      const auto count = static_cast<std::ptrdiff_t>(values.size() / members);
      values.erase(values.begin() + count * (static_cast<std::ptrdiff_t>(k) + 1), values.end());
      values.erase(values.begin(), values.begin() + count * static_cast<std::ptrdiff_t>(k));
    };
    std::visit(cut, tensor.values);
  }
  return saved;
}

std::vector<SavedModel> members_of(const SavedModel& saved) {
  std::vector<SavedModel> members;
  for (std::size_t k = 0; k < static_cast<std::size_t>(saved.members()); ++k) members.push_back(member_of(saved, k));
  return members;
}

bool same(const std::vector<Predictor::Neighbour>& a, const std::vector<Predictor::Neighbour>& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.node == y.node && x.similarity == y.similarity; });
}

}  // namespace

TEST_CASE("each refit is one of other draws, and the first is the only one's", "[refits]") {
  const Ratings ratings = some_ratings();
  const TrainResult three = train(ratings, several_refits(3)), one = train(ratings, several_refits(1));
  REQUIRE(three.model.members() == 3);
  REQUIRE(one.model.members() == 1);
  CHECK(three.metrics.refitted);
  CHECK_FALSE(three.metrics.stopped);
  CHECK(three.metrics.parameters == 3 * one.metrics.parameters);
  CHECK(three.metrics.best_valid_rmse == one.metrics.best_valid_rmse);
  CHECK(member_of(three.model, 0).tensors == one.model.tensors);
  const auto& tables = three.model.values<float>("encoder.user.weight");
  const std::size_t count = tables.size() / 3;
  for (std::size_t k = 0; k < count; ++k) REQUIRE(tables[k] != tables[count + k]);
  for (std::size_t k = 0; k < count; ++k) REQUIRE(tables[count + k] != tables[2 * count + k]);
  CHECK(train(ratings, several_refits(2)).model.values<float>("user_embedding") == [&] {
    std::vector<float> values = three.model.values<float>("user_embedding");
    values.resize(values.size() / 3 * 2);
    return values;
  }());
}

TEST_CASE("a model of several refits answers as a predictor of its members does, and is tested so", "[refits]") {
  const Ratings ratings = some_ratings();
  Options options = several_refits(2);
  options.model.precision = GENERATE(Precision::float32, Precision::float64);
  const TrainResult result = train(ratings, options);
  const Predictor whole(result.model), mean(members_of(result.model));
  std::vector<Predictor::Pair> pairs;
  for (Index k = 0; k < 100; ++k) pairs.emplace_back(k, (7 * k) % 120);
  CHECK(whole.predict(pairs) == mean.predict(pairs));
  CHECK(whole.probabilities(pairs) == mean.probabilities(pairs));
  CHECK(whole.predict(pairs) != Predictor(member_of(result.model, 1)).predict(pairs));
  for (const auto by : {Predictor::Likeness::embeddings, Predictor::Likeness::ratings})
    CHECK(same(whole.similar(item_side, 3, 9, by), mean.similar(item_side, 3, 9, by)));

  const std::vector<NodeRating> rated = {{2, 4}, {5, 0}, {60, 3}};
  for (const Side side : {user_side, item_side}) {
    const Newcomer a = whole.fold_in(side, rated), b = mean.fold_in(side, rated);
    CHECK(a.embeddings == b.embeddings);
    CHECK(a.shift == b.shift);
  }
  CHECK(whole.with_ratings(3, rated).embeddings == mean.with_ratings(3, rated).embeddings);
  const auto why = whole.explain(3, 8), mean_why = mean.explain(3, 8);
  CHECK(why.rating == mean_why.rating);
  CHECK(why.reasons.front().effect == mean_why.reasons.front().effect);

  const Split parts = Split(ratings, split_options(options));
  const Metrics expected = evaluate(mean, parts.test());
  CHECK(result.test.count == expected.count);
  CHECK(result.test.rmse() == Approx(expected.rmse()).epsilon(1e-6));
  CHECK(result.test.mae() == Approx(expected.mae()).epsilon(1e-6));
  CHECK(result.test.loss() == Approx(expected.loss()).epsilon(1e-6));
  CHECK(result.test.accuracy() == Approx(expected.accuracy()).epsilon(1e-9));
  CHECK(result.metrics.best_test_rmse == result.test.rmse());
}

TEST_CASE("a model of several refits comes back from its folder, and no other shape does", "[refits]") {
  const ScratchFolder scratch;
  const SavedModel model = train(some_ratings(), several_refits(2)).model;
  save_model(scratch / "m", model);
  const SavedModel loaded = load_model(scratch / "m");
  CHECK(loaded.tensors == model.tensors);
  CHECK(loaded.options == model.options);
  for (const auto precision : {EmbeddingPrecision::bf16, EmbeddingPrecision::int8}) {
    save_models(scratch / "small", {&model, 1}, precision);
    const SavedModel small = load_model(scratch / "small");
    const auto &a = small.values<float>("item_embedding"), &b = model.values<float>("item_embedding");
    CHECK(small.tensor("item_embedding").shape == model.tensor("item_embedding").shape);
    CHECK(a != b);
    for (std::size_t k = 0; k < a.size(); ++k) REQUIRE(a[k] == Approx(b[k]).margin(0.02 * 3));
  }
  SavedModel wrong = model;
  wrong.options.train.refits = 3;
  CHECK(error_of([&] { save_model(scratch / "m", wrong); }).find("[3, 150, 6]") != std::string::npos);
  CHECK(error_of([&] { Predictor{wrong}; }).find("[3, ") != std::string::npos);
  CHECK(load_model(scratch / "m").tensors == model.tensors);
}

TEST_CASE("what is stopped among the refits keeps those that are done", "[refits]") {
  const Ratings ratings = some_ratings();
  const auto stopped_in = [&](Progress::Phase phase, Index refit) {
    std::stop_source source;
    const auto stop = [&](const Progress& progress) {
      if (progress.phase == phase && progress.refit == refit && progress.iteration == 2) source.request_stop();
    };
    TrainResult result = train(ratings, several_refits(3), stop, source.get_token());
    CHECK(result.metrics.stopped);
    return result;
  };
  const TrainResult first = stopped_in(Progress::Phase::training, 1), none = stopped_in(Progress::Phase::refit, 1),
                    one = stopped_in(Progress::Phase::refit, 2), two = stopped_in(Progress::Phase::refit, 3);
  CHECK_FALSE(first.metrics.refitted);
  CHECK_FALSE(none.metrics.refitted);
  CHECK(first.model.members() == 1);
  CHECK(none.model.members() == 1);
  CHECK(one.metrics.refitted);
  CHECK(one.model.tensors == train(ratings, several_refits(1)).model.tensors);
  CHECK(two.model.tensors == train(ratings, several_refits(2)).model.tensors);
  CHECK(two.test.rmse() == train(ratings, several_refits(2)).test.rmse());
  const ScratchFolder scratch;
  for (const TrainResult* result : {&first, &none, &one, &two}) save_model(scratch / "m", result->model);
}

TEST_CASE("each refit of a training that starts from weights starts from a member's", "[refits]") {
  const Ratings ratings = some_ratings();
  const SavedModel saved = train(ratings, several_refits(2)).model;
  Options options = several_refits(3);
  options.train.max_iterations = 2;
  options.train.schedule = Schedule::constant;
  options.train.learning_rate = 1e-9;
  const SavedModel still = train(ratings, options, {}, {}, {.weights = &saved}).model;
  for (std::size_t k = 0; k < 3; ++k)
    for (const char* name : {"encoder.user.weight", "dense.item.weight", "decoder.basis"}) {
      const std::vector<float> now = member_of(still, k).values<float>(name),
                               then = member_of(saved, k % 2).values<float>(name);
      for (std::size_t v = 0; v < now.size(); ++v) REQUIRE(now[v] == Approx(then[v]).margin(1e-6));
    }
}

TEST_CASE("members that are not alike are told", "[refits]") {
  const Tensor two{{2}, std::vector<float>{1, 2}}, three{{3}, std::vector<float>{1, 2, 3}},
      doubles{{2}, std::vector<double>{1, 2}};
  const auto error = [](std::vector<std::map<std::string, Tensor>> members) {
    return error_of([&] {
      SavedModel saved;
      add_members(saved, std::move(members));
    });
  };
  const std::string unlike = "saved model: tensor \"a\" is not alike in all members";
  CHECK(error({{{"a", two}}, {{"a", three}}}) == unlike);
  CHECK(error({{{"a", two}}, {{"a", doubles}}}) == unlike);
  CHECK(error({{{"a", two}}, {{"b", two}}}) == unlike);
  CHECK(error({{{"a", two}}, {{"a", two}, {"b", two}}}) == unlike);
  CHECK(error({}) == "saved model: no member");
  SavedModel saved;
  add_members(saved, {{{"a", two}}, {{"a", two}}});
  CHECK(saved.tensor("a") == Tensor{{2, 2}, std::vector<float>{1, 2, 1, 2}});
}

TEST_CASE("who asks for several refits gets them", "[refits]") {
  const auto followed = [](std::map<std::string, bool> given) {
    Options options;
    options.train.refits = 3;
    if (given.contains("refit")) options.train.refit = given["refit"];
    follow_given(options, false, [&](const char* name) { return given.contains(name); });
    return options.train.members();
  };
  CHECK(followed({{"refits", true}}) == 3);
  CHECK(followed({{"refits", true}, {"refit", true}}) == 3);
  CHECK(followed({}) == 1);
  CHECK(followed({{"refit", false}}) == 1);
  CHECK(error_of([&] {
          followed({{"refits", true}, {"refit", false}});
        }) == "refits is of the trainings of a refit: set refit true, or leave out refits");
}
