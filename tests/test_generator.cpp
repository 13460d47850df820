// The built-in generator: shaped like MovieLens, the same for a seed, and with a truth that a model can learn.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/ratings/baseline.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/ratings/metrics.hpp"
#include "gcmc/ratings/split.hpp"

using namespace gcmc;

namespace {

std::vector<Offset> degrees(const Ratings& ratings, Index Rating::*side, Index nodes) {
  std::vector<Offset> counts(static_cast<std::size_t>(nodes));
  for (const Rating& entry : ratings.entries) ++counts[static_cast<std::size_t>(entry.*side)];
  std::sort(counts.begin(), counts.end());
  return counts;
}

std::size_t distinct_pairs(const Ratings& ratings) {
  std::set<std::pair<Index, Index>> pairs;
  for (const Rating& entry : ratings.entries) pairs.emplace(entry.user, entry.item);
  return pairs.size();
}

/// FNV-1a over every entry.
std::uint64_t fingerprint(const Ratings& ratings) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const Rating& entry : ratings.entries)
    for (const Offset value : {Offset{entry.user}, Offset{entry.item}, Offset{entry.level}})
      hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001B3;
  return hash;
}

/// Test RMSE of a plain matrix factorisation on top of the baseline, by stochastic gradient descent.
double factorization_rmse(const Ratings& ratings, const Split& parts, const BiasBaseline& baseline) {
  constexpr std::size_t rank = 4;
  const auto start = [&](Index nodes, std::uint32_t stream) {
    std::vector<double> factors(static_cast<std::size_t>(nodes) * rank);
    Random random(1, stream);
    for (double& factor : factors) factor = 0.2 * (random.uniform() - 0.5);
    return factors;
  };
  std::vector<double> user_factors = start(ratings.users(), 1), item_factors = start(ratings.items(), 2);
  const auto predict = [&](const Rating& r) {
    const double* p = &user_factors[static_cast<std::size_t>(r.user) * rank];
    const double* q = &item_factors[static_cast<std::size_t>(r.item) * rank];
    const double bias = baseline.mean + baseline.user_bias[static_cast<std::size_t>(r.user)] +
                        baseline.item_bias[static_cast<std::size_t>(r.item)];
    return std::inner_product(p, p + rank, q, bias);
  };
  for (int epoch = 0; epoch < 40; ++epoch)
    for (const Rating& r : parts.train()) {
      const double error = ratings.levels[r.level] - predict(r);
      double* p = &user_factors[static_cast<std::size_t>(r.user) * rank];
      double* q = &item_factors[static_cast<std::size_t>(r.item) * rank];
      for (std::size_t k = 0; k < rank; ++k) {
        const double old = p[k];
        p[k] += 0.01 * (error * q[k] - 0.1 * p[k]);
        q[k] += 0.01 * (error * old - 0.1 * q[k]);
      }
    }
  double squared = 0;
  for (const Rating& r : parts.test()) {
    const double error = std::clamp(predict(r), baseline.lowest, baseline.highest) - ratings.levels[r.level];
    squared += error * error;
  }
  return std::sqrt(squared / static_cast<double>(parts.test().size()));
}

std::string error_of(const GeneratorOptions& options) {
  try {
    generate_ratings(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("synthetic-100k has ml-100k's size and shape", "[generator]") {
  const Ratings ratings = generate_ratings({});
  validate(ratings);
  CHECK(ratings.name == "synthetic-100k");
  CHECK(ratings.users() == 943);
  CHECK(ratings.items() == 1682);
  CHECK(ratings.entries.size() == 100000);
  CHECK(ratings.user_ids.front() == "1");
  CHECK(ratings.user_ids.back() == "943");
  CHECK(distinct_pairs(ratings) == 100000);
  const std::vector<Offset> users = degrees(ratings, &Rating::user, 943), items = degrees(ratings, &Rating::item, 1682);
  CHECK(users.front() >= 15);  // ml-100k: 20, 65, 737
  CHECK(std::abs(users[471] - 65) < 15);
  CHECK(std::abs(users.back() - 737) < 150);
  CHECK(items.front() >= 1);  // ml-100k: 1, 27, 583
  CHECK(std::abs(items[841] - 27) < 12);
  CHECK(std::abs(items.back() - 583) < 150);
  std::vector<double> shares(5);
  for (const Rating& entry : ratings.entries) shares[entry.level] += 1e-5;
  const double expected[] = {.06, .11, .27, .34, .22};
  for (std::size_t r = 0; r < 5; ++r) CHECK(std::abs(shares[r] - expected[r]) < 0.015);
}

TEST_CASE("a seed gives the same ratings on every machine", "[generator]") {
  CHECK(fingerprint(generate_ratings({})) == 0x49C3CA98CAB361DB);
  CHECK(fingerprint(generate_ratings({.users = 50, .items = 300, .ratings = 5000, .levels = {0.5, 1, 3}, .seed = 8})) ==
        0xB58ADB1568BED78E);
}

TEST_CASE("named shapes have MovieLens' sizes, and the same ratings on any number of cores", "[generator]") {
  const GeneratorOptions million = synthetic_shape("synthetic-1m"), large = synthetic_shape("synthetic-25m");
  CHECK(synthetic_shape("synthetic-100k").ratings == 100000);
  CHECK(million.users == 6040);
  CHECK(million.items == 3706);
  CHECK(synthetic_shape("synthetic-10m").levels.size() == 10);
  CHECK(large.users == 162541);
  CHECK(large.items == 59047);
  CHECK(large.ratings == 25000095);
  CHECK(is_synthetic("synthetic-10m"));
  CHECK_FALSE(is_synthetic("ml-10m"));
  CHECK_THROWS_WITH(synthetic_shape("synthetic-2m"),
                    "there is no shape synthetic-2m: use synthetic-100k, synthetic-1m, "
                    "synthetic-10m or synthetic-25m");
  // Drawn in two parts where there are two cores, in one where there is one.
  const Ratings ratings = generate_ratings(million);
  CHECK(ratings.name == "synthetic-1m");
  CHECK(fingerprint(ratings) == 0xC71E0EDF4D4BC6E5);
}

TEST_CASE("another seed gives other ratings", "[generator]") {
  CHECK(fingerprint(generate_ratings({.seed = 1})) != fingerprint(generate_ratings({.seed = 2})));
}

TEST_CASE("the generator's truth can be learnt far below the bias baseline", "[generator]") {
  const Ratings ratings = generate_ratings({});
  const Split parts = Split(ratings, {0.1, 0.0, 1, 1});
  const BiasBaseline baseline = fit_bias_baseline(ratings, parts.train());
  const double baseline_rmse = evaluate(baseline, ratings, parts.test()).rmse();
  CHECK(baseline_rmse < 1.06);
  CHECK(factorization_rmse(ratings, parts, baseline) < baseline_rmse - 0.03);
}

TEST_CASE("the bias baseline beats the mean alone", "[generator]") {
  const Ratings ratings = generate_ratings({});
  const Split parts = Split(ratings, {0.1, 0.0, 1, 1});
  const double mean_alone =
      evaluate(fit_bias_baseline(ratings, parts.train(), {.passes = 0}), ratings, parts.test()).rmse();
  CHECK(evaluate(fit_bias_baseline(ratings, parts.train()), ratings, parts.test()).rmse() < mean_alone - 0.05);
}

TEST_CASE("every size within the limits has all its ratings, users and items, and no pair twice", "[generator]") {
  const auto [users, items, count] = GENERATE(table<Index, Index, Offset>({
      {3, 6, 9},         // as few as can be, as many as can be
      {4, 4, 8},         //
      {1000, 3, 1500},   // half of all pairs
      {3, 1000, 1500},   //
      {100, 100, 200},   // users + items
      {100, 100, 5000},  // half of all pairs
      {3, 5000, 5003},   // nearly all ratings are the items' first
      {5000, 20, 6000},
      {3000, 2000, 1000000},  // several threads
  }));
  const Ratings ratings = generate_ratings({.users = users, .items = items, .ratings = count});
  validate(ratings);
  CHECK(static_cast<Offset>(ratings.entries.size()) == count);
  CHECK(static_cast<Offset>(distinct_pairs(ratings)) == count);
  CHECK(degrees(ratings, &Rating::user, users).front() >= 1);
  CHECK(degrees(ratings, &Rating::item, items).front() >= 1);
}

TEST_CASE("any number of levels is drawn from, the middle ones most", "[generator]") {
  for (const int levels : {1, 2, 10, 255}) {
    GeneratorOptions options;
    options.levels.clear();
    for (int r = 0; r < levels; ++r) options.levels.push_back(0.5 * r);
    const Ratings ratings = generate_ratings(options);
    validate(ratings);
    std::vector<Offset> counts(static_cast<std::size_t>(levels));
    for (const Rating& entry : ratings.entries) ++counts[entry.level];
    CHECK(*std::min_element(counts.begin(), counts.end()) > 0);
    if (levels == 10) CHECK(std::max_element(counts.begin(), counts.end()) - counts.begin() >= 6);
  }
}

TEST_CASE("what cannot be generated is refused with its numbers", "[generator]") {
  CHECK(error_of({.users = 10, .items = 10, .ratings = 19}).find("19 ratings of 10 users and 10 items") !=
        std::string::npos);
  CHECK(
      error_of({.users = 10, .items = 10, .ratings = 51}) ==
      "generate_ratings: 51 ratings of 10 users and 10 items: they must be at least users + items and at most users * "
      "items / 2");
  CHECK(error_of({.users = 0}).find("0 users") != std::string::npos);
  CHECK(error_of({.users = -5, .items = -1000000}).find("-5 users") != std::string::npos);
  CHECK(error_of({.levels = {}}) == "generate_ratings: no levels");
  CHECK(error_of({.levels = {2, 1}}).find("levels must ascend") != std::string::npos);
  CHECK(error_of({.noise = -1}).find("noise is -1") != std::string::npos);
  CHECK(error_of({.noise = std::nan("")}).find("noise is") != std::string::npos);
  CHECK(error_of({.rank = -1}).find("rank is -1") != std::string::npos);
}
