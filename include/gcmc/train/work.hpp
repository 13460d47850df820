// What a training's parts cost, by shapes alone: how often it validates where its options leave that to the library,
// and how many steps fit a time.
#pragma once

#include <algorithm>
#include <cmath>

#include "gcmc/layers/model_layers.hpp"
#include "gcmc/ratings/split.hpp"

namespace gcmc {

/// In elements gathered along an edge, of which one takes about .2 ns of a core; what else costs time is counted in
/// them, as measured (docs/performance.md).
struct TrainingWork {
  double step = 0;        ///< of training, in the mean
  double encoding = 0;    ///< one of those that embedding_draws averages
  double validation = 0;  ///< all messages, predictions, and the keeping of the weights
  double test = 0;        ///< the same of the test part, with the making of a graph
  double baselines = 0;   ///< seconds: they are fitted by two threads of the host, on whatever backend
};

/// Of a training of these ratings, split so.
inline TrainingWork training_work(const Options& options, const Ratings& ratings, const Split& split) {
  constexpr double a_product = 1.0 / 6, a_score = 0.4, an_update = 7, an_edge_made = 500;
  constexpr double seconds_a_rating_fitted = 50e-9;
  const ModelOptions& model = options.model;
  const ModelSizes sizes = sizes_of(shape_of(ratings), model);
  const ConvolutionShape shape(convolution_options(model), sizes.levels);
  const double nodes = static_cast<double>(sizes.nodes[user_side]) + sizes.nodes[item_side];
  const double all_edges = static_cast<double>(split.train_and_valid().size());
  const double edges = options.train.train_on_valid ? all_edges : static_cast<double>(split.train().size());
  const double of_an_edge = 2.0 * shape.width * (model.implicit ? 2 : 1);  // messages in both directions
  const double dense = a_product * nodes * shape.hidden * model.output;
  const double projections = a_product * sizes.nodes[user_side] * model.bases * model.output * model.output;
  const double a_pair = a_score * model.bases * model.output;
  const double updates = an_update * nodes * shape.tables * shape.width;
  const double kept = 1 - model.node_dropout, kept_units = 1 - model.effective_hidden_dropout();
  const double removed = options.train.target_removal, targets = removed > 0 ? removed * edges : edges;
  const auto evaluation = [&](double encoded, std::size_t pairs) {
    return of_an_edge * encoded + dense + projections + a_pair * static_cast<double>(pairs) + updates;
  };
  return {.step = 2 * kept * (1 - removed) * of_an_edge * edges + (1 + 2 * kept_units) * dense + 3 * projections +
                  3 * a_pair * targets + (model.ordinal ? 1 : kept) * updates,
          .encoding = kept * of_an_edge * all_edges + kept_units * dense,
          .validation = evaluation(edges, split.valid().size()),
          .test = evaluation(all_edges, split.test().size()) + an_edge_made * all_edges,
          .baselines = seconds_a_rating_fitted * all_edges};
}

/// Whether anything follows from validations between the steps.
inline bool validation_decides(const TrainOptions& options, const Split& split) {
  return !split.valid().empty() &&
         (options.selection == Selection::best_valid || options.schedule == Schedule::plateau);
}

/// Steps from one validation to the next: the options' number or, where it is automatic, the least that keeps
/// validations under a tenth of the steps' work, the same on every machine. Validations that decide nothing are then
/// left to the training's end.
inline Offset valid_interval(const Options& options, const Ratings& ratings, const Split& split) {
  const TrainOptions& train = options.train;
  if (train.valid_interval != automatic_interval) return train.valid_interval;
  if (!validation_decides(train, split)) return train.max_iterations;
  const double most_share = 0.08;  // of a count that is a fifth off for some shapes
  const TrainingWork work = training_work(options, ratings, split);
  return std::max<Offset>(1, static_cast<Offset>(std::ceil(work.validation / (most_share * work.step))));
}

/// Seconds that choosing by validation takes after a training's last step, and those of the test and the baselines, if
/// a step takes `step_seconds`: each with draws of the embeddings, of a graph of its own.
inline double seconds_to_choose(const Options& options, const TrainingWork& work, const Split& split,
                                double step_seconds) {
  if (options.train.train_on_valid || split.valid().empty()) return 0;
  return step_seconds / work.step * (options.train.embedding_draws * work.encoding + work.validation);
}
inline double seconds_to_test(const Options& options, const TrainingWork& work, double step_seconds) {
  return step_seconds / work.step * (options.train.embedding_draws * work.encoding + work.test) + work.baselines;
}

/// Steps of step_seconds each that fit `seconds`, with their validations and all that follows; of each refit as well,
/// which has a tenth in reserve, since one that is cut is lost. Not negative.
inline Offset steps_within(double seconds, const Options& options, const Ratings& ratings, const Split& split,
                           double step_seconds) {
  const TrainingWork work = training_work(options, ratings, split);
  const double validations =
      validation_decides(options.train, split)
          ? work.validation / work.step / static_cast<double>(valid_interval(options, ratings, split))
          : 0;
  const double refits = options.train.refit ? options.train.refits : 0, trainings = 1 + 1.1 * refits;
  const double drawing = step_seconds / work.step * options.train.embedding_draws * work.encoding;
  const double left = seconds - seconds_to_choose(options, work, split, step_seconds) -
                      seconds_to_test(options, work, step_seconds) - std::max(refits - 1, 0.0) * drawing;
  return static_cast<Offset>(std::clamp(left / (step_seconds * (trainings + validations)), 0.0, 0x1p31));
}

}  // namespace gcmc
