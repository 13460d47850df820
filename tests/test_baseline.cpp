// The bias-only baseline against sums done by hand and against its own defining equations.
#include <cmath>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/ratings/baseline.hpp"

using namespace gcmc;

namespace {

Ratings small() {
  Ratings ratings;
  ratings.user_ids = {"a", "b", "c"};
  ratings.item_ids = {"x", "y"};
  ratings.levels = {1, 2, 5};
  ratings.entries = {{0, 0, 2}, {0, 1, 0}, {1, 0, 1}};  // a: x 5, y 1; b: x 2
  return ratings;
}

}  // namespace

TEST_CASE("one pass of the baseline gives the biases worked out by hand", "[baseline]") {
  const Ratings ratings = small();
  const BiasBaseline baseline =
      fit_bias_baseline(ratings, ratings.entries, {.user_shrinkage = 3, .item_shrinkage = 1, .passes = 1});
  const double mean = 8.0 / 3;
  CHECK(baseline.mean == Approx(mean));
  const double x = (5 - mean + 2 - mean) / 3, y = (1 - mean) / 2;
  CHECK(baseline.item_bias[0] == Approx(x));
  CHECK(baseline.item_bias[1] == Approx(y));
  CHECK(baseline.user_bias[0] == Approx((5 - mean - x + 1 - mean - y) / 5));
  CHECK(baseline.user_bias[1] == Approx((2 - mean - x) / 4));
  CHECK(baseline.user_bias[2] == 0);
}

TEST_CASE("after many passes the biases solve the baseline's equations", "[baseline]") {
  const Ratings ratings = generate_ratings({.users = 40, .items = 30, .ratings = 300});
  const BiasBaseline baseline =
      fit_bias_baseline(ratings, ratings.entries, {.user_shrinkage = 5, .item_shrinkage = 2, .passes = 200});
  const auto residual = [&](const Rating& r) { return ratings.levels[r.level] - baseline.mean; };
  for (Index u = 0; u < ratings.users(); ++u) {
    double sum = 0, count = 0;
    for (const Rating& r : ratings.entries)
      if (r.user == u) sum += residual(r) - baseline.item_bias[static_cast<std::size_t>(r.item)], ++count;
    CHECK(std::abs(baseline.user_bias[static_cast<std::size_t>(u)] - sum / (5 + count)) < 1e-9);
  }
  for (Index i = 0; i < ratings.items(); ++i) {
    double sum = 0, count = 0;
    for (const Rating& r : ratings.entries)
      if (r.item == i) sum += residual(r) - baseline.user_bias[static_cast<std::size_t>(r.user)], ++count;
    CHECK(std::abs(baseline.item_bias[static_cast<std::size_t>(i)] - sum / (2 + count)) < 1e-9);
  }
}

TEST_CASE("predictions stay within the lowest and highest level", "[baseline]") {
  BiasBaseline baseline{3, 1, 5, {4, -4, 0.25}, {0.5}};
  CHECK(baseline.predict(0, 0) == 5);
  CHECK(baseline.predict(1, 0) == 1);
  CHECK(baseline.predict(2, 0) == 3.75);
}

TEST_CASE("an unknown user or item has bias 0", "[baseline]") {
  BiasBaseline baseline{3, 1, 5, {0.5}, {0.25}};
  CHECK(baseline.predict(-1, 0) == 3.25);
  CHECK(baseline.predict(0, -1) == 3.5);
  CHECK(baseline.predict(-1, -7) == 3);
  CHECK(baseline.predict(1, 1) == 3);
}

TEST_CASE("evaluate sums the errors of the clipped predictions", "[baseline]") {
  const Ratings ratings = small();
  BiasBaseline baseline{3, 1, 5, {0, 0, 0}, {1, -4}};                   // x 4, y 1 (clipped)
  const std::vector<Rating> pairs = {{0, 0, 2}, {1, 1, 1}, {2, 0, 0}};  // errors -1, -1, 3
  const Metrics metrics = evaluate(baseline, ratings, pairs);
  CHECK(metrics.count == 3);
  CHECK(metrics.squared_error == Approx(11));
  CHECK(metrics.absolute_error == Approx(5));
  CHECK(metrics.rmse() == Approx(std::sqrt(11.0 / 3)));
  CHECK(metrics.cross_entropy == 0);
  CHECK(evaluate(baseline, ratings, {}).rmse() == 0);
}

TEST_CASE("without shrinkage an unrated node still has bias 0", "[baseline]") {
  const Ratings ratings = small();
  const BiasBaseline baseline = fit_bias_baseline(ratings, ratings.entries, {.user_shrinkage = 0, .item_shrinkage = 0});
  CHECK(baseline.user_bias[2] == 0);
}

TEST_CASE("a baseline that cannot be fitted says why", "[baseline]") {
  const Ratings ratings = small();
  CHECK(error_of([&] { fit_bias_baseline(ratings, {}); }) == "fit_bias_baseline: there is no rating to train on");
  const std::vector<Rating> bad_user = {{3, 0, 0}}, bad_level = {{0, 0, 3}};
  CHECK(error_of([&] { fit_bias_baseline(ratings, bad_user); }) ==
        "fit_bias_baseline: entry 0 has user 3, but there are 3");
  CHECK(error_of([&] { fit_bias_baseline(ratings, bad_level); }) ==
        "fit_bias_baseline: entry 0 has level 3, but there are 3");
  CHECK(error_of([&] { fit_bias_baseline(ratings, ratings.entries, {.user_shrinkage = -1}); }).find("negative") !=
        std::string::npos);
}
