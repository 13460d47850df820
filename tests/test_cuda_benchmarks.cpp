// The benchmarks of the CUDA backend run, on a graph so small that nothing is learnt from their times; without a device
// they say why not.
#include <benchmark/benchmark.h>

#include <set>

#include "../benchmarks/benchmarks.hpp"
#include "catch.hpp"
#include "emulator.hpp"
#include "gcmc/files/readers.hpp"
#include "graph_numbers.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;
using namespace gcmc::benchmarks;

namespace {

/// Keeps what has run and what has failed.
struct Seen : benchmark::BenchmarkReporter {
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      names.insert(run.run_name.function_name);
      edges.insert(run.counters.at("edges"));
      iterations += run.iterations;
    }
  }
  std::set<std::string> names;
  std::set<double> edges;
  benchmark::IterationCount iterations = 0;
};

}  // namespace

TEST_CASE("gcmc's kernels and cuSPARSE are measured, forward and back, and not where there is no device", "[cuda]") {
  const ScratchFolder folder;
  const Ratings ratings = generate_ratings({.users = 30, .items = 40, .ratings = 300});
  write(folder / "tiny.graph", numbers_of(ratings));
  const auto laboratory =
      std::make_shared<Laboratory>(std::map<std::string, std::string>{{"tiny", folder / "tiny.graph"}});
  emulator::reset({.devices = 0});
  CHECK(register_cuda(laboratory, {"tiny"}).find("cudaErrorNoDevice") != std::string::npos);
  Seen nothing;
  CHECK(benchmark::RunSpecifiedBenchmarks(&nothing, "cuda/") == 0);

  emulator::reset();
  REQUIRE(register_cuda(laboratory, {"tiny"}).empty());
  int count = 2;
  char name[] = "test", quick[] = "--benchmark_min_time=0.000001";
  char* arguments[] = {name, quick, nullptr};
  benchmark::Initialize(&count, arguments);
  Seen seen;
  CHECK(benchmark::RunSpecifiedBenchmarks(&seen, "keep:0.3") == 6);
  for (const char* phase : {"aggregate", "aggregate_backward"})
    for (const char* who : {"own", "csr_alg2", "csr_alg3"})
      CHECK(seen.names.count(std::string("cuda/") + phase + "/" + who + "/tiny/stack/dgl/keep:0.3/threads:1") == 1);
  CHECK(seen.iterations >= 6 * 16);
  CHECK(seen.edges == std::set<double>{600});
  benchmark::ClearRegisteredBenchmarks();
}
