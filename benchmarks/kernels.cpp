// kernel/PHASE/CASE: every operation of one training step and one evaluation by itself, beside this machine's ceilings.
#include <benchmark/benchmark.h>

#include "benchmarks.hpp"
#include "recorded_step.hpp"

namespace gcmc::benchmarks {
namespace {

/// The phases that the case's step runs.
std::vector<std::string> phases_of(const Case& options) {
  std::vector<std::string> phases = {
      "build_table",        "aggregate",        "dense",          "project",       "decode",
      "basis_gradient",     "project_backward", "dense_gradient", "bias_gradient", "dense_backward",
      "aggregate_backward", "square_sum",       "update",         "predict"};
  if (options.keep < 1) phases.insert(phases.end(), {"draw_mask", "select_sources"});
  if (options.variant == "best") phases = {"split_edges", "degree_scale", "activate"};
  return phases;
}

/// Whether a phase is timed within whole steps, because it reads or writes what other steps left.
bool in_training(const std::string& phase) { return phase == "update" || phase == "square_sum"; }

/// DGL's recipe at each share of dropout, and the operations that preset best adds.
std::vector<Case> kernel_cases(const std::vector<std::string>& shapes) {
  std::vector<Case> cases;
  for (const std::string& shape : shapes)
    for (const int threads : thread_counts()) {
      for (const double keep : {0.3, 0.7, 1.0}) {
        cases.push_back({shape, Aggregation::stack, "dgl", keep, threads});
        if (shape == "ml-1m") cases.push_back({shape, Aggregation::sum, "dgl", keep, threads});
      }
      if (shape == "ml-100k") cases.push_back({shape, Aggregation::stack, "best", 0.3, threads});
    }
  return cases;
}

/// Sums over the operations of one phase. `floor` is what each would need if it met the ceiling that binds it most.
struct Demand {
  double flop = 0, bytes = 0, edges = 0;
  double computing = 0, streaming = 0, gathering = 0, floor = 0;  ///< seconds at the ceilings
};

Demand demand_of(const RecordedStep& step, const std::string& phase, Ceilings& ceilings, int threads) {
  Demand sum;
  for (const Recorded& operation : step.operations()) {
    if (operation.phase != phase) continue;
    const Work& work = operation.work;
    const double computing = work.flop / ceilings.flops(threads);
    const double streaming = work.streamed / ceilings.stream(work.streamed, work.in_place, threads);
    const double gathering =
        work.gathered > 0 ? work.gathered / ceilings.gather(work.table_bytes, work.row_bytes, threads) : 0;
    sum.flop += work.flop;
    sum.bytes += work.streamed + work.gathered;
    sum.edges += work.edges;
    sum.computing += computing;
    sum.streaming += streaming;
    sum.gathering += gathering;
    sum.floor += std::max({computing, streaming, gathering});
  }
  return sum;
}

void run_kernel(benchmark::State& state, Laboratory& laboratory, const Case& options, const std::string& phase) {
  auto& step = laboratory.experiment<RecordedStep>("kernel/" + options.name(), options);
  double total = 0;
  for (auto _ : state) {
    const double seconds = in_training(phase) ? step.train(phase) : step.run(phase);
    state.SetIterationTime(seconds);
    total += seconds;
  }
  const double seconds = total / static_cast<double>(state.iterations());
  const Demand demand = demand_of(step, phase, laboratory.ceilings(), options.threads);
  state.counters["gigaflop_per_s"] = demand.flop / seconds / 1e9;
  state.counters["gigabyte_per_s"] = demand.bytes / seconds / 1e9;
  if (demand.edges > 0) state.counters["ns_per_edge"] = 1e9 * seconds / demand.edges;
  state.counters["of_fma"] = demand.computing / seconds;
  state.counters["of_stream"] = demand.streaming / seconds;
  if (demand.gathering > 0) state.counters["of_gather"] = demand.gathering / seconds;
  state.counters["of_ceiling"] = demand.floor / seconds;
}

void register_ceiling(const std::string& name, int threads, const char* counter,
                      const std::function<Measured()>& measure) {
  const auto body = [=](benchmark::State& state) {
    double best = 0;
    for (auto _ : state) {
      const Measured measured = measure();
      state.SetIterationTime(measured.seconds);
      best = std::max(best, measured.amount / measured.seconds);
    }
    state.counters[counter] = best / 1e9;
  };
  benchmark::RegisterBenchmark(("ceiling/" + name + "/threads:" + std::to_string(threads)).c_str(), body)
      ->UseManualTime()
      ->Iterations(3)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_ceilings() {
  for (const int threads : thread_counts()) {
    register_ceiling("fma", threads, "gigaflop_per_s", [=] { return measure_multiply_add(threads); });
    for (const double megabytes : {0.25, 1.0, 4.0, 16.0, 256.0})
      for (const bool in_place : {false, true})
        register_ceiling((in_place ? "in_place/" : "read/") + short_text(megabytes) + "MB", threads, "gigabyte_per_s",
                         [=] { return measure_stream(megabytes * 0x1p20, in_place, threads); });
    for (const double megabytes : {0.25, 1.0, 4.0, 16.0, 64.0})
      for (const int row_bytes : {400, 2000})
        register_ceiling("gather/" + short_text(megabytes) + "MB/row:" + std::to_string(row_bytes), threads,
                         "gigabyte_per_s", [=] { return measure_gather(megabytes * 0x1p20, row_bytes, threads); });
  }
}

void register_kernels(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  for (const Case& options : kernel_cases(shapes))
    for (const std::string& phase : phases_of(options)) {
      auto* kernel = benchmark::RegisterBenchmark(
          ("kernel/" + phase + "/" + options.name()).c_str(),
          [=](benchmark::State& state) { run_kernel(state, *laboratory, options, phase); });
      kernel->UseManualTime()->Unit(benchmark::kMillisecond);
      if (in_training(phase)) kernel->Iterations(64);  // in one of them all rows are brought up
    }
}

}  // namespace gcmc::benchmarks
