// An ensemble: its members' options, their training, and the average's error.
#include "gcmc/train/ensemble.hpp"

#include "gcmc/model/predictor.hpp"

namespace gcmc {

Options member_options(const Options& options, Index k) {
  Options member = options;
  if (options.train.seeds > 1) member.run.test_seed = static_cast<Offset>(options.test_seed());
  member.train.seed = options.train.seed + static_cast<std::uint64_t>(k);
  member.train.seeds = 1;
  return member;
}

EnsembleResult train_ensemble(const Ratings& ratings, const Options& options, const OnProgress& on_progress,
                              std::stop_token stop, const TrainFunction& train_one) {
  validate(options);
  EnsembleResult result;
  Metrics only;
  for (Index k = 0; k < options.train.seeds; ++k) {
    const Options member = member_options(options, k);
    const auto tell = [&](Progress progress) {
      progress.model = k + 1;
      progress.models = options.train.seeds;
      if (on_progress) on_progress(progress);
    };
    TrainResult trained = train_one(ratings, member, tell, stop);
    const bool stopped = trained.metrics.stopped;
    if (stopped && k > 0) {
      result.metrics.members.back().stopped = true;
      break;
    }
    only = trained.test;
    result.metrics.members.push_back(std::move(trained.metrics));
    result.histories.push_back(std::move(trained.history));
    result.options.push_back(member);
    result.models.push_back(std::move(trained.model));
    if (stopped) break;
  }
  if (result.models.size() == 1) {  // it has tested itself
    result.metrics.test = only;
    return result;
  }
  const Split parts(ratings, split_options(options));
  Predictor predictor(std::move(result.models), options.run.threads);
  result.metrics.test = evaluate(predictor, parts.test());
  result.models = std::move(predictor).release();
  return result;
}

}  // namespace gcmc
