// Several models of one configuration, whose predictions are averaged.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/train/train.hpp"

namespace gcmc {

/// One model a seed, and the error of their averaged predictions.
struct EnsembleResult {
  EnsembleMetrics metrics;
  std::vector<std::vector<HistoryRow>> histories;  ///< one a model
  std::vector<Options> options;                    ///< with which train() repeats each model
  std::vector<SavedModel> models;                  ///< for Predictor and save_models
};

/// The options of the k-th model, counted from 0: seed + k, which draws its weights, dropout and validation part, and
/// the test part of them all.
GCMC_EXPORT Options member_options(const Options& options, Index k);

/// Trains one model: train(), on a backend of the caller's choice.
using TrainFunction =
    std::function<TrainResult(const Ratings&, const Options&, const OnProgress&, std::stop_token, Continuation)>;

/// train(ratings, options, ...), which is overloaded.
inline TrainResult train_on_cpu(const Ratings& ratings, const Options& options, const OnProgress& on_progress,
                                std::stop_token stop, Continuation continuation = {}) {
  return train(ratings, options, on_progress, std::move(stop), std::move(continuation));
}

/// Continuation's sibling for several models: a state for each that is done, and of the one that was cut; weights for
/// each, one for all, or none. `on_state` is offered the states so far.
struct EnsembleContinuation {
  std::vector<TrainState> states = {};
  std::vector<SavedModel> weights = {};
  std::function<void(bool last, const std::function<std::vector<TrainState>()>& take)> on_state = {};
};

/// Trains options.train.seeds models one after the other, by `train_one`, and averages their predictions of the
/// test part, which the CPU computes. When `stop` asks for it, leaves out the model it interrupts, unless that is the
/// only one. Throws as train(), and InputError if `continuation` has more states, or another number of weights, than
/// there are models. The same options give the same bits on any number of threads, wherever the training was cut.
GCMC_EXPORT EnsembleResult train_ensemble(const Ratings& ratings, const Options& options,
                                          const OnProgress& on_progress = {}, std::stop_token stop = {},
                                          const TrainFunction& train_one = train_on_cpu,
                                          EnsembleContinuation continuation = {});

}  // namespace gcmc
