#include "device.hpp"

#include <cstdio>
#include <memory>

#include "gcmc/error.hpp"

#if GCMC_WITH_CUDA
#include "gcmc/cuda_training.hpp"

namespace {

gcmc::TrainFunction training_on_cuda(int number) {
  return [cuda = std::make_shared<gcmc::Cuda>(number)](const auto&... arguments) {
    return gcmc::train_on_cuda(*cuda, arguments...);
  };
}

}  // namespace
#else
namespace {

gcmc::TrainFunction training_on_cuda(int) {
  throw gcmc::Error("cuda: this gcmc was built without it: use --device cpu");
}

}  // namespace
#endif

gcmc::TrainFunction training_on(const std::string& device) {
  if (device == "cpu" || device == "-1") return gcmc::train;
  if (device != "auto") return training_on_cuda(std::stoi(device));
  try {
    return training_on_cuda(0);
  } catch (const gcmc::Error& error) {
    std::fprintf(stderr, "gcmc: note: --device auto takes the CPU (%s)\n", error.what());
    return [](const gcmc::Ratings& ratings, gcmc::Options options, const auto&... arguments) {
      options.run.device = "cpu";
      return gcmc::train(ratings, options, arguments...);
    };
  }
}
