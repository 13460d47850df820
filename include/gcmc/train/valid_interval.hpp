// How often a training validates where its options leave that to the library.
#pragma once

#include <algorithm>
#include <cmath>

#include "gcmc/layers/model_layers.hpp"
#include "gcmc/ratings/split.hpp"

namespace gcmc {

/// Work by shapes alone, so that every machine takes the same decision. A unit is an element gathered along an edge
/// (about .2 ns of a core with AVX-512); what else costs time is counted in it, as measured (docs/performance.md).
struct WorkOf {
  double step = 0, validation = 0;
};

/// Of a training's mean step, and of an encoding with all messages, `valid` predictions and the weights' keeping.
inline WorkOf work_of(const Options& options, const ModelSizes& sizes, Offset train, Offset valid) {
  constexpr double a_product = 1.0 / 6, a_score = 0.4, an_update = 7;
  const ModelOptions& model = options.model;
  const ConvolutionShape shape(convolution_options(model), sizes.levels);
  const double nodes = static_cast<double>(sizes.nodes[user_side]) + sizes.nodes[item_side];
  const double edges = static_cast<double>(train), removed = options.train.target_removal;
  const double messages = 2 * edges * shape.width * (model.implicit ? 2 : 1);
  const double dense = a_product * nodes * shape.hidden * model.output;
  const double projections = a_product * sizes.nodes[user_side] * model.bases * model.output * model.output;
  const double scores = a_score * model.bases * model.output;
  const double updates = an_update * nodes * shape.tables * shape.width;
  const double kept = 1 - model.node_dropout, kept_units = 1 - model.effective_hidden_dropout();
  const double targets = removed > 0 ? removed * edges : edges;
  return {.step = 2 * kept * (1 - removed) * messages + (1 + 2 * kept_units) * dense + 3 * projections +
                  3 * scores * targets + (model.ordinal ? 1 : kept) * updates,
          .validation = messages + dense + projections + scores * static_cast<double>(valid) + updates};
}

/// Steps from one validation to the next: the options' number or, where it is automatic, the least that keeps
/// validations under a tenth of the steps' work. Validations that decide nothing are then left to the training's end.
inline Offset valid_interval(const Options& options, const Ratings& ratings, const Split& split) {
  const TrainOptions& train = options.train;
  if (train.valid_interval != automatic_interval) return train.valid_interval;
  const bool decides = train.selection == Selection::best_valid || train.schedule == Schedule::plateau;
  if (!decides || split.valid().empty()) return train.max_iterations;
  const ModelSizes sizes =
      sizes_of({ratings.users(), ratings.items(), ratings.levels, {&ratings.user_features, &ratings.item_features}},
               options.model);
  const WorkOf work =
      work_of(options, sizes, static_cast<Offset>(split.train().size()), static_cast<Offset>(split.valid().size()));
  const double most_share = 0.1;
  return std::max<Offset>(1, static_cast<Offset>(std::ceil(work.validation / (most_share * work.step))));
}

}  // namespace gcmc
