// Stands in for the program's CUDA module: device 0 trains on the CPU, others are not there.
#include "../examples/trainer/cuda_module.hpp"
#include "gcmc/base/error.hpp"

void gcmc_training_on_cuda(int number, gcmc::TrainFunction& training) {
  if (number != 0) throw gcmc::DeviceError("no device " + std::to_string(number));
  training = gcmc::train_on_cpu;
}
