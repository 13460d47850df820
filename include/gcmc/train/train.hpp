// The whole training on any backend, and on the processor.
#pragma once

#include <algorithm>
#include <cmath>
#include <stop_token>
#include <utility>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/train/training_run.hpp"

namespace gcmc {

/// Throws InputError if a float's steps at the largest level are much of the way from the lowest to the highest.
inline void require_precision(const Options& options, const std::vector<double>& levels) {
  if (options.model.precision == Precision::float64 || levels.size() < 2) return;
  const double most = std::max(std::abs(levels.front()), std::abs(levels.back()));
  require(levels.back() - levels.front() >= 1e-4 * most, [&] {
    return "ratings from " + number_text(levels.front()) + " to " + number_text(levels.back()) +
           " differ by too little for floats: set precision double, or subtract what they share";
  });
}

/// Splits `ratings` as the options say, trains one model (of the option `seed`) on `backend`, whose memory and threads
/// are its own, and returns figures, curve and model. Calls on_progress after every iteration, and between the draws of
/// the embeddings; when `stop` asks for it, finishes what is running and returns what it has, its embeddings then of
/// one pass. `continuation` goes on with a training that was cut. Throws InputError for options, ratings or a state
/// that do not fit, for ratings that precision float cannot tell apart, for precision double on a backend of float
/// alone, and if training diverges; DeviceError, before it starts, if a device has not the memory, and std::bad_alloc
/// if the processor has not. The same options give the same bits on any number of threads, wherever the training was
/// cut.
template <class B>
requires Backend<B, float> TrainResult train(B& backend, const Ratings& ratings, const Options& options,
                                             const OnProgress& on_progress = {}, std::stop_token stop = {},
                                             Continuation continuation = {}) {
  validate(options);
  validate(ratings);
  require_precision(options, ratings.levels);
  if (options.model.precision == Precision::float64) {
    if constexpr (Backend<B, double>)
      return TrainingRun<B, double>(backend, ratings, options, on_progress, std::move(stop), std::move(continuation))();
    throw InputError("precision double is not for " + backend.name() + ", which computes in float alone");
  }
  return TrainingRun<B, float>(backend, ratings, options, on_progress, std::move(stop), std::move(continuation))();
}

/// The same on the processor, with options.run.threads. Throws InputError too if options.run.device names another.
GCMC_EXPORT TrainResult train(const Ratings& ratings, const Options& options, const OnProgress& on_progress = {},
                              std::stop_token stop = {}, Continuation continuation = {});

}  // namespace gcmc
