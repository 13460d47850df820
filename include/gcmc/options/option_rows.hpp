// The list of options: a row each, with all that is known of it. What reads options by name, prints help, checks ranges
// or searches goes through this list.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "gcmc/options/options.hpp"

namespace gcmc {

/// The numbers that an option takes: [low, high] less the ends that are open.
struct OptionRange {
  double low = 0, high = std::numeric_limits<double>::infinity();
  bool open_low = false, open_high = false;

  constexpr bool contains(double value) const {
    return (open_low ? value > low : value >= low) && (open_high ? value < high : value <= high);
  }
};

/// What is known of an option, beside its field.
struct OptionRow {
  std::string_view name;  ///< DGL's where DGL has one
  std::string_view group, help;
  std::string_view alias = {};                    ///< another spelling
  OptionRange range = {};                         ///< of numbers
  std::span<const std::string_view> values = {};  ///< of text: what it may be; empty: anything
  bool searchable = false;                        ///< a search may choose it
  bool changes_results = true;
  bool inverted = false;  ///< the name says the opposite of its field
};

inline constexpr double largest_index = std::numeric_limits<Index>::max();
/// The commonest ranges.
namespace ranges {
inline constexpr OptionRange share{.high = 1, .open_high = true}, width{.low = 1, .high = 65536},
    from_zero{.high = largest_index}, from_one{.low = 1, .high = largest_index};
}
inline constexpr std::array<std::string_view, 4> preset_names = {"dgl", "paper", "best", "auto"};
inline constexpr std::array<std::string_view, 9> split_names = {"", "u1", "u2", "u3", "u4", "u5", "ua", "ub", "random"};

/// Calls visit(row, field) for every option, in the order of help. Fields are bool, double, Index, int, Offset,
/// std::uint64_t, std::string, Device or one of the enums. O is Options or const Options.
template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, Options>
void for_each_option(O& o, Visit&& visit) {
  visit(OptionRow{.name = "preset",
                  .group = "Data",
                  .help =
                      "option set to start from: dgl, paper, best (ml-100k and ml-1m), or auto (looks at the ratings)",
                  .values = preset_names},
        o.preset);
  visit(OptionRow{.name = "data_name",
                  .group = "Data",
                  .help = "ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m, ml-latest-small, synthetic-100k, -1m, -10m "
                          "or -25m, or any folder name with a ratings.csv"},
        o.run.data_name);
  visit(OptionRow{.name = "split",
                  .group = "Data",
                  .help = "u1..u5, ua, ub (ml-100k's own) or random; empty: u1 for ml-100k, else random",
                  .values = split_names},
        o.run.split);
  visit(OptionRow{.name = "data_test_ratio",
                  .group = "Data",
                  .help = "share of ratings tested, where the split is random",
                  .range = ranges::share},
        o.run.test_ratio);
  visit(OptionRow{.name = "data_valid_ratio",
                  .group = "Data",
                  .help = "share of the remaining ratings validated",
                  .range = ranges::share},
        o.run.valid_ratio);
  visit(OptionRow{.name = "data_test_seed",
                  .group = "Data",
                  .help = "seeds a random test part alone; negative: as seed",
                  .range = {.low = -1, .high = 0x1p53}},
        o.run.test_seed);
  visit(OptionRow{.name = "device",
                  .group = "Machine",
                  .help = "-1 or cpu, the number of a CUDA device, or auto (device 0, or else the CPU)"},
        o.run.device);
  visit(OptionRow{.name = "threads",
                  .group = "Machine",
                  .help = "CPU threads; 0: all cores. Results do not depend on it",
                  .range = {.high = 1024},
                  .changes_results = false},
        o.run.threads);
  visit(OptionRow{.name = "precision",
                  .group = "Machine",
                  .help = "float, double, or bf16-tables: float, but messages are stored as bfloat16 (CPU alone)"},
        o.model.precision);
  visit(OptionRow{.name = "seed", .group = "Machine", .help = "seeds the split, the initial weights and dropout"},
        o.train.seed);
  visit(OptionRow{.name = "model_activation",
                  .group = "Model",
                  .help = "leaky, relu, tanh, sigmoid, softsign or linear",
                  .searchable = true},
        o.model.activation);
  visit(OptionRow{.name = "gcn_dropout",
                  .group = "Model",
                  .help = "probability that a node's message is dropped",
                  .alias = "model_dropout",
                  .range = ranges::share,
                  .searchable = true},
        o.model.node_dropout);
  visit(OptionRow{.name = "hidden_dropout",
                  .group = "Model",
                  .help = "dropout after the activation; negative: as gcn_dropout",
                  .range = {.low = -1, .high = 1, .open_high = true},
                  .searchable = true},
        o.model.hidden_dropout);
  visit(OptionRow{.name = "gcn_dropout_all_levels",
                  .group = "Model",
                  .help = "drop a node's messages of all levels at once",
                  .searchable = true},
        o.model.node_dropout_all_levels);
  visit(OptionRow{.name = "gcn_agg_norm_symm",
                  .group = "Model",
                  .help = "normalise by 1/sqrt(|N_i||N_j|); false: by 1/|N_i|",
                  .searchable = true},
        o.model.normalization);
  visit(OptionRow{.name = "gcn_agg_units",
                  .group = "Model",
                  .help = "hidden width of the graph convolution",
                  .range = ranges::width,
                  .searchable = true},
        o.model.units);
  visit(
      OptionRow{
          .name = "gcn_agg_accum", .group = "Model", .help = "join the levels by stack or sum", .searchable = true},
      o.model.aggregation);
  visit(OptionRow{.name = "gcn_out_units",
                  .group = "Model",
                  .help = "width of the embeddings",
                  .range = ranges::width,
                  .searchable = true},
        o.model.output);
  visit(OptionRow{.name = "gen_r_num_basis_func",
                  .group = "Model",
                  .help = "basis matrices of the bilinear decoder",
                  .range = {.low = 1, .high = 255},
                  .searchable = true},
        o.model.bases);
  visit(
      OptionRow{
          .name = "share_param", .group = "Model", .help = "one dense layer for users and items", .searchable = true},
      o.model.share_dense);
  visit(OptionRow{.name = "dense_bias", .group = "Model", .help = "bias in the dense layer", .searchable = true},
        o.model.dense_bias);
  visit(OptionRow{.name = "use_one_hot_fea",
                  .group = "Model",
                  .help = "true: ids alone; false: the set's side features beside the ids",
                  .searchable = true,
                  .inverted = true},
        o.model.features);
  visit(OptionRow{.name = "feature_units",
                  .group = "Model",
                  .help = "hidden width of the side features' layer",
                  .range = ranges::width,
                  .searchable = true},
        o.model.feature_units);
  visit(OptionRow{.name = "feature_dropout",
                  .group = "Model",
                  .help = "dropout on the side features' hidden layer",
                  .range = ranges::share,
                  .searchable = true},
        o.model.feature_dropout);
  visit(OptionRow{.name = "ordinal",
                  .group = "Model",
                  .help = "each level's weights are the sum of all lower levels' tables",
                  .searchable = true},
        o.model.ordinal);
  visit(OptionRow{.name = "implicit",
                  .group = "Model",
                  .help = "one more encoder block over all of a node's ratings",
                  .searchable = true},
        o.model.implicit);
  visit(OptionRow{.name = "initialization",
                  .group = "Model",
                  .help = "xavier (fan-out is a level's width) or glorot (fan-out is all units)",
                  .searchable = true},
        o.model.initialization);
  visit(OptionRow{.name = "orthogonal_basis",
                  .group = "Model",
                  .help = "start the decoder's bases orthogonal, times 1.1",
                  .searchable = true},
        o.model.orthogonal_basis);
  visit(OptionRow{.name = "label_smoothing",
                  .group = "Model",
                  .help = "share of a rating's weight in the loss that the levels next to it have",
                  .range = ranges::share,
                  .searchable = true},
        o.model.label_smoothing);
  visit(OptionRow{.name = "seeds",
                  .group = "Training",
                  .help = "models trained, with seeds seed, seed + 1, ...; their predictions are averaged",
                  .range = {.low = 1, .high = 1000}},
        o.train.seeds);
  visit(
      OptionRow{.name = "train_max_iter", .group = "Training", .help = "iterations at most", .range = ranges::from_one},
      o.train.max_iterations);
  visit(OptionRow{.name = "train_valid_interval",
                  .group = "Training",
                  .help = "iterations between two validations",
                  .range = ranges::from_one,
                  .searchable = true},
        o.train.valid_interval);
  visit(OptionRow{.name = "train_optimizer", .group = "Training", .help = "adam or sgd", .searchable = true},
        o.train.optimizer);
  visit(OptionRow{.name = "train_grad_clip",
                  .group = "Training",
                  .help = "largest global gradient norm; 0: no clipping",
                  .range = {.open_high = true},
                  .searchable = true},
        o.train.gradient_clip);
  visit(OptionRow{.name = "train_lr",
                  .group = "Training",
                  .help = "learning rate",
                  .range = {.high = 1000, .open_low = true},
                  .searchable = true},
        o.train.learning_rate);
  visit(OptionRow{.name = "train_min_lr",
                  .group = "Training",
                  .help = "learning rate at which decay ends",
                  .range = {.high = 1000},
                  .searchable = true},
        o.train.min_learning_rate);
  visit(OptionRow{.name = "train_lr_decay_factor",
                  .group = "Training",
                  .help = "factor of one decay",
                  .range = {.high = 1, .open_low = true},
                  .searchable = true},
        o.train.decay_factor);
  visit(OptionRow{.name = "train_decay_patience",
                  .group = "Training",
                  .help = "validations without improvement before a decay",
                  .range = ranges::from_zero,
                  .searchable = true},
        o.train.decay_patience);
  visit(OptionRow{.name = "train_early_stopping_patience",
                  .group = "Training",
                  .help = "validations without improvement before the end, once at train_min_lr",
                  .range = ranges::from_zero,
                  .searchable = true},
        o.train.early_stopping_patience);
  visit(OptionRow{.name = "train_schedule",
                  .group = "Training",
                  .help = "plateau, cosine or constant learning rate",
                  .searchable = true},
        o.train.schedule);
  visit(OptionRow{.name = "train_average_decay",
                  .group = "Training",
                  .help = "decay of the weights' moving average, which is then what is validated and tested; 0: none",
                  .range = ranges::share,
                  .searchable = true},
        o.train.average_decay);
  visit(OptionRow{.name = "train_selection",
                  .group = "Training",
                  .help = "weights that are tested and saved: best_valid or last",
                  .searchable = true},
        o.train.selection);
  visit(OptionRow{.name = "train_on_valid", .group = "Training", .help = "train on the validation ratings too"},
        o.train.train_on_valid);
  visit(OptionRow{.name = "refit",
                  .group = "Training",
                  .help = "then train anew on train + validation, for the chosen number of steps at the same rates"},
        o.train.refit);
  visit(OptionRow{.name = "train_target_removal",
                  .group = "Training",
                  .help = "share of the edges that is predicted instead of passing messages, each step",
                  .range = ranges::share,
                  .searchable = true},
        o.train.target_removal);
  visit(OptionRow{.name = "embedding_draws",
                  .group = "Training",
                  .help = "the embeddings that are tested and saved are the mean over this many draws of dropout; 0: "
                          "one pass without it",
                  .range = {.high = 65536},
                  .searchable = true},
        o.train.embedding_draws);
  visit(OptionRow{.name = "calibrate",
                  .group = "Training",
                  .help = "predictions go through the straight line that fits the validation ratings best",
                  .searchable = true},
        o.train.calibrate);
}

}  // namespace gcmc
