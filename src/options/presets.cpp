// The option sets that the two earlier codes ran with, and the best that we know.
#include "gcmc/options/presets.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/options/option_names.hpp"

namespace gcmc {
namespace {

/// The original authors' runs: van den Berg, Kipf and Welling 2017, section 5.
/// Validation ratings are trained on, so validating each step would tell nothing: a few lines show progress.
void apply_paper(Options& options) {
  ModelOptions& model = options.model;
  const bool sum = options.run.data_name == "ml-1m";
  model.aggregation = sum ? Aggregation::sum : Aggregation::stack;
  model.normalization = sum ? Normalization::symmetric : Normalization::left;
  model.ordinal = sum;
  model.activation = Activation::relu;
  model.node_dropout_all_levels = true;
  model.dense_bias = false;
  model.share_dense = true;
  model.features = false;
  model.initialization = Initialization::glorot;
  model.orthogonal_basis = true;

  TrainOptions& train = options.train;
  train.max_iterations = sum ? 3500 : 1000;
  train.valid_interval = 50;
  train.gradient_clip = 0;
  train.schedule = Schedule::constant;
  train.average_decay = 0.995;
  train.selection = Selection::last;
  train.train_on_valid = true;
}

/// The additions that lower the error, as measured on validation ratings (docs/accuracy.md): an implicit block, side
/// features beside the ids, label smoothing, target-edge removal, averaged weights, embeddings averaged over dropout,
/// calibrated predictions, and trainings on train + validation, whose mean is the answer.
void apply_best(Options& options) {
  const std::string& name = options.run.data_name;
  require(name == "ml-100k" || name == "ml-1m" || name == "synthetic-100k", [&] {
    return "preset best is chosen for ml-100k and ml-1m alone: for " + name +
           " use auto, which looks at the ratings; " +
           "ratings of these two that have another name are told by data_name";
  });
  ModelOptions& model = options.model;
  model.aggregation = Aggregation::stack;
  model.implicit = true;
  model.features = true;
  model.units = 384;
  TrainOptions& train = options.train;
  train.schedule = Schedule::cosine;
  train.selection = Selection::last;  // of a cycle's second half, noise would choose
  train.min_learning_rate = 0.0001;
  train.average_decay = 0.95;
  train.calibrate = true;
  train.valid_interval = 50;
  train.refit = true;
  train.start = Start::factors;
  train.table_rate_factor = 3;
  train.warm_up = 10;
  train.target_removal = 0.3;
  if (name == "ml-1m") {
    model.node_dropout = 0.35;
    train.learning_rate = 0.02;
    train.embedding_draws = 100;
    train.max_iterations = 450;
    train.refits = 2;
  } else {
    model.label_smoothing = 0.1;
    model.node_dropout = 0.49;
    model.feature_dropout = 0.5;
    train.learning_rate = 0.01;
    train.embedding_draws = 200;
    train.max_iterations = 440;
    train.refits = 3;
  }
}

}  // namespace

Options preset_options(std::string_view preset, std::string_view data_name) {
  Options options;
  set_option(options, "preset", preset);
  if (!data_name.empty()) options.run.data_name = data_name;
  if (options.preset == "paper") apply_paper(options);
  if (options.preset == "best") apply_best(options);
  require(!looks_at_ratings(options.preset),
          [&] { return "preset " + options.preset + " needs the ratings, by which it chooses"; });
  return options;
}

}  // namespace gcmc
