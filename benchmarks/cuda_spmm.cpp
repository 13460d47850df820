// The graph convolution's sums on a CUDA device: gcmc's kernels and, as the baseline, cuSPARSE.
#include <benchmark/benchmark.h>

#include <type_traits>

#include "benchmarks.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cuda.hpp"
#include "gcmc/train/train.hpp"
#include "watched.hpp"

namespace gcmc::benchmarks {
namespace {

/// Keeps a step's sums of messages, of both sides, and their gradients'.
struct Keeper {
  template <class Operation, class Run>
  void around(const Operation& operation, const Run& run) {
    run();
    if constexpr (std::is_same_v<Operation, Aggregate<float>>) forward.push_back(operation);
    if constexpr (std::is_same_v<Operation, AggregateBackward<float>>) backward.push_back(operation);
  }
  std::vector<Aggregate<float>> forward;
  std::vector<AggregateBackward<float>> backward;
};

template <CudaSpmm spmm>
class CudaSums {
 public:
  CudaSums(const Shape& shape, const Case& options)
      : cuda_(0, {.spmm = spmm}),
        backend_(cuda_, keeper_),
        trainer_(backend_, shape.ratings, shape.split, options.options()) {
    trainer_.step();
  }

  void run(bool forward) {
    for (const auto& operation : keeper_.forward)
      if (forward) cuda_.run(operation);
    for (const auto& operation : keeper_.backward)
      if (!forward) cuda_.run(operation);
  }
  void wait() {
    float value = 0;
    cuda_.copy_to_host(&value, keeper_.forward.front().hidden.data, sizeof value);
  }

 private:
  Cuda cuda_;
  Keeper keeper_;
  Watched<Cuda, Keeper> backend_;
  Trainer<Watched<Cuda, Keeper>, float> trainer_;
};

template <CudaSpmm spmm>
void register_sums(const std::shared_ptr<Laboratory>& laboratory, const std::string& who, const Case& options) {
  for (const bool forward : {true, false}) {
    const auto body = [=](benchmark::State& state) {
      auto& sums = laboratory->experiment<CudaSums<spmm>>("cuda/" + who + "/" + options.name(), options);
      sums.run(forward);
      sums.wait();
      constexpr int batch = 16;  // a wait is long beside one of them
      while (state.KeepRunningBatch(batch)) {
        for (int k = 0; k < batch; ++k) sums.run(forward);
        sums.wait();
      }
      state.counters["edges"] = 2.0 * static_cast<double>(laboratory->shape(options.shape).split.train().size());
    };
    const std::string phase = forward ? "aggregate/" : "aggregate_backward/";
    benchmark::RegisterBenchmark(("cuda/" + phase + who + "/" + options.name()).c_str(), body)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace

std::string register_cuda(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  try {
    benchmark::AddCustomContext("cuda", Cuda().name());
  } catch (const Error& error) {
    return error.what();
  }
  for (const std::string& shape : shapes)
    for (const Aggregation aggregation : {Aggregation::stack, Aggregation::sum})
      for (const double keep : {0.3, 0.7, 1.0}) {
        if (aggregation == Aggregation::sum && shape != "ml-1m") continue;
        const Case options{shape, aggregation, "dgl", keep, 1};
        register_sums<CudaSpmm::own>(laboratory, "own", options);
        register_sums<CudaSpmm::csr_alg2>(laboratory, "csr_alg2", options);
        register_sums<CudaSpmm::csr_alg3>(laboratory, "csr_alg3", options);
      }
  return {};
}

}  // namespace gcmc::benchmarks
