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
#include "gcmc/options/split_names.hpp"

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
  bool searchable = false;  ///< a search may choose it
  std::string_view alias = {};
  OptionRange range = {};                         ///< of numbers
  std::span<const std::string_view> values = {};  ///< of text: what it may be; empty: anything
  std::string_view zero = {};                     ///< of a number whose range begins above 0: the word for 0
  std::string_view unit = {};                     ///< that may stand behind a number
  bool inverted = false;                          ///< the name says the opposite of its field
  bool changes_results = true;
  bool is_path = false, are_paths = false;  ///< of a file or a folder; of several, parted by commas

  /// The same row with another spelling, a range, a list of values, ...
  constexpr OptionRow also(std::string_view spelling) const { return with(&OptionRow::alias, spelling); }
  constexpr OptionRow in(const OptionRange& numbers) const { return with(&OptionRow::range, numbers); }
  constexpr OptionRow one_of(std::span<const std::string_view> texts) const { return with(&OptionRow::values, texts); }
  constexpr OptionRow zero_is(std::string_view word) const { return with(&OptionRow::zero, word); }
  constexpr OptionRow unit_is(std::string_view text) const { return with(&OptionRow::unit, text); }
  constexpr OptionRow inverse() const { return with(&OptionRow::inverted, true); }
  constexpr OptionRow fixed() const { return with(&OptionRow::searchable, false); }
  constexpr OptionRow harmless() const { return with(&OptionRow::changes_results, false); }
  constexpr OptionRow path() const { return with(&OptionRow::is_path, true); }
  constexpr OptionRow paths() const { return with(&OptionRow::are_paths, true); }

 private:
  template <class Field>
  constexpr OptionRow with(Field OptionRow::*field, const Field& value) const {
    OptionRow row = *this;
    row.*field = value;
    return row;
  }
};

inline constexpr double largest_index = std::numeric_limits<Index>::max();
/// The commonest ranges.
namespace ranges {
inline constexpr OptionRange share{.high = 1, .open_high = true}, width{.low = 1, .high = 65536},
    from_zero{.high = largest_index}, from_one{.low = 1, .high = largest_index};
}
inline constexpr std::array<std::string_view, 5> preset_names = {"dgl", "paper", "best", "auto", "fast"};

/// Calls visit(row, field) for every option, in the order of help. Fields are bool, double, Index, int, Offset,
/// std::uint64_t, std::string, Device or one of the enums. O is Options or const Options.
template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, Options>
void for_each_option(O& o, Visit&& visit) {
  const auto data = [](auto name, auto help) { return OptionRow{name, "Data", help}; };
  const auto machine = [](auto name, auto help) { return OptionRow{name, "Machine", help}; };
  const auto model = [](auto name, auto help) { return OptionRow{name, "Model", help, true}; };
  const auto training = [](auto name, auto help) { return OptionRow{name, "Training", help, true}; };

  visit(data("preset",
             "option set to start from: dgl, paper, best (ml-100k and ml-1m), auto (looks at the ratings) or fast "
             "(seconds)")
            .one_of(preset_names),
        o.preset);
  visit(data("data_name",
             "ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m, ml-latest-small, synthetic-100k, -1m, -10m or -25m, or "
             "any folder name with a ratings.csv"),
        o.run.data_name);
  visit(data("split",
             "u1..u5, ua, ub (ml-100k's own), random, time (the last ratings are tested), time-per-user (each user's "
             "last) or leave-K-out (each user's last K); empty: u1 for ml-100k, else random")
            .one_of(split_names),
        o.run.split);
  visit(data("data_test_ratio", "share of ratings tested, where the split is random or by time").in(ranges::share),
        o.run.test_ratio);
  visit(data("data_valid_ratio", "share of the remaining ratings validated").in(ranges::share), o.run.valid_ratio);
  visit(data("data_test_seed", "seeds a random test part alone; negative: as seed").in({.low = -1, .high = 0x1p53}),
        o.run.test_seed);
  visit(data("folds",
             "so many trainings, each tested on another part of the ratings (ml-100k: 5 are its u1 to u5); figures are "
             "kept, no model; 0: one training")
            .in({.high = 1000}),
        o.run.folds);
  visit(data("fold", "of the folds, this one alone, from 1, whose model is kept; 0: all").in({.high = 1000}),
        o.run.fold);
  visit(machine("device", "-1 or cpu, the number of a CUDA device, or auto (device 0, or else the CPU)"), o.run.device);
  visit(machine("threads", "CPU threads; 0: all cores. Results do not depend on it").in({.high = 1024}).harmless(),
        o.run.threads);
  visit(machine("precision", "float, double, or bf16-tables: float, but messages are stored as bfloat16 (CPU alone)"),
        o.model.precision);
  visit(machine("seed", "seeds the split, the initial weights and dropout"), o.train.seed);
  visit(model("model_activation", "leaky, relu, tanh, sigmoid, softsign or linear"), o.model.activation);
  visit(model("gcn_dropout", "probability that a node's message is dropped").also("model_dropout").in(ranges::share),
        o.model.node_dropout);
  visit(model("hidden_dropout", "dropout after the activation; negative: as gcn_dropout")
            .in({.low = -1, .high = 1, .open_high = true}),
        o.model.hidden_dropout);
  visit(model("gcn_dropout_all_levels", "drop a node's messages of all levels at once"),
        o.model.node_dropout_all_levels);
  visit(model("gcn_agg_norm_symm", "normalise by 1/sqrt(|N_i||N_j|); false: by 1/|N_i|"), o.model.normalization);
  visit(model("gcn_agg_units", "hidden width of the graph convolution").in(ranges::width), o.model.units);
  visit(model("gcn_agg_accum", "join the levels by stack or sum"), o.model.aggregation);
  visit(model("gcn_out_units", "width of the embeddings").in(ranges::width), o.model.output);
  visit(model("gen_r_num_basis_func", "basis matrices of the bilinear decoder").in({.low = 1, .high = 255}),
        o.model.bases);
  visit(model("share_param", "one dense layer for users and items"), o.model.share_dense);
  visit(model("dense_bias", "bias in the dense layer"), o.model.dense_bias);
  visit(model("use_one_hot_fea", "true: ids alone; false: the set's side features beside the ids").inverse(),
        o.model.features);
  visit(model("feature_units", "hidden width of the side features' layer").in(ranges::width), o.model.feature_units);
  visit(model("feature_dropout", "dropout on the side features' hidden layer").in(ranges::share),
        o.model.feature_dropout);
  visit(model("sparse_dropout", "dropout on the weights of categories and graphs; negative: as gcn_dropout")
            .in({.low = -1, .high = 1, .open_high = true}),
        o.model.sparse_dropout);
  visit(model("ordinal", "each level's weights are the sum of all lower levels' tables"), o.model.ordinal);
  visit(model("implicit", "one more encoder block over all of a node's ratings"), o.model.implicit);
  visit(model("initialization", "xavier (fan-out is a level's width) or glorot (fan-out is all units)"),
        o.model.initialization);
  visit(model("orthogonal_basis", "start the decoder's bases orthogonal, times 1.1"), o.model.orthogonal_basis);
  visit(model("label_smoothing", "share of a rating's weight in the loss that the levels next to it have")
            .in(ranges::share),
        o.model.label_smoothing);
  visit(training("seeds", "models trained, with seeds seed, seed + 1, ...; their predictions are averaged")
            .in({.low = 1, .high = 1000})
            .fixed(),
        o.train.seeds);
  visit(training("train_max_iter", "iterations at most").in(ranges::from_one).fixed(), o.train.max_iterations);
  visit(training("time_budget",
                 "seconds for reading and training, such as 10s, that choose train_max_iter, no more than it was; 0: "
                 "they do not")
            .in({.high = 1e9})
            .unit_is("s")
            .fixed(),
        o.train.time_budget);
  visit(training("train_valid_interval",
                 "iterations between two validations; auto: as few validations as cost a tenth of the training at most")
            .in(ranges::from_one)
            .zero_is("auto"),
        o.train.valid_interval);
  visit(training("train_start", "first weights: drawn; or factors: those that repeat a matrix factorization"),
        o.train.start);
  visit(training("train_optimizer", "adam or sgd"), o.train.optimizer);
  visit(training("train_grad_clip", "largest global gradient norm; 0: no clipping").in({.open_high = true}),
        o.train.gradient_clip);
  visit(training("train_weight_decay", "each step takes this share, times the learning rate, of every weight away")
            .in({.high = 1e6}),
        o.train.weight_decay);
  visit(training("train_lr", "learning rate").in({.high = 1000, .open_low = true}), o.train.learning_rate);
  visit(training("train_min_lr", "learning rate at which decay ends").in({.high = 1000}), o.train.min_learning_rate);
  visit(training("train_table_lr_factor", "the learning rate of the tables of ids is so many times that of the rest")
            .in({.high = 1e6, .open_low = true}),
        o.train.table_rate_factor);
  visit(training("train_warm_up", "iterations over which the learning rate rises to that of the schedule")
            .in(ranges::from_zero),
        o.train.warm_up);
  visit(training("train_lr_decay_factor", "factor of one decay").in({.high = 1, .open_low = true}),
        o.train.decay_factor);
  visit(training("train_decay_patience",
                 "validations without improvement before a decay; iterations where train_valid_interval is auto")
            .in(ranges::from_zero),
        o.train.decay_patience);
  visit(
      training("train_early_stopping_patience", "the same before the end, once at train_min_lr").in(ranges::from_zero),
      o.train.early_stopping_patience);
  visit(training("train_schedule", "plateau, cosine or constant learning rate"), o.train.schedule);
  visit(training("train_average_decay",
                 "decay of the weights' moving average, which is then what is validated and tested; 0: none")
            .in(ranges::share),
        o.train.average_decay);
  visit(training("train_selection", "weights that are tested and saved: best_valid or last"), o.train.selection);
  visit(training("train_on_valid", "train on the validation ratings too").fixed(), o.train.train_on_valid);
  visit(training("refit", "then train anew on train + validation, for the chosen number of steps at the same rates")
            .fixed(),
        o.train.refit);
  visit(training("refits", "trainings of the refit, each of other draws; the model answers with the mean of theirs")
            .in({.low = 1, .high = 1000})
            .fixed(),
        o.train.refits);
  visit(training("train_target_removal", "share of the edges that is predicted instead of passing messages, each step")
            .in(ranges::share),
        o.train.target_removal);
  visit(training("embedding_draws",
                 "the embeddings that are tested and saved are the mean over this many draws of dropout; 0: one pass "
                 "without it")
            .in({.high = 65536}),
        o.train.embedding_draws);
  visit(training("calibrate", "predictions go through the straight line that fits the validation ratings best"),
        o.train.calibrate);
}

}  // namespace gcmc
