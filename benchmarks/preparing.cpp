// prepare: what is done once before the first step: the split, and the graph of what it trains on.
#include <benchmark/benchmark.h>

#include "benchmarks.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/layers/graph.hpp"

namespace gcmc::benchmarks {
namespace {

/// The shape's ratings, all of which are split anew.
Ratings ratings_of(const Shape& shape) {
  Ratings ratings = shape.ratings;
  ratings.entries.assign(shape.split.train().begin(), shape.split.train().end());
  return ratings;
}

void count(benchmark::State& state, std::size_t ratings) {
  state.counters["ratings"] = static_cast<double>(ratings);
  state.counters["ns_a_rating"] = benchmark::Counter(
      static_cast<double>(ratings) * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void split(benchmark::State& state, const Shape& shape, int threads) {
  const Ratings ratings = ratings_of(shape);
  for (auto _ : state) benchmark::DoNotOptimize(Split(ratings, {.test_seed = 1, .valid_seed = 1, .threads = threads}));
  count(state, ratings.entries.size());
}

void graph(benchmark::State& state, const Shape& shape, int threads) {
  const Split parts(ratings_of(shape), {.test_ratio = 0, .valid_ratio = 0});
  const auto levels = static_cast<Index>(shape.ratings.levels.size());
  Cpu cpu(threads);
  for (auto _ : state) {
    const Graph<Cpu, float> made(cpu, shape.ratings.users(), shape.ratings.items(), levels, parts.train());
    benchmark::DoNotOptimize(made.edges());
  }
  count(state, parts.train().size());
}

template <class Body>
void add(const std::string& name, const Body& body) {
  benchmark::RegisterBenchmark(name.c_str(), body)
      ->MeasureProcessCPUTime()
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_preparing(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes)
    for (const int threads : thread_counts()) {
      const std::string on = shape + "/threads:" + std::to_string(threads);
      add("prepare/split/" + on, [=](benchmark::State& state) { split(state, laboratory->shape(shape), threads); });
      add("prepare/graph/" + on, [=](benchmark::State& state) { graph(state, laboratory->shape(shape), threads); });
    }
}

}  // namespace gcmc::benchmarks
