// What can be chosen of a model, its training and its data: plain structs with defaults.
#pragma once

#include <cstdint>
#include <string>

#include "gcmc/backend/operations.hpp"

namespace gcmc {

enum class Aggregation { stack, sum };
enum class Initialization { xavier, glorot };
enum class OptimizerKind { adam, sgd };
enum class Schedule { plateau, cosine, constant };
enum class Selection { best_valid, last };
enum class Start { drawn, factors };
/// float, double, or float with messages stored as bfloat16.
enum class Precision { float32, float64, bf16_tables };

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
  double sparse_dropout = -1;                              ///< on weights of sparse features; negative: as node_dropout
  Initialization initialization = Initialization::xavier;  ///< fan-out of a level's table: its width, or all of H
  bool orthogonal_basis = false;                           ///< P_s orthogonal times 1.1 instead of uniform
  double label_smoothing = 0;  ///< share of a rating's weight in the loss that the levels next to it have
  Precision precision = Precision::float32;

  double effective_hidden_dropout() const { return hidden_dropout < 0 ? node_dropout : hidden_dropout; }
  double effective_sparse_dropout() const { return sparse_dropout < 0 ? node_dropout : sparse_dropout; }
  friend bool operator==(const ModelOptions&, const ModelOptions&) = default;
};

/// As a valid_interval: as seldom as keeps validations under a tenth of the steps' work (train/work.hpp).
inline constexpr Offset automatic_interval = 0;
/// Steps, at the least, by which a time budget knows what one takes.
inline constexpr Offset timed_steps = 5;

/// How it is trained. Defaults are DGL's.
struct TrainOptions {
  std::uint64_t seed = 123;
  Index seeds = 1;  ///< models trained, with seeds seed, seed + 1, ..., whose predictions are averaged
  Offset max_iterations = 2000;
  /// Wall seconds from the call of train() that choose max_iterations, to which it is then a bound; 0: they do not.
  double time_budget = 0;
  Offset valid_interval = 1;
  Start start = Start::drawn;  ///< the first weights: drawn, or those that repeat a matrix factorization
  OptimizerKind optimizer = OptimizerKind::adam;
  double gradient_clip = 1.0;  ///< global norm; 0: none
  double weight_decay = 0;     ///< each step takes so many times its rate of every weight away
  double learning_rate = 0.01;
  double min_learning_rate = 0.001;
  double table_rate_factor = 1;  ///< the rate of the tables of ids (deferred pieces) is so many times the rate
  Offset warm_up = 0;            ///< steps over which the rate rises in proportion to the schedule's
  double decay_factor = 0.5;
  /// Without improvement before the rate is lowered: validations, or steps where valid_interval is automatic.
  Offset decay_patience = 50;
  Offset early_stopping_patience = 100;  ///< ... and before training stops, once at min_learning_rate
  Schedule schedule = Schedule::plateau;
  double average_decay = 0;                     ///< weights' moving average: min(this, (1+t)/(10+t)); 0: none
  Selection selection = Selection::best_valid;  ///< which weights are tested and saved
  bool train_on_valid = false;                  ///< validation ratings are trained on too (paper's final runs)
  bool refit = false;  ///< then train anew on train + validation, for the chosen number of steps at the same rates
  Index refits = 1;    ///< so many times, of other draws: the model answers with the mean of the models of all
  double target_removal = 0;  ///< share of edges predicted, not passed on, each step; 0: DGL's form
  bool calibrate = false;     ///< predictions go through the straight line that fits the validation ratings best
  Index embedding_draws = 0;  ///< tested and saved embeddings are the mean over so many draws of dropout; 0: without it

  Index members() const { return refit ? refits : 1; }  ///< of the model that training leaves
  friend bool operator==(const TrainOptions&, const TrainOptions&) = default;
};

/// What computes: the CPU, the CUDA device of a number, or the first CUDA device and else the CPU.
struct Device {
  enum class Kind { cpu, cuda, automatic };
  Kind kind = Kind::cpu;
  int number = 0;  ///< of a CUDA device
  friend bool operator==(const Device&, const Device&) = default;
};

/// Which ratings, how they are split, and what computes.
struct RunOptions {
  std::string data_name = "ml-100k";
  std::string split;  ///< as split_names.hpp has it; empty: the set's custom
  double test_ratio = 0.1;
  double valid_ratio = 0.1;
  Offset test_seed = -1;  ///< of a random test part; negative: as seed
  Index folds = 0;        ///< the test part is one of so many disjoint ones, which are all ratings; 0: it is drawn
  Index fold = 0;         ///< which, from 1; 0: one after the other (train_folds)
  Device device;
  int threads = 0;  ///< 0: all cores
  friend bool operator==(const RunOptions&, const RunOptions&) = default;
};

/// All that a run depends on, beside the ratings.
struct Options {
  std::string preset = "dgl";
  ModelOptions model;
  TrainOptions train;
  RunOptions run;

  std::uint64_t test_seed() const { return run.test_seed < 0 ? train.seed : static_cast<std::uint64_t>(run.test_seed); }
  friend bool operator==(const Options&, const Options&) = default;
};

}  // namespace gcmc
