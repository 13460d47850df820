// The preset auto: its choices are legal options with a reason, fit the ratings, and train a model worth having.
#include <algorithm>
#include <set>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

/// As many nodes, levels and ratings as asked, all of user 0 and item 0: the rules count, they do not read.
Ratings counted(Index nodes, std::size_t ratings, int levels) {
  Ratings result;
  result.user_ids.resize(static_cast<std::size_t>(nodes));
  result.item_ids.resize(static_cast<std::size_t>(nodes));
  for (int r = 0; r < levels; ++r) result.levels.push_back(r);
  result.entries.resize(ratings);
  return result;
}

const Choice* find(const std::vector<Choice>& choices, const std::string& option) {
  const auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& c) { return c.option == option; });
  return found == choices.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("choices by the ratings are options of the preset dgl changed, each once and with a reason", "[auto]") {
  const std::size_t count = GENERATE(0, 1, 1000, 299999, 300000, 6000000);
  const int levels = GENERATE(0, 2, 5, 10, 40, 255);
  const Ratings ratings = counted(1000, count, levels);
  const std::string preset = GENERATE("auto", "fast");
  const auto choices = preset_choices(preset, ratings);
  std::set<std::string> names;
  for (const Choice& choice : choices) {
    INFO(choice.option);
    CHECK(names.insert(choice.option).second);
    CHECK_FALSE(choice.reason.empty());
    Options options;
    set_option(options, choice.option, choice.value);
    CHECK(option_text(options, choice.option) == choice.value);
  }
  const Options options = preset_options(preset, "mine", ratings);
  CHECK(options.preset == preset);
  CHECK(options.run.data_name == "mine");
  validate(options);
  for (const std::string& name : option_names()) {
    if (name == "preset" || name == "data_name") continue;
    const Choice* choice = find(choices, name);
    CHECK(option_text(options, name) == (choice ? choice->value : option_text(Options{}, name)));
  }
  CHECK(options.model.units / (levels + 1) >= 16);
}

TEST_CASE("auto looks at the number of ratings, and at features of any side", "[auto]") {
  Ratings ratings = counted(1000, 299999, 5);
  CHECK(preset_options("auto", "mine", ratings).train.max_iterations == 1000);
  CHECK(find(preset_choices("auto", ratings), "train_max_iter")->reason.find("299,999 ratings") == 0);
  ratings.entries.resize(1234567);
  CHECK(preset_options("auto", "mine", ratings).train.max_iterations == 600);
  CHECK(find(preset_choices("auto", ratings), "train_max_iter")->reason.find("1,234,567 ratings") == 0);
  CHECK(preset_options("auto", "mine", ratings).train.refit);
  ratings.entries.resize(5000000);
  CHECK_FALSE(preset_options("auto", "mine", ratings).train.refit);
  CHECK_FALSE(find(preset_choices("auto", ratings), "feature_dropout"));
  ratings.item_features.sparse.columns = 3;
  CHECK(find(preset_choices("auto", ratings), "feature_dropout")->reason == "items have side features");
  ratings.user_features.columns = 1;
  CHECK(find(preset_choices("auto", ratings), "feature_dropout")->reason == "users and items have side features");
}

TEST_CASE("auto drops fewer messages where nodes have many ratings or levels", "[auto]") {
  const auto dropout = [](Index nodes_a_side, std::size_t count, int levels) {
    const Ratings ratings = counted(nodes_a_side, count, levels);
    const Choice* choice = find(preset_choices("auto", ratings), "gcn_dropout");
    REQUIRE(choice);
    return preset_options("auto", "mine", ratings).model.node_dropout;
  };
  CHECK(dropout(1000, 39999, 7) == 0.7);
  CHECK(dropout(1000, 40000, 7) == 0.6);
  CHECK(dropout(1000, 149999, 7) == 0.6);
  CHECK(dropout(1000, 150000, 7) == 0.5);
  CHECK(dropout(1000, 39999, 8) == 0.5);
  CHECK(dropout(2001, 300000, 7) == 0.6);
  CHECK(dropout(2000, 300000, 7) == 0.4);
  CHECK(dropout(1000, 300000, 8) == 0.5);
  const auto choices = preset_choices("auto", counted(1000, 100000, 5));
  CHECK(find(choices, "gcn_dropout")->reason.find("100 ratings a user or item, of 100,000") == 0);
}

TEST_CASE("auto begins with factors, and takes fewer steps of many ratings or levels", "[auto]") {
  const auto train = [](Index nodes_a_side, std::size_t count, int levels) {
    return preset_options("auto", "mine", counted(nodes_a_side, count, levels)).train;
  };
  const TrainOptions few = train(1000, 299999, 7), many = train(2001, 300000, 5), dense = train(2000, 300000, 5);
  CHECK(few.start == Start::factors);
  CHECK(few.learning_rate == 0.01);
  CHECK(few.table_rate_factor == 3);
  CHECK(train(1000, 299999, 8).max_iterations == 600);
  CHECK(many.start == Start::factors);
  CHECK(many.learning_rate == 0.02);
  CHECK(many.target_removal == 0.3);
  CHECK(train(2001, 300000, 8).max_iterations == 800);
  CHECK(dense.start == Start::factors);
  CHECK(dense.max_iterations == 600);
}

TEST_CASE("auto calibrates where enough ratings validate, and smooths labels where they are not many each", "[auto]") {
  const std::size_t count = GENERATE(19999, 20000, 149999, 150000, 300000);
  const Options options = preset_options("auto", "mine", counted(1000, count, 5));
  CHECK(options.train.calibrate == (count >= 20000));
  CHECK(options.model.label_smoothing == (count >= 20000 && count < 150000 ? 0.1 : 0.0));
}

TEST_CASE("auto and fast smooth no labels where a rating is far from all others", "[auto]") {
  Ratings ratings = counted(1000, 30000, 5);
  CHECK(preset_options("fast", "mine", ratings, 60).model.label_smoothing == 0.1);
  ratings.levels.push_back(450);
  ratings.entries.back().level = 5;
  CHECK(preset_options("auto", "mine", ratings).model.label_smoothing == 0);
  CHECK(preset_options("fast", "mine", ratings, 60).model.label_smoothing == 0);
}

TEST_CASE("auto and fast smooth no labels of two levels, whose neighbour is the opposite", "[auto]") {
  for (const int levels : {2, 3}) {
    CHECK(preset_options("auto", "mine", counted(1000, 30000, levels)).model.label_smoothing == (levels - 2) * 0.1);
    CHECK(preset_options("fast", "mine", counted(1000, 30000, levels), 60).model.label_smoothing == (levels - 2) * 0.1);
  }
}

TEST_CASE("auto's options beat the bias baseline on generated ratings", "[auto]") {
  const Ratings ratings = generate_ratings({.users = 300, .items = 200, .ratings = 25000});
  Options options = preset_options("auto", "synthetic", ratings);
  options.train.max_iterations = 500;
  options.train.embedding_draws = 20;
  options.train.refit = false;
  const TrainResult result = train(ratings, options);
  CHECK(result.metrics.beats_baseline() == true);
}

TEST_CASE("auto's blocks are of whole vectors, and narrower for many ratings", "[auto]") {
  const auto units = [](Offset ratings, Index levels) {
    return preset_options("auto", "mine", counted(1000, ratings, levels)).model.units;
  };
  CHECK(units(299999, 5) == 80 * 6);
  CHECK(units(300000, 5) == 64 * 6);
  CHECK(units(299999, 10) == 48 * 11);
  CHECK(units(300000, 10) == 48 * 11);
  CHECK(units(299999, 2) == 160 * 3);
  CHECK(units(300000, 2) == 128 * 3);
  CHECK(units(1000, 60) == 16 * 61);
}

TEST_CASE("fast takes more units and more dropout where there is more time for a rating", "[auto]") {
  const Ratings ratings = counted(1000, 1000000, 5);
  const auto model = [&](double seconds) { return preset_options("fast", "mine", ratings, seconds).model; };
  CHECK(model(10).units == 32 * 6);
  CHECK(model(11).units == 64 * 6);
  CHECK(model(0) == model(25));
  CHECK(model(10).node_dropout < model(11).node_dropout);
  CHECK(model(13.9).node_dropout < model(14).node_dropout);
  CHECK(model(21.9).node_dropout < model(22).node_dropout);
  CHECK(model(4.4).normalization == Normalization::left);
  CHECK(model(4.5).normalization == Normalization::symmetric);
  const Ratings sparse = counted(30000, 1000000, 5);
  const auto units_of_sparse = [](double seconds) {
    return preset_options("fast", "mine", counted(7000, 1000000, 5), seconds).model.units;
  };
  CHECK(units_of_sparse(10.9) == 32 * 6);
  CHECK(units_of_sparse(11) == 64 * 6);
  CHECK(units_of_sparse(49) == 64 * 6);
  CHECK(units_of_sparse(50) == 80 * 6);
  for (const double seconds : {1, 10, 11, 60}) {
    const Options options = preset_options("fast", "mine", sparse, seconds);
    CHECK(options.train.start == Start::factors);
    CHECK(options.model.normalization == Normalization::symmetric);
  }
  CHECK(preset_options("auto", "mine", ratings, 1) == preset_options("auto", "mine", ratings));
}

TEST_CASE("fast trains what auto does where there is time for it", "[auto]") {
  const Ratings ratings = counted(4873, 1000209, 5);
  const Options best = preset_options("auto", "mine", ratings), fast = preset_options("fast", "mine", ratings, 23);
  CHECK(fast.model.units == best.model.units);
  CHECK(fast.model.output == best.model.output);
  CHECK(fast.model.node_dropout == best.model.node_dropout);
  CHECK(fast.model.label_smoothing == best.model.label_smoothing);
  CHECK(fast.train.start == best.train.start);
  CHECK(fast.train.learning_rate == best.train.learning_rate);
  CHECK(fast.train.table_rate_factor == best.train.table_rate_factor);
  CHECK(fast.train.warm_up == best.train.warm_up);
  CHECK(fast.train.max_iterations == best.train.max_iterations);
  CHECK(fast.train.target_removal == best.train.target_removal);
  CHECK(preset_options("fast", "mine", ratings) == fast);
}

TEST_CASE("fast takes 3 s for few ratings, whose few steps without dropout would be learnt by heart", "[auto]") {
  const auto options = [](std::size_t ratings, double seconds) {
    return preset_options("fast", "mine", counted(3000, ratings, 5), seconds);
  };
  for (const std::size_t count : {100, 10000, 59999}) CHECK(options(count, 0) == options(count, 1000));
  CHECK(options(60001, 0) != options(60001, 1000));
  CHECK(options(119999, 0) == options(119999, 3));
  CHECK(options(49999, 0).train.max_iterations == 500);
  CHECK(options(50000, 0).train.max_iterations == 1500);
  CHECK(options(1000000, 0) == options(1000000, 25));
}

TEST_CASE("fast takes narrower tables, and less dropout, where there are few ratings for their rows", "[auto]") {
  const auto model = [](Index nodes, double seconds) {
    return preset_options("fast", "mine", counted(nodes, 100000, 9), seconds).model;
  };
  for (const double seconds : {1.0, 3.0, 10.0}) {
    CHECK(model(1000, seconds).units > 16 * 10);
    CHECK(model(10000, seconds).units == 16 * 10);
    CHECK(model(10000, seconds).node_dropout < model(1000, seconds).node_dropout);
  }
  CHECK(model(6000, 2).units == 16 * 10);   // 25 numbers a rating: 20 units of 120,000 rows
  CHECK(model(6000, 10).units == 32 * 10);  // 50
}

TEST_CASE("fast beats the bias baseline on generated ratings in its few steps", "[auto]") {
  const Ratings ratings = generate_ratings({.users = 300, .items = 200, .ratings = 25000});
  const TrainResult result = train(ratings, preset_options("fast", "synthetic", ratings));
  CHECK(result.metrics.beats_baseline() == true);
}

TEST_CASE("the preset auto is not made without ratings", "[auto]") {
  CHECK(error_of([] { preset_options("auto", "ml-100k"); }) == "preset auto needs the ratings, by which it chooses");
}
