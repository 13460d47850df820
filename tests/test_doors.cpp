// Public doors: a caller's mistake throws once, there, with the numbers, and nothing is computed from it.
#include <type_traits>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/train.hpp"

using namespace gcmc;

namespace {

Options small_options() {
  Options options;
  options.model = {.units = 10, .output = 4};
  options.train.max_iterations = 3;
  return options;
}

// Trainers keep references: what would not outlive them does not compile.
using Training = Trainer<Cpu, float>;
static_assert(std::is_constructible_v<Training, Cpu&, const Ratings&, const Split&, const Options&>);
static_assert(!std::is_constructible_v<Training, Cpu&, Ratings, const Split&, const Options&>);
static_assert(!std::is_constructible_v<Training, Cpu&, const Ratings&, Split, const Options&>);
using Net = Model<Cpu, float>;
static_assert(std::is_constructible_v<Training, Cpu&, Net&, const Ratings&, const Split&, const Options&>);
static_assert(!std::is_constructible_v<Training, Cpu&, Net&, Ratings, const Split&, const Options&>);
static_assert(!std::is_constructible_v<Training, Cpu&, Net&, const Ratings&, Split, const Options&>);

}  // namespace

TEST_CASE("a graph and a list of pairs refuse a number out of range", "[doors]") {
  Cpu cpu(1);
  const auto graph = [&](Rating rating) {
    const std::vector<Rating> ratings = {{0, 0, 0}, rating};
    return error_of([&] { Graph<Cpu, float>(cpu, 3, 2, 2, ratings); });
  };
  CHECK(graph({2, 1, 1}) == "no error");
  CHECK(graph({3, 0, 0}) == "graph: entry 1 has user 3, but there are 3");
  CHECK(graph({0, 5000000, 0}) == "graph: entry 1 has item 5000000, but there are 2");
  CHECK(graph({0, -1, 0}) == "graph: entry 1 has item -1, but there are 2");
  CHECK(graph({0, 0, 200}) == "graph: entry 1 has level 200, but there are 2");
  CHECK(error_of([&] { Graph<Cpu, float>(cpu, -1, 2, 2, {}); }) == "graph: -1 users, 2 items, 2 levels");
  CHECK(error_of([&] { PairList<Cpu>(cpu, 3, 2, 0, {}); }) == "pairs: 3 users, 2 items, 0 levels");
  const std::vector<Rating> pairs = {{0, 2, 0}};
  CHECK(error_of([&] { PairList<Cpu>(cpu, 3, 2, 2, pairs); }) == "pairs: entry 0 has item 2, but there are 2");
}

TEST_CASE("a trainer checks its options and ratings, and takes no step after choose", "[doors]") {
  Cpu cpu(1);
  const Ratings ratings = generate_ratings({.users = 40, .items = 30, .ratings = 500});
  const Split parts(ratings, {0.1, 0.1, 1, 1});
  Options options = small_options();
  options.train.max_iterations = -5;
  CHECK(error_of([&] { Training(cpu, ratings, parts, options); }) ==
        "option train_max_iter: '-5' is outside [1, 2147483647]");

  options = small_options();
  options.model.units = -5;
  CHECK(error_of([&] { Training(cpu, ratings, parts, options); }) ==
        "option gcn_agg_units: '-5' is outside [1, 65536]");

  const std::vector<Rating> wrong = {{0, 5000000, 0}};
  const Split elsewhere(wrong, {}, {});
  options = small_options();
  CHECK(error_of([&] { Training(cpu, ratings, elsewhere, options); }) ==
        "graph: entry 0 has item 5000000, but there are 30");

  Training trainer(cpu, ratings, parts, options);
  trainer.step();
  trainer.choose();
  CHECK(error_of([&] { trainer.step(); }) == "trainer: a step after choose(): the moments are gone");
  CHECK(trainer.test().rmse() > 0);
}

TEST_CASE("a step may have a learning rate of the caller's, and the next is the schedule's again", "[doors]") {
  Cpu cpu(1);
  const Ratings ratings = generate_ratings({.users = 40, .items = 30, .ratings = 500});
  const Split parts(ratings, {0.1, 0.1, 1, 1});
  Training given(cpu, ratings, parts, small_options()), scheduled(cpu, ratings, parts, small_options());
  const auto weights = [](Training& trainer) { return trainer.model().parameters().get(); };
  given.step(0.01);
  scheduled.step();
  CHECK(weights(given) == weights(scheduled));  // the schedule's first rate is 0.01
  given.step(0.5);
  scheduled.step();
  CHECK(weights(given) != weights(scheduled));
  CHECK(given.rates() == std::vector{0.01, 0.5});
  CHECK(given.learning_rate() == 0.01);
}

TEST_CASE("ratings are built from ids and values in any order, and wrong ones are refused", "[doors]") {
  RatingsBuilder builder;
  builder.add("ben", "10", 3);
  builder.add("anna", "9", 4.5);
  CHECK(error_of([&] { builder.add("anna", "10", std::nan("")); }) == "a rating that is not a finite number");
  CHECK(error_of([&] { builder.add("anna", "10", -1e30); }) ==
        "a rating further from 0 than 1e12: divide all ratings by the same number");
  builder.begin_test();
  builder.add("anna", "10", 0.5);
  const Ratings ratings = builder.finish("mine");
  validate(ratings);
  CHECK(ratings.name == "mine");
  CHECK(ratings.user_ids == std::vector<std::string>{"anna", "ben"});
  CHECK(ratings.item_ids == std::vector<std::string>{"9", "10"});  // as numbers
  CHECK(ratings.levels == std::vector{0.5, 3.0, 4.5});
  CHECK(ratings.entries == std::vector<Rating>{{1, 1, 1}, {0, 0, 2}, {0, 1, 0}});
  CHECK(ratings.test_begin == 2);

  RatingsBuilder many;
  for (int level = 0; level < 255; ++level) many.add("u", "i", level);
  CHECK(error_of([&] { many.add("u", "i", 255); }).starts_with("a 256th distinct rating value"));
}

TEST_CASE("parts of a split are spans of one array, and parts of one's own may be given", "[doors]") {
  const Ratings ratings = generate_ratings({.users = 40, .items = 30, .ratings = 500});
  const Split parts(ratings, {0.1, 0.2, 1, 1});
  CHECK(parts.train_and_valid().data() == parts.train().data());
  CHECK(parts.valid().data() == parts.train().data() + parts.train().size());
  CHECK(parts.test().data() == parts.valid().data() + parts.valid().size());
  const std::vector<Rating> a = {{0, 0, 0}}, b = {{1, 1, 1}, {2, 2, 2}}, c = {{3, 3, 3}};
  const Split own(a, b, c);
  CHECK(std::vector<Rating>(own.train_and_valid().begin(), own.train_and_valid().end()) ==
        std::vector<Rating>{{0, 0, 0}, {1, 1, 1}, {2, 2, 2}});
  CHECK(own.test().size() == 1);
  CHECK(own.test()[0] == c[0]);
}

TEST_CASE("the test part is scored once for the weights that are kept, and embeddings are drawn once a graph",
          "[run]") {
  const Ratings ratings = generate_ratings({.users = 60, .items = 50, .ratings = 1200});
  Options options = small_options();
  options.train.embedding_draws = 7;
  options.train.calibrate = true;
  options.train.refit = GENERATE(false, true);
  Offset draws = 0, steps = 0;
  const TrainResult result =
      train(ratings, options, [&](const Progress& p) { ++(p.phase == Progress::Phase::embedding ? draws : steps); });
  // By the training graph (calibration and validation), and by that of what is tested and saved: the refit's if it is.
  CHECK(draws == 14);
  CHECK(steps == result.metrics.iterations + (options.train.refit ? result.metrics.best_iteration : 0));
  CHECK_FALSE(result.metrics.stopped);
}

TEST_CASE("a stop between draws of the embeddings ends with one pass instead", "[run]") {
  const Ratings ratings = generate_ratings({.users = 60, .items = 50, .ratings = 1200});
  Options options = small_options();
  options.train.embedding_draws = 1000;
  std::stop_source stop;
  Index draws = 0;
  const auto watch = [&](const Progress& progress) {
    if (progress.phase == Progress::Phase::embedding && ++draws == 3) stop.request_stop();
  };
  const TrainResult stopped = train(ratings, options, watch, stop.get_token());
  CHECK(draws == 3);
  CHECK(stopped.metrics.stopped);
  options.train.embedding_draws = 0;
  const TrainResult plain = train(ratings, options);
  CHECK(stopped.model.tensor("user_embedding") == plain.model.tensor("user_embedding"));
  CHECK(stopped.metrics.best_test_rmse == plain.metrics.best_test_rmse);
}
