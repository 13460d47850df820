// A saved model that is trained on with other ratings: users and items by their ids, and who is new.
#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/ensemble.hpp"

namespace {

using namespace gcmc;

Ratings yesterday() { return generate_ratings({.users = 150, .items = 120, .ratings = 5000}); }

/// The same in other numbers: without the first user, with a user and an item that are new, items the other way round.
Ratings today() {
  Ratings ratings = yesterday();
  const Index last = ratings.items();
  std::erase_if(ratings.entries, [](const Rating& rating) { return rating.user == 0; });
  for (Rating& rating : ratings.entries) {
    --rating.user;
    rating.item = last - rating.item;
  }
  ratings.user_ids.erase(ratings.user_ids.begin());
  ratings.user_ids.push_back("new user");
  ratings.item_ids.push_back("new item");
  std::reverse(ratings.item_ids.begin(), ratings.item_ids.end());
  for (Index k = 0; k < 20; ++k) {
    ratings.entries.push_back({ratings.users() - 1, k, static_cast<Level>(k % 5)});
    ratings.entries.push_back({k, 0, static_cast<Level>(k % 5)});
  }
  return ratings;
}

Options some_options() {
  Options options;
  options.model = {.aggregation = Aggregation::stack, .units = 20, .output = 8, .node_dropout = 0.3};
  options.train.max_iterations = 60;
  options.train.learning_rate = 0.02;
  options.run.threads = 1;
  return options;
}

double first_loss(const Ratings& ratings, Options options, Continuation continuation) {
  options.train.max_iterations = 1;
  return train(ratings, options, {}, {}, std::move(continuation)).history.front().loss;
}

}  // namespace

TEST_CASE("weights go by ids: who is known has the saved row, who is new the model's own", "[continue]") {
  const Options options = some_options();
  const SavedModel saved = train(yesterday(), options).model;
  const Ratings ratings = today();
  Cpu cpu(1);
  Model<Cpu, double> model(cpu, {ratings.users(), ratings.items(), ratings.levels}, options.model, 5);
  const auto before = model.parameters().get();
  restore(model, saved, ratings);
  const auto after = model.parameters().get();
  const auto compare = [&](const std::string& name, const std::vector<std::string>& ids,
                           const std::vector<std::string>& old_ids, std::size_t unknown) {
    const auto& old = saved.values<float>(name);
    const Tensor& tensor = saved.tensor(name);
    const auto blocks = static_cast<std::size_t>(tensor.shape[0]), width = static_cast<std::size_t>(tensor.shape[2]);
    std::size_t fresh = 0;
    for (std::size_t block = 0; block < blocks; ++block)
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto found = std::find(old_ids.begin(), old_ids.end(), ids[i]);
        fresh += block == 0 && found == old_ids.end();
        for (std::size_t c = 0; c < width; ++c) {
          const std::size_t at = (block * ids.size() + i) * width + c;
          const auto row = static_cast<std::size_t>(found - old_ids.begin());
          REQUIRE(
              after.at(name)[at] ==
              (found == old_ids.end() ? before.at(name)[at] : double{old[(block * old_ids.size() + row) * width + c]}));
        }
      }
    CHECK(fresh == unknown);
  };
  compare("encoder.user.weight", ratings.user_ids, saved.user_ids, 1);
  compare("encoder.item.weight", ratings.item_ids, saved.item_ids, 1);
  for (const char* name : {"dense.user.weight", "dense.item.bias", "decoder.basis", "decoder.coefficients"}) {
    const auto& old = saved.values<float>(name);
    CHECK(after.at(name) == std::vector<double>(old.begin(), old.end()));
  }
}

TEST_CASE("a training that starts from weights begins where they are, its average and its refit too", "[continue]") {
  Options options = some_options();
  const Ratings old = yesterday(), ratings = today();
  const SavedModel saved = train(old, options).model;
  const double fresh = first_loss(ratings, options, {}), warm = first_loss(ratings, options, {.weights = &saved});
  CHECK(warm < fresh - 0.1);
  options.train.average_decay = 0.999;
  options.train.schedule = Schedule::constant;
  options.train.learning_rate = 1e-9;
  options.train.refit = true;
  options.train.max_iterations = 3;
  const TrainResult still = train(old, options, {}, {}, {.weights = &saved});
  CHECK(still.metrics.refitted);
  for (const char* name : {"encoder.user.weight", "decoder.basis"}) {
    const auto &a = still.model.values<float>(name), &b = saved.values<float>(name);
    for (std::size_t k = 0; k < a.size(); ++k) REQUIRE(a[k] == Approx(b[k]).margin(1e-6));
  }
}

TEST_CASE("a training from weights that is cut goes on to the bits of an uncut one", "[continue]") {
  Options options = some_options();
  options.train.max_iterations = 8;
  options.train.seeds = 2;
  const Ratings ratings = today();
  const std::vector<SavedModel> weights = {train(yesterday(), options).model};
  std::vector<TrainState> state;
  int offers = 0;
  const auto keep = [&](bool, const auto& take) {
    if (++offers == 11) state = take();
  };
  const EnsembleResult uncut =
      train_ensemble(ratings, options, {}, {}, train_on_cpu, {.weights = weights, .on_state = keep});
  REQUIRE(state.size() == 2);
  const EnsembleResult rest =
      train_ensemble(ratings, options, {}, {}, train_on_cpu, {.states = state, .weights = weights});
  for (std::size_t k = 0; k < 2; ++k) CHECK(rest.models[k].tensors == uncut.models[k].tensors);
}

TEST_CASE("weights of sparse feature columns go by category, and by node of a graph", "[continue]") {
  Ratings old = yesterday(), ratings = today();
  const auto add = [](Ratings& to, const std::vector<std::string>& categories, const std::string& file) {
    SideFeatures& features = to.user_features;
    features.encodings = {{.name = "town", .kind = FeatureKind::category, .categories = categories},
                          {.name = file, .kind = FeatureKind::graph}};
    features.sparse.columns = static_cast<Index>(categories.size()) + to.users();
    for (Index user = 0; user <= to.users(); ++user) features.sparse.begin.push_back(user);
    for (Index user = 0; user < to.users(); ++user) features.sparse.column.push_back(user % features.sparse.columns);
    features.sparse.value.assign(static_cast<std::size_t>(to.users()), 1);
  };
  add(old, {"Bergen", "Oslo"}, "friends.tsv");
  add(ratings, {"Oslo", "Stavanger"}, "./today/friends.tsv");
  Options options = some_options();
  const SavedModel saved = train(old, options).model;
  Cpu cpu(1);
  Model<Cpu, float> model(
      cpu, {ratings.users(), ratings.items(), ratings.levels, {&ratings.user_features, &ratings.item_features}},
      options.model, 5);
  const std::string name = "features.user.sparse";
  const std::vector<float> before = model.parameters().get().at(name), &there = saved.values<float>(name);
  restore(model, saved, ratings);
  const std::vector<float> after = model.parameters().get().at(name);
  const auto width = static_cast<std::size_t>(options.model.feature_units);
  const auto row = [&](const std::vector<float>& values, std::size_t k) {
    return std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(k * width),
                              values.begin() + static_cast<std::ptrdiff_t>((k + 1) * width));
  };
  CHECK(row(after, 0) == row(there, 1));   // Oslo
  CHECK(row(after, 1) == row(before, 1));  // Stavanger is new
  CHECK(row(after, 2) == row(there, 3));   // the first user has gone
  CHECK(row(after, 1 + old.user_ids.size()) == row(before, 1 + old.user_ids.size()));
  options.model.features = false;
  CHECK(holds(error_of([&] { train(ratings, options, {}, {}, {.weights = &saved}); }),
              "trained with features of users, but these ratings have none"));
}

TEST_CASE("weights that do not fit are refused with what does not", "[continue]") {
  Options options = some_options();
  const SavedModel saved = train(yesterday(), options).model;
  Ratings ratings = today();
  options.model.units = 40;
  CHECK(holds(error_of([&] { train(ratings, options, {}, {}, {.weights = &saved}); }),
              "restore: tensor \"encoder.user.weight\" is [5, 150, 4], the model needs [5, 150, 8]"));
  SavedModel slim = saved;
  std::erase_if(slim.tensors, [](const auto& tensor) { return tensor.first.starts_with("encoder."); });
  CHECK(holds(error_of([&] { train(ratings, some_options(), {}, {}, {.weights = &slim}); }), "was it exported slim"));
  options = some_options();
  options.train.seeds = 3;
  CHECK(error_of([&] {
          train_ensemble(ratings, options, {}, {}, train_on_cpu, {.weights = {saved, saved}});
        }) == "train: 3 models cannot go on from 0 states and the weights of 2 models");
  ratings.levels.back() += 1;
  CHECK(error_of([&] { train(ratings, some_options(), {}, {}, {.weights = &saved}); }) ==
        "restore: the saved model has other levels than the ratings");
}

TEST_CASE("ratings take a model's levels, and keep their values", "[continue]") {
  Ratings ratings;
  ratings.levels = {2, 4};
  ratings.entries = {{0, 0, 0}, {0, 1, 1}};
  const Ratings with = with_levels(ratings, {1, 2, 3, 4, 5});
  CHECK(with.levels == std::vector<double>{1, 2, 3, 4, 5});
  CHECK(with.entries[0].level == 1);
  CHECK(with.entries[1].level == 3);
  CHECK(holds(error_of([&] { with_levels(ratings, {1, 2, 3}); }), "the value 4"));
  ratings.entries[0].level = 2;
  CHECK(holds(error_of([&] { with_levels(ratings, {1, 2, 4}); }), "2 levels, and one of them level 2"));
}
