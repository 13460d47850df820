#include "../core/training.hpp"

#include "gcmc/cuda_training.hpp"

namespace gcmc {

TrainResult train_on_cuda(Cuda& cuda, const Ratings& ratings, const Options& options,
                          const std::function<void(const Progress&)>& on_progress, std::stop_token stop) {
  return train_on(cuda, ratings, options, on_progress, stop);
}

}  // namespace gcmc
