// Cross-validation: trainings of one configuration, each tested on another part of the ratings.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/train/ensemble.hpp"

namespace gcmc {

/// Each fold's figures. Their models are not kept: train() with a fold's options makes one again.
struct FoldsResult {
  FoldMetrics metrics;
  std::vector<std::vector<HistoryRow>> histories;  ///< one a fold
  std::vector<Options> options;
};

/// The options of one of options.run.folds, from 1. Of a set that is split in files u1, u2, ... it is that split.
GCMC_EXPORT Options fold_options(const Options& options, Index fold, bool ready = false);

/// The ratings that a fold's options split. Valid until the next call.
using RatingsOfFold = std::function<const Ratings&(const Options& fold)>;

/// Trains with each of `folds`, one after the other, by `train_one`. When `stop` asks for it, leaves out the one that
/// it interrupts, unless that is the first. Throws as train(). Memory: one model at a time.
GCMC_EXPORT FoldsResult train_folds(const std::vector<Options>& folds, const RatingsOfFold& ratings_of,
                                    const OnProgress& on_progress = {}, std::stop_token stop = {},
                                    const TrainFunction& train_one = train_on_cpu);

}  // namespace gcmc
