#include "cuda_module.hpp"

#include <memory>
#include <utility>

#include "gcmc/cuda.hpp"
#include "gcmc/train/train.hpp"

void gcmc_training_on_cuda(int number, gcmc::TrainFunction& training) {
  training = [cuda = std::make_shared<gcmc::Cuda>(number)](auto&&... arguments) {
    return gcmc::train(*cuda, std::forward<decltype(arguments)>(arguments)...);
  };
}
