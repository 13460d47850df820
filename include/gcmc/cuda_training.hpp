// Training on a CUDA device.
#pragma once

#include "gcmc/cuda.hpp"
#include "gcmc/trainer.hpp"

namespace gcmc {

/// As train(), on `cuda` instead of the CPU; for train_ensemble, bind it to one. Throws Error too if the device has not
/// the memory that training needs, before it starts. The saved model is like one that the CPU trained.
TrainResult train_on_cuda(Cuda& cuda, const Ratings& ratings, const Options& options,
                          const std::function<void(const Progress&)>& on_progress = {}, std::stop_token stop = {});

}  // namespace gcmc
