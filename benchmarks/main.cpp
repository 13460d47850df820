// gcmc_bench: Google Benchmark's program with one option more.
//   --graph=FILE   measure on this graph file, and on its shape alone; may be given several times
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>

#include "benchmarks.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"
#include "graph_file.hpp"

namespace {

using namespace gcmc;

/// Takes --graph=FILE out of the arguments.
std::vector<std::string> take_graphs(int& count, char** arguments) {
  constexpr std::string_view flag = "--graph=";
  std::vector<std::string> graphs;
  int kept = 0;
  for (int k = 0; k < count; ++k) {
    const std::string_view argument = arguments[k];
    if (argument.starts_with(flag))
      graphs.emplace_back(argument.substr(flag.size()));
    else
      arguments[kept++] = arguments[k];
  }
  count = kept;
  return graphs;
}

/// As Linux names it.
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

void run(int count, char** arguments) {
  std::vector<std::string> shapes = {"ml-100k", "ml-1m", "ml-10m", "ml-25m"};
  std::map<std::string, std::string> files;
  const std::vector<std::string> graphs = take_graphs(count, arguments);
  benchmark::Initialize(&count, arguments);
  require(count == 1, [&] {
    return std::string(arguments[1]) + " is no option: --graph=FILE and Google Benchmark's own (--help) are known";
  });
  if (!graphs.empty()) shapes.clear();
  for (const std::string& graph : graphs) {
    shapes.push_back(benchmarks::shape_name(benchmarks::read_graph_file(graph)));
    require(files.emplace(shapes.back(), graph).second, graph + ": a second graph of the shape " + shapes.back());
  }
  benchmark::AddCustomContext("processor", processor());
  benchmark::AddCustomContext("compiler", compiler());
  benchmark::AddCustomContext("backend", Cpu(1).name());
  benchmark::AddCustomContext("graphs", graphs.empty() ? "generated" : "files");
  const auto laboratory = std::make_shared<benchmarks::Laboratory>(std::move(files));
  benchmarks::register_ceilings();
  benchmarks::register_asking();
  benchmarks::register_preparing(laboratory, shapes);
  benchmarks::register_epochs(laboratory, shapes);
  std::erase(shapes, "ml-25m");
  benchmarks::register_kernels(laboratory, shapes);
  benchmarks::register_unfused_decoders(laboratory, shapes);
  benchmarks::register_eigen(laboratory, shapes);
#if GCMC_WITH_CUDA
  if (const std::string why = benchmarks::register_cuda(laboratory, shapes); !why.empty())
    std::fprintf(stderr, "gcmc_bench: CUDA is skipped (%s)\n", why.c_str());
#endif
  require(benchmark::RunSpecifiedBenchmarks() > 0, "no benchmark matches: --benchmark_list_tests names them");
  benchmark::Shutdown();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    run(count, arguments);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gcmc_bench: %s\n", error.what());
    return 1;
  }
}
