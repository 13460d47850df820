#include "device.hpp"

#include "cuda_module.hpp"
#include "gcmc/base/error.hpp"
#include "notes.hpp"

namespace {

/// Of the module GCMC_CUDA_MODULE, or where CUDA is linked (GCMC_WITH_CUDA), the program's own.
gcmc::TrainFunction training_on_cuda([[maybe_unused]] int number) {
#if defined(GCMC_CUDA_MODULE)
  return training_of_module(GCMC_CUDA_MODULE, number);
#elif GCMC_WITH_CUDA
  gcmc::TrainFunction training;
  gcmc_training_on_cuda(number, training);
  return training;
#else
  throw gcmc::DeviceError("cuda: this gcmc was built without it: use the CPU");
#endif
}

}  // namespace

gcmc::TrainFunction training_on(const gcmc::Device& device) {
  if (device.kind == gcmc::Device::Kind::cpu) return gcmc::train_on_cpu;
  if (device.kind == gcmc::Device::Kind::cuda) try {
      return training_on_cuda(device.number);
    } catch (const gcmc::DeviceError& error) {
      throw gcmc::DeviceError(std::string(error.what()) + " (--device cpu)");
    }
  try {
    return training_on_cuda(0);
  } catch (const gcmc::Error& error) {
    tell_note(std::string("--device auto takes the CPU (") + error.what() + ")");
    return gcmc::train_on_cpu;
  }
}
