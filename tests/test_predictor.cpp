// A predictor answers what the formula says, the same to any number of threads at once.
#include <atomic>
#include <cmath>
#include <numeric>
#include <thread>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/model/evaluation.hpp"
#include "gcmc/model/predictor.hpp"
#include "small_model.hpp"

extern std::atomic<long> allocations;  // counted_new.cpp

namespace {

using namespace gcmc;
using IdPairs = std::vector<Predictor::Pair>;

template <class T>
Tensor drawn(std::vector<Offset> shape, Random& random) {
  Offset count = 1;
  for (const Offset extent : shape) count *= extent;
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(2 * random.uniform() - 1);
  return {std::move(shape), std::move(values)};
}

constexpr Index users = 40, items = 2500;

/// So many that a predictor does not keep the users' products with them.
constexpr Offset many_bases = 200;

/// Of more items than one operation takes. Each user has rated three items.
template <class T>
SavedModel drawn_model(std::uint64_t seed = 1, Offset bases = 3) {
  constexpr Offset output = 11, levels = 5;
  Random random(seed);
  SavedModel model;
  model.levels = {1, 2, 3, 4, 5};
  for (Index user = 0; user < users; ++user) model.user_ids.push_back("u" + std::to_string(user));
  for (Index item = 0; item < items; ++item) model.item_ids.push_back("i" + std::to_string(item));
  model.mean = 3.5;
  model.tensors["user_embedding"] = drawn<T>({users, output}, random);
  model.tensors["item_embedding"] = drawn<T>({items, output}, random);
  model.tensors["decoder.basis"] = drawn<T>({bases, output, output}, random);
  model.tensors["decoder.coefficients"] = drawn<T>({bases, levels}, random);
  model.tensors["baseline.user_bias"] = drawn<double>({users}, random);
  model.tensors["baseline.item_bias"] = drawn<double>({items}, random);
  std::vector<Offset> offsets;
  std::vector<Index> rated;
  for (Index user = 0; user <= users; ++user) offsets.push_back(3 * user);
  for (Index user = 0; user < users; ++user)
    for (const Index item : {user, 100 + user, 2000 + user}) rated.push_back(item);
  model.tensors["rated.offsets"] = {{users + 1}, offsets};
  model.tensors["rated.items"] = {{3 * users}, rated};
  return model;
}

/// Users in disorder, some of them and some items unknown.
IdPairs some_pairs(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  IdPairs pairs;
  for (std::size_t k = 0; k < count; ++k) {
    const auto user = static_cast<Index>(random.below(users)), item = static_cast<Index>(random.below(items));
    pairs.emplace_back(random.below(20) ? user : -1, random.below(20) ? item : -1);
  }
  return pairs;
}

template <class T>
std::vector<double> typed(const SavedModel& model, const std::string& name) {
  const auto& values = model.values<T>(name);
  return {values.begin(), values.end()};
}

/// softmax over r of sum over s of a_sr u^T P_s v, in doubles.
template <class T>
std::vector<double> expected_probabilities(const SavedModel& model, Index user, Index item) {
  const auto basis = typed<T>(model, "decoder.basis"), a = typed<T>(model, "decoder.coefficients"),
             u = typed<T>(model, "user_embedding"), v = typed<T>(model, "item_embedding");
  const auto bases = static_cast<std::size_t>(model.tensor("decoder.basis").shape[0]),
             width = static_cast<std::size_t>(model.tensor("decoder.basis").shape[1]), levels = model.levels.size();
  std::vector<double> p(levels);
  for (std::size_t s = 0; s < bases; ++s) {
    double x = 0;
    for (std::size_t d = 0; d < width; ++d)
      for (std::size_t e = 0; e < width; ++e)
        x += u[user * width + d] * basis[(s * width + d) * width + e] * v[item * width + e];
    for (std::size_t r = 0; r < levels; ++r) p[r] += a[s * levels + r] * x;
  }
  double total = 0;
  for (double& value : p) total += value = std::exp(value);
  for (double& value : p) value /= total;
  return p;
}

}  // namespace

TEST_CASE("a difference that is the same for every user is no chance", "[predictor]") {
  std::vector<RatedPair> pairs;
  for (Index user = 0; user < 10; ++user) pairs.push_back({user, 0, 3});
  const std::vector<double> right(10, 3.0), wrong(10, 4.0);
  CHECK(compare(pairs, right, wrong).p == 0);
  CHECK(compare(pairs, right, wrong).difference == 1);
  CHECK(compare(pairs, wrong, wrong).p == 1);
  CHECK(compare(std::span(pairs).first(1), std::span(right).first(1), std::span(wrong).first(1)).p == 1);
}

TEMPLATE_TEST_CASE("one pass gives the formula's ratings and probabilities, the baseline's to unknown ids",
                   "[predictor]", float, double) {
  const SavedModel model = drawn_model<TestType>();
  const Predictor predictor(model, 2);
  const IdPairs pairs = some_pairs(300, 2);
  const Predictor::Scores scores = predictor.score(pairs);
  REQUIRE(scores.ratings.size() == pairs.size());
  REQUIRE(scores.probabilities.size() == 5 * pairs.size());
  const double margin = std::is_same_v<TestType, float> ? 2e-5 : 1e-12;
  int unknown = 0;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const auto [user, item] = pairs[k];
    const std::span p = std::span(scores.probabilities).subspan(5 * k, 5);
    if (user < 0 || item < 0) {
      ++unknown;
      CHECK(scores.ratings[k] == model.baseline().predict(user, item));
      CHECK(std::count(p.begin(), p.end(), 0.0) == 5);
      continue;
    }
    const auto expected = expected_probabilities<TestType>(model, user, item);
    double rating = 0;
    for (std::size_t r = 0; r < 5; ++r) {
      CHECK(p[r] == Approx(expected[r]).margin(margin));
      rating += expected[r] * model.levels[r];
    }
    CHECK(scores.ratings[k] == Approx(rating).margin(5 * margin));
  }
  CHECK(unknown > 10);
  CHECK(predictor.predict(pairs) == scores.ratings);
  CHECK(predictor.probabilities(pairs) == scores.probabilities);
}

TEST_CASE("a pair gets the same bits alone and among thousands", "[predictor]") {
  const Predictor predictor({drawn_model<float>(1), drawn_model<double>(2)}, 1);
  IdPairs pairs = some_pairs(500, 3);
  for (Index item = 0; item < items; ++item) pairs.emplace_back(7, item);
  const Predictor::Scores scores = predictor.score(pairs);
  for (std::size_t k = 0; k < pairs.size(); k += 7) {
    const Predictor::Scores alone = predictor.score({&pairs[k], 1});
    CHECK(alone.ratings[0] == scores.ratings[k]);
    CHECK(std::equal(alone.probabilities.begin(), alone.probabilities.end(), scores.probabilities.begin() + 5 * k));
  }
}

TEMPLATE_TEST_CASE("runs longer than a block, more users than a block and any number of threads give the same bits",
                   "[predictor]", float, double) {
  const SavedModel model = drawn_model<TestType>(1, GENERATE(Offset{3}, many_bases));
  IdPairs pairs;
  for (int round = 0; round < 5; ++round)
    for (Index item = 0; item < items; ++item) pairs.emplace_back(9, item);
  const IdPairs others = some_pairs(20000, 6);
  pairs.insert(pairs.end(), others.begin(), others.end());
  const Predictor one(model, 1), three(model, 3);
  const Predictor::Scores scores = one.score(pairs), of_three = three.score(pairs);
  CHECK(of_three.ratings == scores.ratings);
  CHECK(of_three.probabilities == scores.probabilities);
  for (std::size_t k = 0; k < pairs.size(); k += 97) {
    const Predictor::Scores alone = one.score({&pairs[k], 1});
    CHECK(alone.ratings[0] == scores.ratings[k]);
    CHECK(std::equal(alone.probabilities.begin(), alone.probabilities.end(), scores.probabilities.begin() + 5 * k));
  }
}

TEMPLATE_TEST_CASE("answers have the bits of the model's own decoder", "[predictor]", float, double) {
  const Offset bases = GENERATE(Offset{3}, many_bases);
  SavedModel model = drawn_model<TestType>(1, bases);
  auto& embedding = std::get<std::vector<TestType>>(model.tensors["user_embedding"].values);
  for (std::size_t k = 0; k < embedding.size(); ++k)
    if (k % 11 < 8 && k / 11 % 2) embedding[k] = 0;  // users whose zeros it pays to skip
  Cpu cpu(2);
  Parameters<Cpu, TestType> parameters;
  BilinearDecoder<Cpu, TestType> decoder(cpu, parameters, "decoder", {.bases = static_cast<Index>(bases), .output = 11},
                                         users, model.levels);
  parameters.allocate(cpu);
  parameters.set({{"decoder.basis", model.values<TestType>("decoder.basis")},
                  {"decoder.coefficients", model.values<TestType>("decoder.coefficients")}});
  std::vector<Rating> rated;
  for (Index user = 0; user < users; ++user)
    for (Index item = user % 3; item < items; item += 3) rated.push_back({user, item, static_cast<Level>(item % 5)});
  const PairList<Cpu> list(cpu, users, items, 5, rated);
  Matrix<Cpu, TestType> u(cpu, users, 11), v(cpu, items, 11);
  u.set(embedding);
  v.set(model.values<TestType>("item_embedding"));
  Buffer<Cpu, TestType> predictions(cpu, static_cast<Offset>(rated.size()));
  decoder.predict(u.const_view(), v.const_view(), list.pairs(), predictions.data());
  const std::vector<TestType> expected = predictions.get();
  // A PairList orders a user's pairs by level, then by item.
  std::stable_sort(rated.begin(), rated.end(), [](const Rating& a, const Rating& b) {
    return a.user < b.user || (a.user == b.user && a.level < b.level);
  });
  IdPairs pairs;
  for (const Rating& rating : rated) pairs.emplace_back(rating.user, rating.item);
  const std::vector<double> ratings = Predictor(model, 1).predict(pairs);
  for (std::size_t k = 0; k < pairs.size(); ++k) REQUIRE(ratings[k] == static_cast<double>(expected[k]));
}

TEST_CASE("eight threads ask one const predictor at once, and get what one thread gets", "[predictor]") {
  const Predictor predictor({drawn_model<float>(1), drawn_model<double>(2)}, 2);
  struct Question {
    IdPairs pairs;
    Index user = 0;
    Predictor::Scores scores;
    std::vector<Predictor::Recommendation> best;
  };
  const auto same = [](const auto& a, const auto& b) { return a.item == b.item && a.rating == b.rating; };
  std::vector<Question> questions(8);
  for (std::size_t k = 0; k < questions.size(); ++k) {
    Question& q = questions[k];
    q.pairs = some_pairs(300 + 100 * k, k);
    q.user = static_cast<Index>(4 * k);
    q.scores = predictor.score(q.pairs);
    q.best = predictor.recommend(q.user, {.top = 20});
  }
  std::atomic<int> wrong{0}, asked{0};
  std::vector<std::jthread> threads;
  for (std::size_t first = 0; first < questions.size(); ++first)
    threads.emplace_back([&, first] {
      for (std::size_t k = 0; k < 3 * questions.size(); ++k) {
        const Question& q = questions[(first + k) % questions.size()];
        const Predictor::Scores scores = predictor.score(q.pairs);
        wrong += scores.ratings != q.scores.ratings || scores.probabilities != q.scores.probabilities;
        wrong += predictor.predict(q.pairs) != q.scores.ratings;
        wrong += predictor.probabilities(q.pairs) != q.scores.probabilities;
        const auto best = predictor.recommend(q.user, {.top = 20});
        wrong += !std::equal(best.begin(), best.end(), q.best.begin(), q.best.end(), same);
        ++asked;
      }
    });
  threads.clear();
  CHECK(asked == 192);
  CHECK(wrong == 0);
}

TEST_CASE("users whom eight threads ask about for the first time at once get the bits of one thread", "[predictor]") {
  const SavedModel model = drawn_model<float>();
  std::vector<Index> all(users);
  std::iota(all.begin(), all.end(), Index{0});
  const auto expected = Predictor(model, 1).recommend(all, {.top = 20});
  std::atomic<int> wrong{0};
  for (int round = 0; round < 20; ++round) {
    const Predictor predictor(model, 1);
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread)
      threads.emplace_back([&] {
        const auto best = predictor.recommend(all, {.top = 20});
        for (std::size_t user = 0; user < best.size(); ++user)
          for (std::size_t k = 0; k < 20; ++k)
            wrong += best[user][k].item != expected[user][k].item || best[user][k].rating != expected[user][k].rating;
      });
  }
  CHECK(wrong == 0);
}

TEST_CASE("any number of threads recommend the same to many users, and tell the same user's wrong ratings",
          "[predictor]") {
  SavedModel model = drawn_model<double>(1, GENERATE(Offset{3}, many_bases));
  std::vector<Index> all;
  for (Index k = 0; k < 3 * users; ++k) all.push_back((7 * k) % users);
  const Predictor one(model, 1), three(model, 3);
  const auto best = one.recommend(all), of_three = three.recommend(all);
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto alone = one.recommend(all[k]);
    REQUIRE(best[k].size() == alone.size());
    for (std::size_t place = 0; place < alone.size(); ++place) {
      CHECK((best[k][place].item == alone[place].item && best[k][place].rating == alone[place].rating));
      CHECK((of_three[k][place].item == alone[place].item && of_three[k][place].rating == alone[place].rating));
    }
  }
  auto& rated = std::get<std::vector<Index>>(model.tensors["rated.items"].values);
  for (const std::size_t user : {11, 30}) rated[3 * user] = items + static_cast<Index>(user);
  for (const int threads : {1, 3})
    CHECK(error_of([&] { Predictor(model, threads).recommend(all); }).find("entry 90 is 2530") != std::string::npos);
}

TEST_CASE("ids are found by their text, and of equal ones the first counts", "[predictor]") {
  std::vector<std::string> ids;
  for (int k = 0; k < 5000; ++k) ids.push_back("id " + std::to_string(k * k));
  IdNumbers numbers(ids);
  for (int k = 0; k < 5000; ++k) REQUIRE(numbers.find("id " + std::to_string(k * k)) == k);
  CHECK(numbers.find("id 2") == -1);
  CHECK(numbers.find("") == -1);
  CHECK(numbers.twice() == -1);
  CHECK(IdNumbers().find("id 4") == -1);
  ids[4000] = ids[4500] = ids[3];
  numbers = IdNumbers(ids);
  CHECK(numbers.find(ids[3]) == 3);
  CHECK(numbers.twice() == 4000);
}

TEST_CASE("a repeated question allocates nothing beyond its answer", "[predictor]") {
  const Predictor predictor({drawn_model<float>(1), drawn_model<double>(2, many_bases)}, 2);
  const IdPairs pairs = some_pairs(3000, 4);
  std::vector<double> ratings(pairs.size()), probabilities(5 * pairs.size());
  const auto ask = [&] {
    predictor.score(pairs, ratings, probabilities);
    return predictor.recommend(3, {.top = 10}).size();
  };
  REQUIRE(ask() == 10);
  const long before = allocations;
  ask();
  CHECK(allocations - before == 1);  // the recommendations
}

TEST_CASE("the best unrated items are recommended, the better first, of equals the first", "[predictor]") {
  SavedModel model = drawn_model<float>();
  auto& embedding = std::get<std::vector<float>>(model.tensors["item_embedding"].values);
  for (std::size_t item = 1000; item < 1200; ++item) std::copy_n(&embedding[11 * 999], 11, &embedding[11 * item]);
  const Predictor predictor(model, 1);
  IdPairs pairs;
  for (Index item = 0; item < items; ++item)
    if (item != 5 && item != 105 && item != 2005) pairs.emplace_back(5, item);
  const std::vector<double> ratings = predictor.predict(pairs);
  std::vector<std::pair<double, Index>> expected;
  for (std::size_t k = 0; k < pairs.size(); ++k) expected.emplace_back(-ratings[k], pairs[k].second);
  std::sort(expected.begin(), expected.end());
  for (const Index top : {0, 1, 30, items, items + 1}) {
    const auto best = predictor.recommend(5, {.top = top});
    REQUIRE(best.size() == static_cast<std::size_t>(std::min(top, items - 3)));
    for (std::size_t k = 0; k < best.size(); ++k) {
      CHECK(best[k].item == expected[k].second);
      CHECK(best[k].rating == -expected[k].first);
    }
  }
}

TEST_CASE("what is above the highest level keeps its order, and is told as that level", "[predictor]") {
  SavedModel model = drawn_model<float>(1);
  const std::vector<Predictor::Recommendation> plain = Predictor(model).recommend(3, {.top = 10, .rated = true});
  model.options.train.calibrate = true;
  model.tensors["calibration"] = {{2}, std::vector<double>{model.levels.back(), 1}};  // each rating is lifted so far
  const Predictor lifted(model);
  const auto best = lifted.recommend(3, {.top = 10, .rated = true});
  REQUIRE(best.size() == 10);
  for (std::size_t k = 0; k < best.size(); ++k) {
    CHECK(best[k].item == plain[k].item);
    CHECK(best[k].rating == model.levels.back());
    const Predictor::Pair pair(3, best[k].item);
    CHECK(lifted.predict({&pair, 1}).front() == model.levels.back());
  }
  for (const Side side : {user_side, item_side}) {
    const Predictor predictor(drawn_model<float>(1));
    Newcomer newcomer{side, {{1, 4}, {2, 3}}, {std::vector<double>(11, 0.3)}};
    const auto listed = [&](double shift) {
      newcomer.shift = shift;
      std::vector<Index> nodes;
      std::vector<double> told;
      const auto add = [&](Index node, double rating) {
        nodes.push_back(node);
        told.push_back(rating);
      };
      if (side == user_side)
        for (const auto& one : predictor.recommend(newcomer, {.top = 10})) add(one.item, one.rating);
      else
        for (const auto& one : predictor.fans(newcomer, {.top = 10})) add(one.user, one.rating);
      CHECK(told == predictor.score(newcomer, nodes).ratings);
      return nodes;
    };
    CHECK(listed(100) == listed(0));
    CHECK(listed(-100) == listed(0));
  }
}

TEST_CASE("evaluation sums the errors of the pairs' own levels, and refuses what the model does not have",
          "[predictor]") {
  const SavedModel model = drawn_model<float>();
  const Predictor predictor(model, 1);
  std::vector<Rating> rated;
  Random random(5);
  for (int k = 0; k < 20000; ++k)
    rated.push_back({static_cast<Index>(random.below(users)), static_cast<Index>(random.below(items)),
                     static_cast<Level>(random.below(5))});
  double squared = 0, absolute = 0, entropy = 0;
  Offset correct = 0;
  for (const Rating& r : rated) {
    const IdPairs pair = {{r.user, r.item}};
    const auto p = predictor.probabilities(pair);
    const double error = predictor.predict(pair)[0] - model.levels[r.level];
    squared += error * error;
    absolute += std::abs(error);
    entropy -= std::log(p[r.level]);
    correct += std::max_element(p.begin(), p.end()) - p.begin() == r.level;
  }
  const Metrics metrics = evaluate(predictor, rated);
  CHECK(metrics.count == 20000);
  CHECK(metrics.squared_error == squared);
  CHECK(metrics.absolute_error == absolute);
  CHECK(metrics.cross_entropy == entropy);
  CHECK(metrics.correct == correct);
  CHECK(evaluate(predictor, {}).count == 0);
  for (const Rating& wrong : {Rating{-1, 0, 0}, Rating{0, items, 0}, Rating{0, 0, 5}})
    CHECK(error_of([&] { evaluate(predictor, {&wrong, 1}); }).find("evaluate: entry 0") == 0);
}
