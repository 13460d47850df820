// What it costs to ask a trained model: recommendations to all and to one, predictions of many pairs, folding in.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <numeric>
#include <string>

#include "benchmarks.hpp"
#include "ceilings.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/model/predictor.hpp"

namespace gcmc::benchmarks {
namespace {

struct AskedModel {
  std::string name;
  Index users, items, levels, bases, ratings_of_user;
};

const AskedModel ml_1m{"ml-1m", 6040, 3706, 5, 2, 149}, ml_10m{"ml-10m", 69878, 10677, 10, 4, 129};

Tensor drawn(std::vector<Offset> shape, Random& random) {
  const Offset count = std::accumulate(shape.begin(), shape.end(), Offset{1}, std::multiplies<>());
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform() - 0.5);
  return {std::move(shape), std::move(values)};
}

/// Of DGL's widths, filled at random: costs do not depend on the numbers. Has the tables that users are folded in by.
SavedModel drawn_model(const AskedModel& shape) {
  constexpr Offset width = 75, units = 500;
  Random random(1);
  SavedModel model;
  model.options.model.aggregation = Aggregation::stack;
  for (Index level = 1; level <= shape.levels; ++level) model.levels.push_back(level);
  for (Index user = 0; user < shape.users; ++user) model.user_ids.push_back(std::to_string(user));
  for (Index item = 0; item < shape.items; ++item) model.item_ids.push_back(std::to_string(item));
  model.mean = 3.5;
  model.tensors["user_embedding"] = drawn({shape.users, width}, random);
  model.tensors["item_embedding"] = drawn({shape.items, width}, random);
  model.tensors["decoder.basis"] = drawn({shape.bases, width, width}, random);
  model.tensors["decoder.coefficients"] = drawn({shape.bases, shape.levels}, random);
  model.tensors["encoder.item.weight"] = drawn({shape.levels, shape.items, units / shape.levels}, random);
  model.tensors["dense.user.weight"] = drawn({units, width}, random);
  model.tensors["dense.user.bias"] = drawn({width}, random);
  model.tensors["baseline.user_bias"] = {{shape.users}, std::vector<double>(static_cast<std::size_t>(shape.users))};
  model.tensors["baseline.item_bias"] = {{shape.items}, std::vector<double>(static_cast<std::size_t>(shape.items))};
  std::vector<Offset> offsets;
  std::vector<Index> rated;
  for (Index user = 0; user <= shape.users; ++user) offsets.push_back(Offset{user} * shape.ratings_of_user);
  for (Index user = 0; user < shape.users; ++user)
    for (Index k = 0; k < shape.ratings_of_user; ++k)
      rated.push_back(static_cast<Index>(random.below(static_cast<std::uint64_t>(shape.items))));
  model.tensors["rated.offsets"] = {{shape.users + 1}, std::move(offsets)};
  const auto count = static_cast<Offset>(rated.size());
  model.tensors["rated.items"] = {{count}, std::move(rated)};
  return model;
}

/// Made when first asked for, one a process: a benchmark's function runs several times.
const Predictor& predictor_of(const AskedModel& shape, int threads) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Predictor>> made;
  std::unique_ptr<Predictor>& predictor = made[{shape.name, threads}];
  if (!predictor) predictor = std::make_unique<Predictor>(drawn_model(shape), threads);
  return *predictor;
}

/// An exact score needs the products with the bases, 2 B D flop a pair, and the logits, 2 B R.
void count_pairs(benchmark::State& state, const AskedModel& shape, double pairs, int threads) {
  static Ceilings ceilings;
  const double flop = 2.0 * shape.bases * (75 + shape.levels) * pairs;
  state.counters["pairs_per_s"] = benchmark::Counter(pairs, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_fma"] =
      benchmark::Counter(flop / ceilings.flops(threads), benchmark::Counter::kIsIterationInvariantRate);
}

void recommend_all(benchmark::State& state, const AskedModel& shape, int threads) {
  const Predictor& predictor = predictor_of(shape, threads);
  std::vector<Index> users(static_cast<std::size_t>(shape.users));
  std::iota(users.begin(), users.end(), Index{0});
  for (auto _ : state) benchmark::DoNotOptimize(predictor.recommend(users));
  count_pairs(state, shape, static_cast<double>(shape.users) * shape.items, threads);
}

void recommend_one(benchmark::State& state, const AskedModel& shape, int threads) {
  const Predictor& predictor = predictor_of(shape, threads);
  Index user = 0;
  for (auto _ : state) benchmark::DoNotOptimize(predictor.recommend(user = (user + 1) % shape.users));
  count_pairs(state, shape, shape.items, threads);
}

void predict_pairs(benchmark::State& state, const AskedModel& shape, int threads) {
  constexpr std::size_t count = 1000000;
  const Predictor& predictor = predictor_of(shape, threads);
  Random random(2);
  std::vector<Predictor::Pair> pairs;
  for (std::size_t k = 0; k < count; ++k)
    pairs.emplace_back(static_cast<Index>(random.below(static_cast<std::uint64_t>(shape.users))),
                       static_cast<Index>(random.below(static_cast<std::uint64_t>(shape.items))));
  std::vector<double> ratings(count);
  for (auto _ : state) predictor.score(pairs, ratings, {});
  count_pairs(state, shape, static_cast<double>(count), threads);
}

void fold_in(benchmark::State& state, const AskedModel& shape, int threads) {
  const Predictor& predictor = predictor_of(shape, threads);
  std::vector<NodeRating> ratings;
  for (Index item = 0; item < 100; ++item) ratings.push_back({97 * item, static_cast<Level>(item % shape.levels)});
  for (auto _ : state) benchmark::DoNotOptimize(predictor.fold_in(user_side, ratings));
}

}  // namespace

void register_asking() {
  const auto add = [](const std::string& what, const AskedModel& shape, int threads, auto* run) {
    benchmark::RegisterBenchmark(("ask/" + what + "/" + shape.name + "/threads:" + std::to_string(threads)).c_str(),
                                 [run, &shape, threads](benchmark::State& state) { run(state, shape, threads); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  };
  for (const int threads : thread_counts()) {
    add("recommend_all", ml_1m, threads, recommend_all);
    for (const AskedModel* shape : {&ml_1m, &ml_10m}) {
      add("recommend_one", *shape, threads, recommend_one);
      add("predict_1M_pairs", *shape, threads, predict_pairs);
    }
  }
  add("fold_in_100_ratings", ml_10m, 1, fold_in);
}

}  // namespace gcmc::benchmarks
