// The option sets that the two earlier codes ran with.
#include "gcmc/options.hpp"

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
  train.log_interval = 10;
  train.valid_interval = 50;
  train.gradient_clip = 0;
  train.schedule = Schedule::constant;
  train.average_decay = 0.995;
  train.selection = Selection::last;
  train.train_on_valid = true;
}

}  // namespace

Options preset_options(std::string_view preset, std::string_view data_name) {
  Options options;
  set_option(options, "preset", preset);
  if (!data_name.empty()) options.run.data_name = data_name;
  if (options.preset == "paper") apply_paper(options);
  return options;
}

}  // namespace gcmc
