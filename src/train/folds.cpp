// Cross-validation: the options of its folds, and their training.
#include "gcmc/train/folds.hpp"

namespace gcmc {

Options fold_options(const Options& options, Index fold, bool ready) {
  Options one = options;
  one.run.fold = fold;
  if (ready) {
    one.run.split = "u" + std::to_string(fold);
    one.run.folds = one.run.fold = 0;
  }
  return one;
}

FoldsResult train_folds(const std::vector<Options>& folds, const RatingsOfFold& ratings_of,
                        const OnProgress& on_progress, std::stop_token stop, const TrainFunction& train_one) {
  for (const Options& fold : folds) validate(fold);
  FoldsResult result;
  result.metrics.planned = static_cast<Index>(folds.size());
  for (const Options& fold : folds) {
    const auto number = static_cast<Index>(result.options.size()) + 1;
    const auto tell = [&](Progress progress) {
      progress.model = number;
      progress.models = result.metrics.planned;
      if (on_progress) on_progress(progress);
    };
    TrainResult trained = train_one(ratings_of(fold), fold, tell, stop, {});
    const bool stopped = trained.metrics.stopped;
    if (stopped && number > 1) {
      result.metrics.folds.back().stopped = true;
      break;
    }
    result.metrics.folds.push_back(std::move(trained.metrics));
    result.histories.push_back(std::move(trained.history));
    result.options.push_back(fold);
    if (stopped) break;
  }
  return result;
}

}  // namespace gcmc
