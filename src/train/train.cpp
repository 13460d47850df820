// Training on the processor.
#include "gcmc/train/train.hpp"

#include "gcmc/cpu.hpp"

namespace gcmc {

TrainResult train(const Ratings& ratings, const Options& options, const OnProgress& on_progress, std::stop_token stop,
                  Continuation continuation) {
  require(options.run.device.kind != Device::Kind::cuda,
          "train: the options name a CUDA device: make a Cuda, and give it to train()");
  Cpu cpu(options.run.threads);
  return train(cpu, ratings, options, on_progress, std::move(stop), std::move(continuation));
}

}  // namespace gcmc
