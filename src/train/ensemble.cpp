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

namespace {

/// The k-th model's part of the continuation; `trained` are those before it.
Continuation continuation_of(EnsembleContinuation& all, std::size_t k, const std::vector<TrainResult>& trained) {
  Continuation one;
  if (k < all.states.size()) one.state = std::move(all.states[k]);
  if (!all.weights.empty()) one.weights = &all.weights[all.weights.size() == 1 ? 0 : k];
  if (all.on_state)
    one.on_state = [&](bool last, const TakeState& take) {
      all.on_state(last, [&] {
        std::vector<TrainState> states;
        for (const TrainResult& result : trained) states.push_back(state_of(result));
        states.push_back(take());
        return states;
      });
    };
  return one;
}

/// Takes the results apart. The figures of an average are added later.
EnsembleResult joined(std::vector<TrainResult> trained) {
  EnsembleResult result;
  result.metrics.test = trained.front().test;
  for (TrainResult& one : trained) {
    result.options.push_back(one.model.options);
    result.metrics.members.push_back(std::move(one.metrics));
    result.histories.push_back(std::move(one.history));
    result.models.push_back(std::move(one.model));
  }
  return result;
}

}  // namespace

EnsembleResult train_ensemble(const Ratings& ratings, const Options& options, const OnProgress& on_progress,
                              std::stop_token stop, const TrainFunction& train_one, EnsembleContinuation continuation) {
  validate(options);
  const auto seeds = static_cast<std::size_t>(options.train.seeds);
  const std::size_t weights = continuation.weights.size();
  require(continuation.states.size() <= seeds && (weights <= 1 || weights == seeds), [&] {
    return "train: " + std::to_string(seeds) + " models cannot go on from " +
           std::to_string(continuation.states.size()) + " states and the weights of " + std::to_string(weights) +
           " models";
  });
  std::vector<TrainResult> trained;
  for (std::size_t k = 0; k < seeds; ++k) {
    const auto tell = [&](Progress progress) {
      progress.model = static_cast<Index>(k) + 1;
      progress.models = options.train.seeds;
      if (on_progress) on_progress(progress);
    };
    TrainResult result = train_one(ratings, member_options(options, static_cast<Index>(k)), tell, stop,
                                   continuation_of(continuation, k, trained));
    const bool stopped = result.metrics.stopped;
    if (stopped && k > 0)
      trained.back().metrics.stopped = true;
    else
      trained.push_back(std::move(result));
    if (stopped) break;
  }
  EnsembleResult result = joined(std::move(trained));
  if (result.models.size() == 1) return result;  // it has tested itself
  const Split parts(ratings, split_options(options));
  Predictor predictor(std::move(result.models), options.run.threads);
  result.metrics.test = evaluate(predictor, parts.test());
  result.models = std::move(predictor).release();
  return result;
}

}  // namespace gcmc
