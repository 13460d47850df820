// Training on the CPU.
#include "gcmc/trainer.hpp"

#include "gcmc/cpu.hpp"
#include "training.hpp"

namespace gcmc {

SplitOptions split_options(const Options& options) {
  return {options.run.test_ratio, options.run.valid_ratio, options.test_seed(), options.train.seed};
}

TrainResult train(const Ratings& ratings, const Options& options,
                  const std::function<void(const Progress&)>& on_progress, std::stop_token stop) {
  const std::string& device = options.run.device;
  require(device == "cpu" || device == "-1" || device == "auto",
          [&] { return "train: device " + device + " is not the CPU: see cuda_training.hpp"; });
  Cpu cpu(options.run.threads);
  return train_on(cpu, ratings, options, on_progress, stop);
}

}  // namespace gcmc
