// Folding in gives nodes of training their own embeddings, newcomers what an encoder of plain loops gives, and
// explanations what embedding a user again without a rating changes.
#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/train/ensemble.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

constexpr Index users = 40, items = 30;

/// Users with even numbers love items with even numbers and hate the others; those with odd numbers the other way
/// round. The last user and the last item have no ratings.
Ratings two_tastes() {
  Ratings ratings;
  ratings.name = "tastes";
  for (Index user = 0; user < users; ++user) ratings.user_ids.push_back("u" + std::to_string(user));
  for (Index item = 0; item < items; ++item) ratings.item_ids.push_back("i" + std::to_string(item));
  ratings.levels = {1, 2, 4};
  Random random(3);
  for (Index user = 0; user + 1 < users; ++user)
    for (Index item = 0; item + 1 < items; ++item)
      if (random.below(2)) {
        const bool same = user % 2 == item % 2;
        ratings.entries.push_back({user, item, static_cast<Level>(random.below(8) ? (same ? 2 : 0) : 1)});
      }
  return ratings;
}

Options few_steps() {
  Options options;
  options.model.units = 24;
  options.model.output = 7;
  options.model.node_dropout = 0.3;
  options.train.max_iterations = 30;
  options.run.threads = 1;
  options.run.test_ratio = 0.1;
  return options;
}

/// Of training, by the model's numbers.
std::vector<NodeRating> ratings_of(const SavedModel& model, Side side, Index node) {
  const auto& offsets = model.values<Offset>("rated.offsets");
  const auto& rated = model.values<Index>("rated.items");
  const auto& levels = model.values<Level>("rated.levels");
  std::vector<NodeRating> ratings;
  for (Index user = 0; user < users; ++user)
    for (auto e = static_cast<std::size_t>(offsets[user]); e < static_cast<std::size_t>(offsets[user + 1]); ++e) {
      if (side == user_side && user == node) ratings.push_back({rated[e], levels[e]});
      if (side == item_side && rated[e] == node) ratings.push_back({user, levels[e]});
    }
  return ratings;
}

double embedding_value(const SavedModel& model, Side side, Index node, std::size_t column) {
  const Tensor& tensor = model.tensor(side == user_side ? "user_embedding" : "item_embedding");
  const std::size_t place = static_cast<std::size_t>(node) * static_cast<std::size_t>(tensor.shape[1]) + column;
  return std::visit([&](const auto& values) { return static_cast<double>(values[place]); }, tensor.values);
}

/// The largest difference between what folding in gives a node of training and its own embedding.
double largest_difference(const SavedModel& model) {
  double largest = 0;
  for (const Side side : {user_side, item_side})
    for (Index node = 0; node < (side == user_side ? users : items); ++node) {
      std::vector<double> z(7);
      FoldIn(model, side).embed(ratings_of(model, side, node), z);
      for (std::size_t d = 0; d < z.size(); ++d)
        largest = std::max(largest, std::abs(z[d] - embedding_value(model, side, node, d)));
    }
  return largest;
}

/// Numbers of the ratings that lift a prediction most.
bool is_even(Index node) { return node % 2 == 0; }

}  // namespace

TEST_CASE("nodes of training get their own embeddings from their ratings, whatever the options", "[fold_in]") {
  Ratings ratings = two_tastes();
  Options options = few_steps();
  ModelOptions& model = options.model;
  SECTION("sum, symmetric") {}
  SECTION("stack, left") {
    model.aggregation = Aggregation::stack;
    model.normalization = Normalization::left;
    model.activation = Activation::tanh;
  }
  SECTION("ordinal, without a bias, one dense layer") {
    model.ordinal = true;
    model.dense_bias = false;
    model.share_dense = true;
    model.activation = Activation::relu;
  }
  SECTION("stacked with an implicit block") {
    model.aggregation = Aggregation::stack;
    model.implicit = true;
    model.activation = Activation::sigmoid;
  }
  SECTION("ordinal sum with an implicit block") {
    model.ordinal = true;
    model.implicit = true;
  }
  SECTION("features, which are missing") {
    for (auto* side : {&ratings.user_features, &ratings.item_features}) {
      side->columns = 2;
      side->values.assign(2 * (side == &ratings.user_features ? users : items), 0.0);
    }
  }
  CHECK(largest_difference(train(ratings, options).model) < 1e-5);
  model.precision = Precision::float64;
  CHECK(largest_difference(train(ratings, options).model) < 1e-13);
}

TEST_CASE("a newcomer with a user's ratings is answered as the user is", "[fold_in]") {
  Options options = few_steps();
  options.train.seeds = 2;
  options.train.calibrate = true;
  const EnsembleResult result = train_ensemble(two_tastes(), options);
  const Predictor predictor(result.models, 2);
  const SavedModel& model = predictor.model();
  std::vector<Index> all_items, all_users;
  for (Index item = 0; item < items; ++item) all_items.push_back(item);
  for (Index user = 0; user < users; ++user) all_users.push_back(user);
  all_items.push_back(-1);

  const Newcomer user = predictor.fold_in(user_side, ratings_of(model, user_side, 5));
  std::vector<Predictor::Pair> pairs;
  for (const Index item : all_items) pairs.emplace_back(5, item);
  const Predictor::Scores own = predictor.score(pairs), folded = predictor.score(user, all_items);
  const auto shifted = [&](double rating, const Newcomer& of) { return std::clamp(rating + of.shift, 1.0, 4.0); };
  for (std::size_t k = 0; k + 1 < pairs.size(); ++k) {
    CHECK(folded.ratings[k] == Approx(shifted(own.ratings[k], user)).margin(1e-5));
    for (std::size_t r = 0; r < 3; ++r)
      CHECK(folded.probabilities[3 * k + r] == Approx(own.probabilities[3 * k + r]).margin(1e-5));
  }
  CHECK(folded.ratings.back() == shifted(model.baseline().predict(-1, -1), user));

  const Newcomer item = predictor.fold_in(item_side, ratings_of(model, item_side, 8));
  pairs.clear();
  for (const Index other : all_users) pairs.emplace_back(other, 8);
  const Predictor::Scores of_item = predictor.score(item, all_users), own_of_item = predictor.score(pairs);
  for (std::size_t k = 0; k < pairs.size(); ++k)
    CHECK(of_item.ratings[k] == Approx(shifted(own_of_item.ratings[k], item)).margin(1e-5));
  std::reverse(all_users.begin(), all_users.end());
  std::vector<double> backwards = predictor.score(item, all_users).ratings;
  std::reverse(backwards.begin(), backwards.end());
  CHECK(backwards == of_item.ratings);

  const auto best = predictor.recommend(user, {.top = 40});
  REQUIRE(best.size() == items - user.ratings.size());
  for (const auto& [number, rating] : best) {
    CHECK(std::none_of(user.ratings.begin(), user.ratings.end(),
                       [&, &item_number = number](const NodeRating& r) { return r.other == item_number; }));
    CHECK(rating == Approx(shifted(own.ratings[number], user)).margin(1e-5));
  }
}

TEST_CASE("further ratings move a user's embedding by what they change in the encoder", "[fold_in]") {
  Options options = few_steps();
  options.train.seeds = 2;
  const Predictor predictor(train_ensemble(two_tastes(), options).models);
  const SavedModel& model = predictor.model();
  std::vector<Index> all_items;
  std::vector<Predictor::Pair> pairs;
  for (Index item = 0; item < items; ++item) {
    all_items.push_back(item);
    pairs.emplace_back(5, item);
  }
  const Newcomer same = predictor.with_ratings(5, {});
  CHECK(predictor.score(same, all_items).ratings == predictor.predict(pairs));

  std::vector<NodeRating> merged = ratings_of(model, user_side, 5);
  const auto is_known = [&](Index item) {
    return std::any_of(merged.begin(), merged.end(), [&](const NodeRating& r) { return r.other == item; });
  };
  const NodeRating instead{merged[1].other, static_cast<Level>(merged[1].level == 0 ? 2 : 0)};
  const NodeRating more{*std::find_if_not(all_items.begin(), all_items.end(), is_known), 2};
  Newcomer expected = predictor.fold_in(user_side, merged);
  merged[1] = instead;
  merged.push_back(more);
  const Newcomer after = predictor.fold_in(user_side, merged), moved = predictor.with_ratings(5, {more, instead});
  CHECK(moved.ratings == after.ratings);
  CHECK(moved.shift == 0);
  for (std::size_t m = 0; m < 2; ++m)
    for (std::size_t d = 0; d < after.embeddings[m].size(); ++d)
      CHECK(moved.embeddings[m][d] - same.embeddings[m][d] ==
            Approx(after.embeddings[m][d] - expected.embeddings[m][d]).margin(1e-12));
  CHECK(error_of([&] { predictor.with_ratings(5, {more, more}); }).find("is rated twice") != std::string::npos);
  CHECK(error_of([&] { predictor.with_ratings(users, {}); }).find("is not in the model") != std::string::npos);
}

TEST_CASE("a newcomer is shifted by what the others of its ratings do not foretell of each", "[fold_in]") {
  Options options = few_steps();
  options.model.precision = Precision::float64;
  const SavedModel model = train(two_tastes(), options).model;
  const Predictor predictor(model, 1);
  for (const std::size_t count : {1, 2, 7, 23}) {
    std::vector<NodeRating> ratings;
    for (Index item = 0; ratings.size() < count; ++item) ratings.push_back({item, static_cast<Level>(item % 2)});
    const std::size_t parts = std::min(count, std::size_t{10});
    double off = 0;
    for (std::size_t k = 0; k < count && count > 1; ++k) {
      std::vector<NodeRating> rest;
      for (std::size_t e = 0; e < count; ++e)
        if (e % parts != k % parts) rest.push_back(ratings[e]);
      Newcomer without = predictor.fold_in(user_side, rest);
      without.shift = 0;
      off += model.levels[ratings[k].level] - predictor.score(without, {&ratings[k].other, 1}).ratings[0];
    }
    CHECK(predictor.fold_in(user_side, ratings).shift == Approx(off / (static_cast<double>(count) + 10)).margin(1e-9));
  }
}

TEST_CASE("the fans of a new item are the users who would rate it highest", "[fold_in]") {
  const SavedModel model = train(two_tastes(), few_steps()).model;
  const Predictor predictor(model, 2);
  const std::vector<NodeRating> ratings = {{3, 1}, {8, 0}, {4, 1}};
  const Newcomer item = predictor.fold_in(item_side, ratings);
  std::vector<Index> all;
  for (Index user = 0; user < users; ++user) all.push_back(user);
  const std::vector<double> expected = predictor.score(item, all).ratings;
  const auto fans = predictor.fans(item, {.top = users});
  REQUIRE(fans.size() == users - ratings.size());
  for (std::size_t k = 0; k < fans.size(); ++k) {
    CHECK(std::none_of(ratings.begin(), ratings.end(), [&](const auto& r) { return r.other == fans[k].user; }));
    CHECK(fans[k].rating == expected[fans[k].user]);
    CHECK((k == 0 || fans[k - 1].rating > fans[k].rating ||
           (fans[k - 1].rating == fans[k].rating && fans[k - 1].user < fans[k].user)));
  }
  CHECK(predictor.fans(item, {.top = users, .rated = true}).size() == users);
  const std::vector<Index> some = {3, 5, 6};
  const auto few = predictor.fans(item, {.top = 2, .among = some});
  REQUIRE(few.size() == 2);
  CHECK(few[0].user + few[1].user == 11);
  CHECK(predictor.fans(predictor.fold_in(item_side, {}), {.top = 1})[0].rating == [&] {
    double most = 0;
    for (const Index user : all) most = std::max(most, model.baseline().predict(user, -1));
    return most;
  }());
  CHECK(error_of([&] {
          predictor.fans(predictor.fold_in(user_side, {{0, 0}}));
        }).find("is a user") != std::string::npos);
}

TEST_CASE("without any ratings a newcomer gets the baseline's ratings", "[fold_in]") {
  const SavedModel model = train(two_tastes(), few_steps()).model;
  const Predictor predictor(model, 1);
  const Newcomer nobody = predictor.fold_in(user_side, {});
  const auto best = predictor.recommend(nobody, {.top = 3});
  REQUIRE(best.size() == 3);
  const BiasBaseline baseline = model.baseline();
  for (const auto& [item, rating] : best) CHECK(rating == baseline.predict(-1, item));
  CHECK(best[0].rating >= best[1].rating);
  const Predictor::Explanation explanation = predictor.explain(nobody, 4);
  CHECK(explanation.rating == baseline.predict(-1, 4));
  CHECK(explanation.reasons.empty());
}

TEST_CASE("an explanation is what embedding the user again without each rating changes", "[fold_in]") {
  Options options = few_steps();
  options.train.max_iterations = 120;
  options.model.precision = Precision::float64;
  const SavedModel model = train(two_tastes(), options).model;
  const Predictor predictor(model, 1);
  for (const Index user : {4, 7}) {
    const std::vector<NodeRating> ratings = ratings_of(model, user_side, user);
    for (const Index item : {10, 11}) {
      const Predictor::Pair pair{user, item};
      const Predictor::Explanation explanation = predictor.explain(user, item);
      CHECK(explanation.rating == Approx(predictor.predict({&pair, 1})[0]).margin(1e-12));
      REQUIRE(explanation.reasons.size() == ratings.size());
      for (const Predictor::Reason& reason : explanation.reasons) {
        std::vector<NodeRating> rest = ratings;
        CHECK(std::erase(rest, NodeRating{reason.item, reason.level}) == 1);
        Newcomer again = predictor.fold_in(user_side, rest);
        again.shift = 0;
        const double without = predictor.score(again, {&item, 1}).ratings[0];
        CHECK(reason.effect == Approx(explanation.rating - without).margin(1e-9));
      }
      for (std::size_t k = 1; k < ratings.size(); ++k)
        CHECK(std::abs(explanation.reasons[k - 1].effect) >= std::abs(explanation.reasons[k].effect));

      // Love of the same kind and hate of the other are why an item of a kind is liked.
      const double sign = is_even(user) == is_even(item) ? 1 : -1;
      CHECK(sign * (explanation.rating - 2.4) > 0.5);
      int right = 0;
      for (std::size_t k = 0; k < 5; ++k) right += sign * explanation.reasons[k].effect > 0;
      CHECK(right >= 4);

      const auto folded = predictor.explain(predictor.fold_in(user_side, ratings), item);
      CHECK(folded.reasons.front().item == explanation.reasons.front().item);
      CHECK(folded.reasons.front().effect == Approx(explanation.reasons.front().effect).margin(1e-9));
    }
  }
}

TEST_CASE("predicted ratings are compared as vectors of all log probabilities less their mean", "[fold_in]") {
  Options options = few_steps();
  options.model.precision = Precision::float64;
  std::vector<SavedModel> models = {train(two_tastes(), options).model};
  options.train.seed = 4;
  models.push_back(train(two_tastes(), options).model);
  const Predictor predictor(models, 1);
  for (const Side side : {user_side, item_side}) {
    const Index nodes = side == user_side ? users : items, others = side == user_side ? items : users;
    std::vector<std::vector<double>> cosines(2, std::vector<double>(nodes));
    for (std::size_t m = 0; m < models.size(); ++m) {
      const Predictor alone(models[m], 1);
      std::vector<std::vector<double>> profiles(nodes);
      for (Index node = 0; node < nodes; ++node)
        for (Index rated = 0; rated < others; ++rated) {
          if (alone.ratings_of(other(side), rated) == 0) continue;
          const Predictor::Pair pair = side == user_side ? Predictor::Pair{node, rated} : Predictor::Pair{rated, node};
          const auto p = alone.probabilities({&pair, 1});
          double mean = 0;
          for (const double probability : p) mean += std::log(probability) / static_cast<double>(p.size());
          for (const double probability : p) profiles[node].push_back(std::log(probability) - mean);
        }
      const auto product = [&](Index a, Index b) {
        return std::inner_product(profiles[a].begin(), profiles[a].end(), profiles[b].begin(), 0.0);
      };
      for (Index node = 0; node < nodes; ++node)
        cosines[m][node] = product(4, node) / std::sqrt(product(4, 4) * product(node, node));
    }
    const auto nearest = predictor.similar(side, 4, nodes, Predictor::Likeness::ratings);
    CHECK(nearest.size() >= static_cast<std::size_t>(nodes) - 2);
    for (const auto& [node, similarity] : nearest)
      CHECK(similarity == Approx((cosines[0][node] + cosines[1][node]) / 2).margin(1e-9));
  }
}

TEST_CASE("items and users of one taste are similar", "[fold_in]") {
  Options options = few_steps();
  options.train.max_iterations = 120;
  const Predictor predictor(train(two_tastes(), options).model, 1);
  const auto by = GENERATE(Predictor::Likeness::embeddings, Predictor::Likeness::ratings);
  for (const Side side : {user_side, item_side})
    for (const Index node : {3, 6}) {
      const auto nearest = predictor.similar(side, node, 8, by);
      REQUIRE(nearest.size() == 8);
      int same = 0;
      for (std::size_t k = 0; k < nearest.size(); ++k) {
        CHECK(nearest[k].node != node);
        CHECK(nearest[k].similarity <= 1 + 1e-12);
        CHECK((k == 0 || nearest[k - 1].similarity >= nearest[k].similarity));
        same += is_even(nearest[k].node) == is_even(node);
      }
      CHECK(same >= 7);
    }
  const auto all = predictor.similar(item_side, 0, items);
  CHECK(all.size() == items - 2);  // not itself, and not the item without ratings
}

TEST_CASE("what cannot be folded in, explained or compared is refused with its number", "[fold_in]") {
  const SavedModel model = train(two_tastes(), few_steps()).model;
  const Predictor predictor(model, 1);
  CHECK(error_of([&] { predictor.fold_in(user_side, {{items, 0}}); }).find("a rating of node 30") != std::string::npos);
  CHECK(error_of([&] { predictor.fold_in(user_side, {{0, 3}}); }).find("at level 3") != std::string::npos);
  CHECK(error_of([&] {
          predictor.fold_in(user_side, {{2, 0}, {1, 0}, {2, 1}});
        }) == "fold-in: item number 2 is rated twice");
  CHECK(error_of([&] { predictor.explain(users, 0); }).find("user number 40") != std::string::npos);
  CHECK(error_of([&] { predictor.explain(0, -1); }).find("item number -1") != std::string::npos);
  CHECK(error_of([&] { predictor.similar(item_side, items, 3); }).find("item number 30") != std::string::npos);
  const Newcomer item = predictor.fold_in(item_side, {});
  CHECK(error_of([&] { predictor.recommend(item); }).find("is an item") != std::string::npos);
  CHECK(error_of([&] { predictor.explain(item, 0); }).find("is an item") != std::string::npos);
  CHECK(error_of([&] {
          predictor.explain(Newcomer{user_side, {{1, 0}}}, 0);
        }).find("another predictor") != std::string::npos);

  SavedModel huge = model;
  for (const char* name : {"encoder.item.weight", "dense.user.weight"})
    for (float& weight : std::get<std::vector<float>>(huge.tensors[name].values)) weight *= 1e37F;
  CHECK(error_of([&] {
          Predictor(huge, 1).fold_in(user_side, {{0, 0}, {1, 0}});
        }).find("overflow") != std::string::npos);

  SavedModel small = model;
  std::erase_if(small.tensors, [](const auto& tensor) { return !Predictor::reads(tensor.first); });
  const Predictor reader(small, 1);
  CHECK(error_of([&] {
          reader.fold_in(user_side, {{0, 0}});
        }).find("\"encoder.item.weight\" is missing") != std::string::npos);
}
