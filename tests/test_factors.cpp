// Matrix factorization, and a model that begins with what it knows.
#include <cmath>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/ratings/baseline.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/factor_start.hpp"
#include "gcmc/train/train.hpp"

using namespace gcmc;

namespace {

Ratings tasteful() { return generate_ratings({.users = 300, .items = 200, .ratings = 25000}); }

double value(const Factors& factors, Index user, Index item) {
  double sum = factors.bias[user_side][static_cast<std::size_t>(user)];
  sum += factors.bias[item_side][static_cast<std::size_t>(item)];
  for (Index c = 0; c < factors.rank; ++c)
    sum += double{factors.of(user_side, user)[c]} * factors.of(item_side, item)[c];
  return factors.mean + factors.scale * sum;
}

double rmse(const Factors& factors, const Ratings& ratings, std::span<const Rating> part) {
  double squares = 0;
  for (const Rating& rating : part)
    squares += std::pow(value(factors, rating.user, rating.item) - ratings.levels[rating.level], 2);
  return std::sqrt(squares / static_cast<double>(part.size()));
}

Options starting_from_factors() {
  Options options;
  options.model = {.aggregation = Aggregation::stack,
                   .normalization = Normalization::left,
                   .units = 96,
                   .output = 12,
                   .node_dropout = 0.1,
                   .implicit = true};
  options.train.start = Start::factors;
  options.train.max_iterations = 3;
  options.train.learning_rate = 1e-9;
  options.train.min_learning_rate = 1e-9;
  return options;
}

}  // namespace

TEST_CASE("a step of the factorization is the one that its gradient says", "[factors]") {
  Ratings ratings;
  ratings.user_ids = {"a", "b"};
  ratings.item_ids = {"x", "y"};
  ratings.levels = {1, 3};
  ratings.entries = {{0, 1, 0}, {1, 0, 1}};  // of disjoint pairs: an epoch is one step of each
  const FactorOptions options{.rank = 3, .epochs = 1, .rate = 0.1, .factor_decay = 0.2, .start = 0.5, .seed = 7};
  FactorOptions none = options;
  none.epochs = 0;
  const Factors before = fit_factors(ratings, ratings.entries, none),
                after = fit_factors(ratings, ratings.entries, options);
  CHECK(before.mean == 2);
  CHECK(before.scale == 1);
  CHECK(before.stride == 8);
  for (const Rating& rating : ratings.entries) {
    const double error = ratings.levels[rating.level] - value(before, rating.user, rating.item);
    CHECK(after.bias[user_side][rating.user] == Approx(0.1 * error));
    CHECK(after.bias[item_side][rating.item] == Approx(0.1 * error));
    for (Index c = 0; c < 3; ++c) {
      const double p = before.of(user_side, rating.user)[c], q = before.of(item_side, rating.item)[c];
      CHECK(after.of(user_side, rating.user)[c] == Approx(p + 0.1 * (error * q - 0.2 * p)));
      CHECK(after.of(item_side, rating.item)[c] == Approx(q + 0.1 * (error * p - 0.2 * q)));
    }
    CHECK(after.of(user_side, rating.user)[3] == 0);
  }
}

TEST_CASE("factors beat the bias baseline, the same on any number of threads", "[factors]") {
  const Ratings ratings = tasteful();
  const Split split(ratings, SplitOptions{.test_seed = 1});
  FactorOptions options{.rank = 8, .epochs = 60};
  const Factors factors = fit_factors(ratings, split.train_and_valid(), options);
  CHECK(rmse(factors, ratings, split.test()) <
        evaluate(fit_bias_baseline(ratings, split.train_and_valid()), ratings, split.test()).rmse());
  options.threads = 3;
  const Factors others = fit_factors(ratings, split.train_and_valid(), options);
  CHECK(factors.factors == others.factors);
  CHECK(factors.bias == others.bias);

  CHECK(error_of([&] { fit_factors(ratings, {}, options); }).find("no rating") != std::string::npos);
  const std::vector<Rating> wrong{{300, 0, 0}};
  CHECK_THROWS_AS(fit_factors(ratings, wrong, options), InputError);
  options.rank = 0;
  CHECK_THROWS_AS(fit_factors(ratings, split.train(), options), InputError);
}

TEST_CASE("ridge regression solves its equations; a column of zeros has no weight", "[factors]") {
  const Offset n = 4, m = 2;
  Random random(3);
  std::vector<double> x(6 * n), a(n * n), b(n * m);
  for (double& value : x) value = random.uniform() - 0.5;
  for (int row = 0; row < 6; ++row) x[row * n + 2] = 0;
  for (Offset i = 0; i < n; ++i)
    for (Offset j = 0; j < n; ++j)
      for (int row = 0; row < 6; ++row) a[i * n + j] += x[row * n + i] * x[row * n + j];
  for (Offset i = 0; i < n; ++i)
    for (Offset c = 0; c < m; ++c) b[i * m + c] = i == 2 ? 0 : random.uniform();
  std::vector<double> factored = a, solution = b;
  solve_ridge(factored, solution, n, 0.5);
  for (Offset i = 0; i < n; ++i)
    for (Offset c = 0; c < m; ++c) {
      double sum = 0.5 * a[i * n + i] * solution[i * m + c];
      for (Offset k = 0; k < n; ++k) sum += a[i * n + k] * solution[k * m + c];
      CHECK(sum == Approx(b[i * m + c]).margin(1e-12));
      if (i == 2) CHECK(solution[i * m + c] == 0);
    }
}

TEST_CASE("one rating that is far from all others is drawn in, and changes little", "[factors]") {
  const double far = GENERATE(450.0, 1e5, 1e12);
  Ratings ratings = tasteful();
  const FactorOptions options{.rank = 8, .epochs = 60};
  const Factors before = fit_factors(ratings, ratings.entries, options);
  ratings.levels.push_back(far);
  ratings.entries[777].level = 5;
  const Factors after = fit_factors(ratings, ratings.entries, options);
  CHECK(std::abs(after.mean - before.mean) < 0.01);
  CHECK(after.scale / before.scale == Approx(1).margin(0.01));
  ratings.entries[777] = ratings.entries[778];
  CHECK(rmse(after, ratings, ratings.entries) < rmse(before, ratings, ratings.entries) + 0.02);
}

TEST_CASE("ratings that are all the same, no binary fraction, have a deviation of 1", "[factors]") {
  Ratings ratings;
  ratings.user_ids = {"a"};
  ratings.levels = {0.1, 5};
  for (Index k = 0; k < 18; ++k) {
    ratings.item_ids.push_back(std::to_string(k));
    ratings.entries.push_back({0, k, 0});
  }
  const Factors factors = fit_factors(ratings, ratings.entries, {});
  CHECK(factors.scale == 1);
  CHECK(factors.mean == Approx(0.1));
}

TEST_CASE("a level without a rating of training leaves the others apart", "[factors]") {
  Ratings ratings = tasteful();
  const Options options = starting_from_factors();
  const Split split(ratings, split_options(options));
  const Factors factors = fit_factors(ratings, split.train(), {.rank = 10, .epochs = 60});
  Cpu cpu(2);
  const auto valid_loss = [&] {
    const auto levels = static_cast<Index>(ratings.levels.size());
    Model<Cpu, float> model(cpu, shape_of(ratings), options.model, 1);
    const Graph<Cpu, float> graph(cpu, ratings.users(), ratings.items(), levels, split.train(), Normalization::left);
    FactorStart<Cpu, float>(cpu, model, graph, ratings, split.train(), factors).run();
    model.encode(graph.messages());
    const PairList<Cpu> pairs(cpu, ratings.users(), ratings.items(), levels, split.valid());
    model.predict(pairs.pairs());
    return model.metrics().loss();
  };
  const double before = valid_loss();
  ratings.levels.push_back(99999);
  CHECK(valid_loss() < before + 0.01);
}

TEMPLATE_TEST_CASE("a model that begins with factors repeats them before its first step", "[factors]", float, double) {
  const Ratings ratings = tasteful();
  const Options options = starting_from_factors();
  const Split split(ratings, split_options(options));
  const Factors factors = fit_factors(ratings, split.train(), {.rank = 10, .epochs = 60});
  Cpu cpu(2);
  for (const Normalization normalization : {Normalization::left, Normalization::symmetric}) {
    ModelOptions shape = options.model;
    shape.normalization = normalization;
    Model<Cpu, TestType> model(cpu, {ratings.users(), ratings.items(), ratings.levels, {}}, shape, 1);
    const Graph<Cpu, TestType> graph(cpu, ratings.users(), ratings.items(), 5, split.train(), normalization);
    FactorStart<Cpu, TestType>(cpu, model, graph, ratings, split.train(), factors).run();
    model.encode(graph.messages());
    const auto user = model.embedding(user_side).get(), item = model.embedding(item_side).get();
    double squares = 0, of_factors = 0;
    for (const Rating& rating : split.train()) {
      const TestType *p = &user[rating.user * 12], *q = &item[rating.item * 12];
      const double wanted = value(factors, rating.user, rating.item) - factors.mean;
      squares += std::pow(factors.scale * std::inner_product(p, p + 12, q, 0.0) - wanted, 2);
      of_factors += wanted * wanted;
    }
    CAPTURE(normalization);
    CHECK(squares / of_factors < 0.17);

    // The decoder's ratings are as good as the factors' biases at the least, without a step.
    const PairList<Cpu> pairs(cpu, ratings.users(), ratings.items(), 5, split.valid());
    model.predict(pairs.pairs());
    CHECK(model.metrics().rmse() < evaluate(fit_bias_baseline(ratings, split.train()), ratings, split.valid()).rmse());
  }
}

TEST_CASE("first values are those of the averaged weights too, and come before the first step", "[factors]") {
  const Ratings ratings = tasteful();
  Options options = starting_from_factors();
  options.train.average_decay = 0.99;
  const Split split(ratings, split_options(options));
  const Factors factors = fit_factors(ratings, split.train(), {.rank = 10, .epochs = 60});
  Cpu cpu(2);
  Trainer<Cpu, float> trainer(cpu, ratings, split, options);
  const auto begin = [&](Model<Cpu, float>& model, const Graph<Cpu, float>& graph) {
    FactorStart<Cpu, float>(cpu, model, graph, ratings, split.train(), factors).run();
  };
  trainer.begin(begin);
  CHECK(trainer.validate().rmse() < evaluate(fit_bias_baseline(ratings, split.train()), ratings, split.valid()).rmse());
  trainer.step();
  CHECK_THROWS_AS(trainer.begin(begin), InputError);
}

TEST_CASE("training begins with factors where the options say so", "[factors]") {
  const Ratings ratings = tasteful();
  Options options = starting_from_factors();
  const RunMetrics started = train(ratings, options).metrics;
  CHECK(started.beats_baseline() == true);  // after three steps of no length
  CHECK(train(ratings, options).metrics.best_test_rmse == started.best_test_rmse);
  options.train.refit = true;
  CHECK(train(ratings, options).metrics.refitted);
  options.train.start = Start::drawn;
  CHECK(train(ratings, options).metrics.best_test_rmse > started.best_test_rmse + 0.05);
}

TEST_CASE("factors that repeat a user's few ratings do not make the levels seem sure", "[factors]") {
  RatingsBuilder builder;
  Random random(3);
  for (int item = 0; item < 100; ++item)
    builder.add("u", "i" + std::to_string(item), static_cast<double>(1 + random.below(5)));
  Options options = starting_from_factors();
  options.train.max_iterations = 1;
  const TrainResult result = train(builder.finish("one user"), options);
  CHECK(result.history.front().loss < 5);  // it was 200,000; log 5 is 1.6
  CHECK(result.test.loss() < 5);
}

TEST_CASE("a start from factors asks for the model that it is for", "[factors]") {
  const Ratings ratings = tasteful();
  Options options = starting_from_factors();
  options.model.units = 12;  // 2 a level
  CHECK(error_of([&] { train(ratings, options); }).find("raise gcn_agg_units") != std::string::npos);
  options = starting_from_factors();
  options.model.aggregation = Aggregation::sum;
  CHECK(error_of([&] { train(ratings, options); }).find("set gcn_agg_accum stack") != std::string::npos);
}
