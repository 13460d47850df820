// epoch: one training step as the trainer does it, with its phases. evaluate: encode with every edge, predict a tenth.
// evaluated_epoch: both, as when every step is validated.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "benchmarks.hpp"
#include "ceilings.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/train/train.hpp"
#include "phases.hpp"
#include "watched.hpp"

namespace gcmc::benchmarks {
namespace {

/// The library's own trainer, whose backend is timed. What an optimizer puts off is in its usual state after a few
/// steps, so those are done before anything is measured.
template <class T>
struct TimedTraining {
  TimedTraining(const Shape& shape, const Case& options)
      : cpu(options.threads), backend(cpu, timer), trainer(backend, shape.ratings, shape.split, options.options()) {
    trainer.validate();
    for (int step = 0; step < 8; ++step) trainer.step();
  }

  Cpu cpu;
  PhaseTimer timer;
  Watched<Cpu, PhaseTimer> backend;
  Trainer<Watched<Cpu, PhaseTimer>, T> trainer;
};

/// Of this process so far.
double peak_gigabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e9;
}

/// The phases' times, in milliseconds an iteration.
void report(benchmark::State& state, const PhaseTimer& timer, const Shape& shape) {
  using benchmark::Counter;
  for (const auto& [phase, seconds] : timer.seconds())
    if (seconds > 0) state.counters["ms_" + std::string(phase)] = Counter(1e3 * seconds, Counter::kAvgIterations);
  state.counters["edges"] = static_cast<double>(shape.split.train().size());
  state.counters["peak_gigabytes"] = peak_gigabytes();
}

/// Runs `measured` on the case's training for every iteration.
template <class T, class Measured>
void run(benchmark::State& state, Laboratory& laboratory, const Case& options, const Measured& measured) {
  auto& training = laboratory.experiment<TimedTraining<T>>("epoch/" + options.name(), options);
  training.timer.reset();
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(state.max_iterations));
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    measured(training.trainer);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  state.counters["median_ms"] = 1e3 * *middle;
  if (options.threads > 1) {
    const auto passed = measure_line_transfer();
    state.counters["line_ns"] = 1e9 * passed.seconds / passed.amount;
  }
  report(state, training.timer, laboratory.shape(options.shape));
}

template <class Measured>
void add(const std::string& kind, const std::shared_ptr<Laboratory>& laboratory, const Case& options,
         const Measured& measured) {
  const auto body = [=](benchmark::State& state) {
    options.in_double() ? run<double>(state, *laboratory, options, measured)
                        : run<float>(state, *laboratory, options, measured);
  };
  benchmark::RegisterBenchmark((kind + "/" + options.name()).c_str(), body)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

/// Stack and sum in DGL's form for every shape; then what else is compared with it. Sum on ml-25m would need 27 GB.
std::vector<Case> cases_of(const std::string& shape) {
  std::vector<Case> cases = {{shape, Aggregation::stack}};
  if (shape != "ml-25m") cases.push_back({shape, Aggregation::sum});
  if (shape == "ml-100k" || shape == "ml-1m") {
    for (const char* variant : {"implicit", "removal", "features", "double"})
      cases.push_back({shape, Aggregation::stack, variant});
    for (const char* variant : {"best", "dgl"})
      cases.push_back({shape, Aggregation::stack, variant, 1 - preset_options("best", shape).model.node_dropout});
  }
  if (shape == "ml-1m") {
    for (const Aggregation aggregation : {Aggregation::stack, Aggregation::sum})
      cases.push_back({shape, aggregation, "bf16"});
  }
  if (shape == "ml-10m") {
    cases.push_back({shape, Aggregation::stack, "dgl", 0.7});
    cases.push_back({shape, Aggregation::stack, "bases4", 0.7});
  }
  return cases;
}

}  // namespace

void register_epochs(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes)
    for (Case options : cases_of(shape))
      for (const int threads : thread_counts()) {
        options.threads = threads;
        add("epoch", laboratory, options, [](auto& trainer) { benchmark::DoNotOptimize(trainer.step()); });
        add("evaluate", laboratory, options, [](auto& trainer) { benchmark::DoNotOptimize(trainer.validate()); });
        add("evaluated_epoch", laboratory, options, [](auto& trainer) {
          benchmark::DoNotOptimize(trainer.step());
          benchmark::DoNotOptimize(trainer.validate());
        });
      }
}

}  // namespace gcmc::benchmarks
