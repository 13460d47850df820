// Every option of the model, the trainer and the program, with its default, its name and its one line of help.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/views.hpp"

namespace gcmc {

enum class Aggregation { stack, sum };
enum class Normalization { symmetric, left };
enum class Activation { leaky_relu, relu, tanh, sigmoid, softsign, linear };
enum class Initialization { xavier, glorot };
enum class OptimizerKind { adam, sgd };
enum class Schedule { plateau, cosine, constant };
enum class Selection { best_valid, last };

/// What the model computes (van den Berg, Kipf, Welling 2017). Defaults are DGL's.
struct ModelOptions {
  Aggregation aggregation = Aggregation::sum;              ///< how the levels' messages are joined
  Normalization normalization = Normalization::symmetric;  ///< 1/sqrt(|N_i||N_j|) or 1/|N_i|
  Activation activation = Activation::leaky_relu;          ///< after aggregation and in the feature layer
  Index units = 500;                                       ///< hidden width H
  Index output = 75;                                       ///< embedding width D
  Index bases = 2;                                         ///< bilinear basis matrices B
  double node_dropout = 0.7;                               ///< probability that a source's message is dropped
  double hidden_dropout = -1;                              ///< after the activation; negative: as node_dropout
  bool node_dropout_all_levels = false;                    ///< drop a node's messages of all levels at once
  bool dense_bias = true;
  bool share_dense = false;  ///< one dense layer for users and items
  bool ordinal = false;      ///< W_r = sum over s <= r of T_s
  bool implicit = false;     ///< one more encoder block over all of a node's ratings
  bool features = true;      ///< side features beside the ids, where the data has them
  Index feature_units = 10;
  double feature_dropout = 0.0;
  Initialization initialization = Initialization::xavier;  ///< fan-out of a level's table: its width, or all of H
  bool orthogonal_basis = false;                           ///< P_s orthogonal times 1.1 instead of uniform
  double label_smoothing = 0;  ///< share of a rating's weight in the loss that the levels next to it have

  bool bf16_tables = false;  ///< messages are stored as bfloat16; no option of its own: the precision bf16-tables

  double effective_hidden_dropout() const { return hidden_dropout < 0 ? node_dropout : hidden_dropout; }
  friend bool operator==(const ModelOptions&, const ModelOptions&) = default;
};

/// How it is trained. Defaults are DGL's.
struct TrainOptions {
  std::uint64_t seed = 123;
  Index seeds = 1;  ///< models trained, with seeds seed, seed + 1, ..., whose predictions are averaged
  Offset max_iterations = 2000;
  Offset log_interval = 1;
  Offset valid_interval = 1;
  OptimizerKind optimizer = OptimizerKind::adam;
  double gradient_clip = 1.0;  ///< global norm; 0: none
  double learning_rate = 0.01;
  double min_learning_rate = 0.001;
  double decay_factor = 0.5;
  Offset decay_patience = 50;            ///< iterations without improvement before the rate is lowered
  Offset early_stopping_patience = 100;  ///< ... and before training stops, once at min_learning_rate
  Schedule schedule = Schedule::plateau;
  double average_decay = 0;                     ///< weights' moving average: min(this, (1+t)/(10+t)); 0: none
  Selection selection = Selection::best_valid;  ///< which weights are tested and saved
  bool train_on_valid = false;                  ///< validation ratings are trained on too (paper's final runs)
  bool refit = false;  ///< then train anew on train + validation, for the chosen number of steps at the same rates
  double target_removal = 0;  ///< share of edges predicted, not passed on, each step; 0: DGL's form
  bool calibrate = false;     ///< predictions go through the straight line that fits the validation ratings best
  Index embedding_draws = 0;  ///< tested and saved embeddings are the mean over so many draws of dropout; 0: without it
  friend bool operator==(const TrainOptions&, const TrainOptions&) = default;
};

/// Where the data is, what is written, how it runs.
struct RunOptions {
  std::string data_name = "ml-100k";
  std::string data_dir;  ///< empty: GCMC_DATA_DIR, else downloaded
  std::string split;     ///< u1..u5, ua, ub (ml-100k), random; empty: the set's custom
  double test_ratio = 0.1;
  double valid_ratio = 0.1;
  Offset test_seed = -1;  ///< of a random test part; negative: as seed
  std::string save_dir;   ///< empty: nothing is written
  std::string save_id;
  bool silent = false;
  std::string device = "-1";        ///< -1 or cpu, auto, or the number of a CUDA device
  int threads = 0;                  ///< 0: all cores
  std::string precision = "float";  ///< float, double or bf16-tables
  friend bool operator==(const RunOptions&, const RunOptions&) = default;
};

struct Options {
  std::string preset = "dgl";
  ModelOptions model;
  TrainOptions train;
  RunOptions run;

  std::uint64_t test_seed() const { return run.test_seed < 0 ? train.seed : static_cast<std::uint64_t>(run.test_seed); }
  friend bool operator==(const Options&, const Options&) = default;
};

/// Calls visit(name, group, help, field) for every option, in the order of --help. Names are DGL's where DGL has
/// one. Fields are bool, double, Index, int, Offset, std::uint64_t, std::string or one of the enums above.
template <class O, class Visit>
void for_each_option(O& o, Visit&& visit) {
  visit("preset", "Data and files",
        "option set to start from: dgl, paper, best (ml-100k and ml-1m), or auto (looks at the ratings)", o.preset);
  visit("data_name", "Data and files",
        "ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m, ml-latest-small, synthetic-100k, -1m, -10m or -25m, or any "
        "folder name with a ratings.csv",
        o.run.data_name);
  visit("data_dir", "Data and files",
        "folder that holds the data set or its folder; empty: $GCMC_DATA_DIR, else download", o.run.data_dir);
  visit("split", "Data and files", "u1..u5, ua, ub (ml-100k's own) or random; empty: u1 for ml-100k, else random",
        o.run.split);
  visit("data_test_ratio", "Data and files", "share of ratings tested, where the split is random", o.run.test_ratio);
  visit("data_valid_ratio", "Data and files", "share of the remaining ratings validated", o.run.valid_ratio);
  visit("data_test_seed", "Data and files", "seeds a random test part alone; negative: as seed", o.run.test_seed);
  visit("save_dir", "Data and files",
        "folder for config.json, history.csv, metrics.json, curve.svg and model/; empty: write nothing",
        o.run.save_dir);
  visit("save_id", "Data and files", "names a sub-folder of save_dir, so that runs lie side by side", o.run.save_id);
  visit("silent", "Data and files", "print the last line alone", o.run.silent);
  visit("device", "Machine", "-1 or cpu, the number of a CUDA device, or auto (device 0, or else the CPU)",
        o.run.device);
  visit("threads", "Machine", "CPU threads; 0: all cores. Results do not depend on it", o.run.threads);
  visit("precision", "Machine", "float, double, or bf16-tables: float, but messages are stored as bfloat16 (CPU alone)",
        o.run.precision);
  visit("seed", "Machine", "seeds the split, the initial weights and dropout", o.train.seed);
  visit("model_activation", "Model", "leaky, relu, tanh, sigmoid, softsign or linear", o.model.activation);
  visit("gcn_dropout", "Model", "probability that a node's message is dropped", o.model.node_dropout);
  visit("hidden_dropout", "Model", "dropout after the activation; negative: as gcn_dropout", o.model.hidden_dropout);
  visit("gcn_dropout_all_levels", "Model", "drop a node's messages of all levels at once",
        o.model.node_dropout_all_levels);
  visit("gcn_agg_norm_symm", "Model", "normalise by 1/sqrt(|N_i||N_j|); false: by 1/|N_i|", o.model.normalization);
  visit("gcn_agg_units", "Model", "hidden width of the graph convolution", o.model.units);
  visit("gcn_agg_accum", "Model", "join the levels by stack or sum", o.model.aggregation);
  visit("gcn_out_units", "Model", "width of the embeddings", o.model.output);
  visit("gen_r_num_basis_func", "Model", "basis matrices of the bilinear decoder", o.model.bases);
  visit("share_param", "Model", "one dense layer for users and items", o.model.share_dense);
  visit("dense_bias", "Model", "bias in the dense layer", o.model.dense_bias);
  visit("use_one_hot_fea", "Model", "true: ids alone; false: the set's side features beside the ids", o.model.features);
  visit("feature_units", "Model", "hidden width of the side features' layer", o.model.feature_units);
  visit("feature_dropout", "Model", "dropout on the side features' hidden layer", o.model.feature_dropout);
  visit("ordinal", "Model", "each level's weights are the sum of all lower levels' tables", o.model.ordinal);
  visit("implicit", "Model", "one more encoder block over all of a node's ratings", o.model.implicit);
  visit("initialization", "Model", "xavier (fan-out is a level's width) or glorot (fan-out is all units)",
        o.model.initialization);
  visit("orthogonal_basis", "Model", "start the decoder's bases orthogonal, times 1.1", o.model.orthogonal_basis);
  visit("label_smoothing", "Model", "share of a rating's weight in the loss that the levels next to it have",
        o.model.label_smoothing);
  visit("seeds", "Training", "models trained, with seeds seed, seed + 1, ...; their predictions are averaged",
        o.train.seeds);
  visit("train_max_iter", "Training", "iterations at most", o.train.max_iterations);
  visit("train_log_interval", "Training", "iterations between two printed lines", o.train.log_interval);
  visit("train_valid_interval", "Training", "iterations between two validations", o.train.valid_interval);
  visit("train_optimizer", "Training", "adam or sgd", o.train.optimizer);
  visit("train_grad_clip", "Training", "largest global gradient norm; 0: no clipping", o.train.gradient_clip);
  visit("train_lr", "Training", "learning rate", o.train.learning_rate);
  visit("train_min_lr", "Training", "learning rate at which decay ends", o.train.min_learning_rate);
  visit("train_lr_decay_factor", "Training", "factor of one decay", o.train.decay_factor);
  visit("train_decay_patience", "Training", "validations without improvement before a decay", o.train.decay_patience);
  visit("train_early_stopping_patience", "Training",
        "validations without improvement before the end, once at train_min_lr", o.train.early_stopping_patience);
  visit("train_schedule", "Training", "plateau, cosine or constant learning rate", o.train.schedule);
  visit("train_average_decay", "Training",
        "decay of the weights' moving average, which is then what is validated and tested; 0: none",
        o.train.average_decay);
  visit("train_selection", "Training", "weights that are tested and saved: best_valid or last", o.train.selection);
  visit("train_on_valid", "Training", "train on the validation ratings too", o.train.train_on_valid);
  visit("refit", "Training", "then train anew on train + validation, for the chosen number of steps at the same rates",
        o.train.refit);
  visit("train_target_removal", "Training",
        "share of the edges that is predicted instead of passing messages, each step", o.train.target_removal);
  visit("embedding_draws", "Training",
        "the embeddings that are tested and saved are the mean over this many draws of dropout; 0: one pass without it",
        o.train.embedding_draws);
  visit("calibrate", "Training", "predictions go through the straight line that fits the validation ratings best",
        o.train.calibrate);
}

/// The options named `preset` ("dgl", "paper", "best"), with what its authors ran on `data_name` where they said so.
/// Throws Error on another name, and on "auto", which auto_options (auto_preset.hpp) gives.
Options preset_options(std::string_view preset, std::string_view data_name);

/// Sets one option from text. `name` may use - or _ and DGL's other spellings (model_dropout). Booleans take
/// true/false/1/0/yes/no in any case. Throws Error on an unknown name (with the nearest known one) or a value out
/// of range (with the range).
void set_option(Options& options, std::string_view name, std::string_view value);

/// The value as text that set_option reads back to the same value.
std::string option_text(const Options& options, std::string_view name);

/// All names, in order.
std::vector<std::string> option_names();

/// The one of `names` nearest to `name` by edit distance; the first of equals. Needs at least one.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);
/// The known name nearest to `name`.
std::string nearest_option(std::string_view name);

/// Throws Error if options contradict each other or a number is out of its range.
void validate(const Options& options);

}  // namespace gcmc
