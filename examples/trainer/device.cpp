#include "device.hpp"

#include <cstdio>
#include <memory>

#include "gcmc/base/error.hpp"

#if GCMC_WITH_CUDA
#include "gcmc/cuda.hpp"
#include "gcmc/train/train.hpp"

namespace {

gcmc::TrainFunction training_on_cuda(int number) {
  return [cuda = std::make_shared<gcmc::Cuda>(number)](const auto&... arguments) {
    return gcmc::train(*cuda, arguments...);
  };
}

}  // namespace
#else
namespace {

gcmc::TrainFunction training_on_cuda(int) {
  throw gcmc::DeviceError("cuda: this gcmc was built without it: use --device cpu");
}

}  // namespace
#endif

gcmc::TrainFunction training_on(const gcmc::Device& device) {
  if (device.kind == gcmc::Device::Kind::cpu) return gcmc::train_on_cpu;
  if (device.kind == gcmc::Device::Kind::cuda) return training_on_cuda(device.number);
  try {
    return training_on_cuda(0);
  } catch (const gcmc::Error& error) {
    std::fprintf(stderr, "gcmc: note: --device auto takes the CPU (%s)\n", error.what());
    return gcmc::train_on_cpu;
  }
}
