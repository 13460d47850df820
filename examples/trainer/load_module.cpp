#include <dlfcn.h>

#include <filesystem>

#include "cuda_module.hpp"
#include "gcmc/base/error.hpp"

gcmc::TrainFunction training_of_module(const std::string& path, int number) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  const std::string whole = (program.parent_path() / path).lexically_normal().string();
  void* const module = dlopen(whole.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const symbol = module ? dlsym(module, "gcmc_training_on_cuda") : nullptr;
  if (!symbol) throw gcmc::DeviceError(std::string("cuda: its part of the program does not load (") + dlerror() + ")");
  gcmc::TrainFunction training;
  reinterpret_cast<decltype(&gcmc_training_on_cuda)>(symbol)(number, training);
  return training;
}
