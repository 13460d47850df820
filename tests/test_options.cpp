// Options by name: every one reads back what it writes, refuses what lies outside its range, and presets differ as
// their authors' codes do.
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/options/presets.hpp"

using namespace gcmc;

namespace {

std::string error_of(std::string_view name, std::string_view value) {
  Options options;
  try {
    set_option(options, name, value);
  } catch (const Error& error) {
    CHECK(options == Options{});
    return error.what();
  }
  return "";
}

std::string validation_error(const Options& options) {
  try {
    validate(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Options that differ from the default in every field.
Options all_different() {
  Options o;
  o.preset = "paper";
  o.model = {.aggregation = Aggregation::stack,
             .normalization = Normalization::left,
             .activation = Activation::softsign,
             .units = 30,
             .output = 7,
             .bases = 3,
             .node_dropout = 0.1 + 0.2,
             .hidden_dropout = 0.25,
             .node_dropout_all_levels = true,
             .dense_bias = false,
             .share_dense = true,
             .ordinal = true,
             .implicit = true,
             .features = false,
             .feature_units = 11,
             .feature_dropout = 1e-7,
             .sparse_dropout = 0.125,
             .initialization = Initialization::glorot,
             .orthogonal_basis = true,
             .label_smoothing = 0.25,
             .precision = Precision::float64};
  o.train = {.seed = std::numeric_limits<std::uint64_t>::max(),
             .seeds = 4,
             .max_iterations = 17,
             .time_budget = 2.5,
             .valid_interval = 3,
             .start = Start::factors,
             .optimizer = OptimizerKind::sgd,
             .gradient_clip = 0,
             .weight_decay = 0.25,
             .learning_rate = 1.0 / 3,
             .min_learning_rate = 1e-300,
             .table_rate_factor = 7,
             .warm_up = 8,
             .decay_factor = 0.9,
             .decay_patience = 5,
             .early_stopping_patience = 6,
             .schedule = Schedule::cosine,
             .average_decay = 0.999,
             .selection = Selection::last,
             .train_on_valid = true,
             .refit = true,
             .refits = 6,
             .target_removal = 0.125,
             .calibrate = true,
             .embedding_draws = 9};
  o.run = {.data_name = "my set",
           .split = "ua",
           .test_ratio = 0.3,
           .valid_ratio = 0,
           .test_seed = 5,
           .folds = 4,
           .fold = 3,
           .device = {Device::Kind::cuda, 2},
           .threads = 3};
  return o;
}

}  // namespace

TEST_CASE("each option sets the field that it is named for, and no other", "[options]") {
  using Check = bool (*)(const Options&);
  const std::vector<std::tuple<std::string, std::string, Check>> options = {
      {"preset", "paper", [](const Options& o) { return o.preset == "paper"; }},
      {"data_name", "mine", [](const Options& o) { return o.run.data_name == "mine"; }},
      {"split", "time", [](const Options& o) { return o.run.split == "time"; }},
      {"data_test_ratio", "0.15", [](const Options& o) { return o.run.test_ratio == 0.15; }},
      {"data_valid_ratio", "0.25", [](const Options& o) { return o.run.valid_ratio == 0.25; }},
      {"data_test_seed", "11", [](const Options& o) { return o.run.test_seed == 11; }},
      {"folds", "7", [](const Options& o) { return o.run.folds == 7; }},
      {"fold", "3", [](const Options& o) { return o.run.fold == 3; }},
      {"device", "2", [](const Options& o) { return o.run.device.kind == Device::Kind::cuda; }},
      {"threads", "3", [](const Options& o) { return o.run.threads == 3; }},
      {"precision", "double", [](const Options& o) { return o.model.precision == Precision::float64; }},
      {"seed", "13", [](const Options& o) { return o.train.seed == 13; }},
      {"model_activation", "tanh", [](const Options& o) { return o.model.activation == Activation::tanh; }},
      {"gcn_dropout", "0.31", [](const Options& o) { return o.model.node_dropout == 0.31; }},
      {"hidden_dropout", "0.32", [](const Options& o) { return o.model.hidden_dropout == 0.32; }},
      {"gcn_dropout_all_levels", "true", [](const Options& o) { return o.model.node_dropout_all_levels; }},
      {"gcn_agg_norm_symm", "false", [](const Options& o) { return o.model.normalization == Normalization::left; }},
      {"gcn_agg_units", "120", [](const Options& o) { return o.model.units == 120; }},
      {"gcn_agg_accum", "stack", [](const Options& o) { return o.model.aggregation == Aggregation::stack; }},
      {"gcn_out_units", "40", [](const Options& o) { return o.model.output == 40; }},
      {"gen_r_num_basis_func", "4", [](const Options& o) { return o.model.bases == 4; }},
      {"share_param", "true", [](const Options& o) { return o.model.share_dense; }},
      {"dense_bias", "false", [](const Options& o) { return !o.model.dense_bias; }},
      {"use_one_hot_fea", "true", [](const Options& o) { return !o.model.features; }},
      {"feature_units", "12", [](const Options& o) { return o.model.feature_units == 12; }},
      {"feature_dropout", "0.33", [](const Options& o) { return o.model.feature_dropout == 0.33; }},
      {"sparse_dropout", "0.34", [](const Options& o) { return o.model.sparse_dropout == 0.34; }},
      {"ordinal", "true", [](const Options& o) { return o.model.ordinal; }},
      {"implicit", "true", [](const Options& o) { return o.model.implicit; }},
      {"initialization", "glorot", [](const Options& o) { return o.model.initialization == Initialization::glorot; }},
      {"orthogonal_basis", "true", [](const Options& o) { return o.model.orthogonal_basis; }},
      {"label_smoothing", "0.35", [](const Options& o) { return o.model.label_smoothing == 0.35; }},
      {"seeds", "5", [](const Options& o) { return o.train.seeds == 5; }},
      {"train_max_iter", "17", [](const Options& o) { return o.train.max_iterations == 17; }},
      {"time_budget", "19", [](const Options& o) { return o.train.time_budget == 19; }},
      {"train_valid_interval", "23", [](const Options& o) { return o.train.valid_interval == 23; }},
      {"train_start", "factors", [](const Options& o) { return o.train.start == Start::factors; }},
      {"train_optimizer", "sgd", [](const Options& o) { return o.train.optimizer == OptimizerKind::sgd; }},
      {"train_grad_clip", "1.5", [](const Options& o) { return o.train.gradient_clip == 1.5; }},
      {"train_weight_decay", "0.36", [](const Options& o) { return o.train.weight_decay == 0.36; }},
      {"train_lr", "0.05", [](const Options& o) { return o.train.learning_rate == 0.05; }},
      {"train_min_lr", "0.004", [](const Options& o) { return o.train.min_learning_rate == 0.004; }},
      {"train_table_lr_factor", "2.5", [](const Options& o) { return o.train.table_rate_factor == 2.5; }},
      {"train_warm_up", "29", [](const Options& o) { return o.train.warm_up == 29; }},
      {"train_lr_decay_factor", "0.37", [](const Options& o) { return o.train.decay_factor == 0.37; }},
      {"train_decay_patience", "31", [](const Options& o) { return o.train.decay_patience == 31; }},
      {"train_early_stopping_patience", "37", [](const Options& o) { return o.train.early_stopping_patience == 37; }},
      {"train_schedule", "cosine", [](const Options& o) { return o.train.schedule == Schedule::cosine; }},
      {"train_average_decay", "0.38", [](const Options& o) { return o.train.average_decay == 0.38; }},
      {"train_selection", "last", [](const Options& o) { return o.train.selection == Selection::last; }},
      {"train_on_valid", "true", [](const Options& o) { return o.train.train_on_valid; }},
      {"refit", "true", [](const Options& o) { return o.train.refit; }},
      {"refits", "5", [](const Options& o) { return o.train.refits == 5; }},
      {"train_target_removal", "0.39", [](const Options& o) { return o.train.target_removal == 0.39; }},
      {"embedding_draws", "41", [](const Options& o) { return o.train.embedding_draws == 41; }},
      {"calibrate", "true", [](const Options& o) { return o.train.calibrate; }},
  };
  Options all;
  for (const auto& [name, text, holds] : options) {
    CAPTURE(name);
    CHECK_FALSE(holds(all));
    set_option(all, name, text);
    CHECK(holds(all));
  }
  for (const auto& [name, text, holds] : options) {
    CAPTURE(name);
    CHECK(holds(all));
  }
  CHECK(options.size() == option_names().size());
}

TEST_CASE("every option reads back the text it writes, with - or _ in its name", "[options]") {
  const Options different = all_different(), defaults;
  Options with_hyphens, with_underscores;
  for (const std::string& name : option_names()) {
    const std::string text = option_text(different, name);
    INFO(name << " = " << text);
    CHECK(text != option_text(defaults, name));
    std::string hyphens = name;
    for (char& c : hyphens)
      if (c == '_') c = '-';
    set_option(with_underscores, name, text);
    set_option(with_hyphens, hyphens, text);
    CHECK(option_text(with_hyphens, hyphens) == text);
  }
  CHECK(with_underscores == different);
  CHECK(with_hyphens == different);
}

TEST_CASE("a number that may be left to the library takes the word for it, and not the 0 that it stands for",
          "[options]") {
  Options o;
  set_option(o, "train_valid_interval", "Auto");
  CHECK(o.train.valid_interval == automatic_interval);
  CHECK(option_text(o, "train_valid_interval") == "auto");
  CHECK(validation_error(o).empty());
  const auto values = option_values(o);
  const auto written = std::find_if(values.begin(), values.end(),
                                    [](const OptionValue& value) { return value.name == "train_valid_interval"; });
  CHECK((written->value == "auto" && written->is_text));
  CHECK(contains(error_of("train_valid_interval", "0"), "is outside [1, 2147483647], or auto"));
  CHECK(contains(error_of("train_lr", "auto"), "is not a number in"));
  set_option(o, "time_budget", "2.5s");
  CHECK(o.train.time_budget == 2.5);
  CHECK(option_text(o, "time_budget") == "2.5");
  CHECK(contains(error_of("time_budget", "10m"), "is not a number in"));
}

TEST_CASE("DGL's spellings set the fields they name", "[options]") {
  Options o;
  set_option(o, "model_dropout", ".5");
  CHECK(o.model.node_dropout == 0.5);
  set_option(o, "use_one_hot_fea", "true");
  CHECK_FALSE(o.model.features);
  set_option(o, "use-one-hot-fea", "No");
  CHECK(o.model.features);
  CHECK(option_text(o, "use_one_hot_fea") == "false");
  set_option(o, "gcn_agg_norm_symm", "False");
  CHECK(o.model.normalization == Normalization::left);
  set_option(o, "gcn_agg_norm_symm", "symmetric");
  CHECK(o.model.normalization == Normalization::symmetric);
  CHECK(option_text(o, "gcn_agg_norm_symm") == "true");
  set_option(o, "model_activation", "leaky_relu");
  CHECK(option_text(o, "model_activation") == "leaky");
}

TEST_CASE("booleans take true, false, 1, 0, yes and no in any case", "[options]") {
  Options o;
  for (const char* yes : {"true", "True", "TRUE", "1", "yes", "YES"}) {
    o.train.refit = false;
    set_option(o, "refit", yes);
    CHECK(o.train.refit);
  }
  for (const char* no : {"false", "False", "0", "no", "No"}) {
    o.train.refit = true;
    set_option(o, "refit", no);
    CHECK_FALSE(o.train.refit);
  }
  CHECK(contains(error_of("refit", "maybe"), "'maybe' is not one of true, false"));
  CHECK_FALSE(error_of("refit", "").empty());
}

TEST_CASE("an unknown option is answered with the nearest known one", "[options]") {
  CHECK(nearest_option("train_max_itr") == "train_max_iter");
  CHECK(nearest_option("gcn-agg-acum") == "gcn_agg_accum");
  CHECK(nearest_option("SEDE") == "seed");
  CHECK(nearest_option("lr") == "train_lr");
  CHECK(nearest_option("units") == "gcn_agg_units");
  CHECK(nearest_option("model-dropot") == "model_dropout");
  CHECK(contains(error_of("train-max-itr", "3"), "unknown option 'train-max-itr': did you mean train_max_iter?"));
  CHECK_THROWS_AS(option_text(Options{}, "nothing"), Error);
}

TEST_CASE("a value outside the range is refused with the range, and nothing changes", "[options]") {
  struct Case {
    const char *name, *value, *message;
  };
  const Case cases[] = {
      {"gcn_dropout", "1", "option gcn_dropout: '1' is outside [0, 1)"},
      {"gcn_dropout", "-0.1", "[0, 1)"},
      {"hidden_dropout", "-2", "[-1, 1)"},
      {"gcn_agg_units", "0", "[1, 65536]"},
      {"gcn_agg_units", "99999999999", "[1, 65536]"},
      {"threads", "-1", "[0, 1024]"},
      {"train_max_iter", "0", "[1, 2147483647]"},
      {"train_lr", "0", "(0, 1000]"},
      {"train_lr", "1e999", "(0, 1000]"},
      {"train_lr_decay_factor", "1.5", "(0, 1]"},
      {"train_grad_clip", "inf", "[0, inf)"},
      {"seed", "18446744073709551616", "[0, 18446744073709551615]"},
      {"seed", "-1", "not a whole number"},
      {"gcn_out_units", "7.5", "not a whole number"},
      {"train_lr", "fast", "not a number"},
      {"train_lr", "", "not a number"},
      {"train_lr", "0.1 ", "not a number"},
      {"device", "gpu", "-1, cpu, auto"},
      {"device", "-2", "-1, cpu, auto"},
      {"split", "u6", "u1, u2"},
      {"precision", "half", "float, double, bf16-tables"},
      {"preset", "mine", "dgl, paper"},
      {"train_optimizer", "rmsprop", "adam, sgd"},
      {"data_name", "", "names no data set"},
  };
  for (const auto& [name, value, message] : cases) {
    INFO(name << " = " << value);
    CHECK(contains(error_of(name, value), message));
  }
}

TEST_CASE("no option takes a number that is not one", "[options]") {
  Options o;
  for_each_option(o, [](const OptionRow& row, auto& field) {
    if constexpr (std::is_arithmetic_v<std::remove_reference_t<decltype(field)>>) {
      INFO(row.name);
      CHECK_FALSE(error_of(row.name, "nan").empty());
      CHECK_FALSE(error_of(row.name, "inf").empty());
    }
  });
  o.train.learning_rate = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(validation_error(o), "train_lr"));
}

TEST_CASE("validate refuses fields set outside their range and options that contradict each other", "[options]") {
  CHECK(validation_error({}).empty());
  Options o;
  o.model.units = 0;
  CHECK(contains(validation_error(o), "option gcn_agg_units: '0' is outside [1, 65536]"));
  o = {};
  o.model.precision = Precision::bf16_tables;
  CHECK(validation_error(o).empty());
  o.run.device = {Device::Kind::automatic};
  CHECK(contains(validation_error(o), "set device cpu"));
  o = {};
  o.train.learning_rate = 1e-4;
  CHECK(contains(validation_error(o), "train_min_lr 0.001 exceeds train_lr 1e-04"));
  o.train.schedule = Schedule::constant;
  CHECK(validation_error(o).empty());
  o = {};
  o.train.weight_decay = 100;
  CHECK(validation_error(o).empty());
  o.train.table_rate_factor = 2;
  CHECK(contains(validation_error(o), "at the learning rate 0.02: lower it to 50 or less"));
  o = {};
  o.train.train_on_valid = true;
  CHECK(contains(validation_error(o), "train_on_valid"));
  o.train.selection = Selection::last;
  CHECK(contains(validation_error(o), "train_on_valid"));
  o.train.schedule = Schedule::cosine;
  CHECK(validation_error(o).empty());
  o = {};
  o.run.valid_ratio = 0;
  CHECK(contains(validation_error(o), "data_valid_ratio"));
}

TEST_CASE("the dgl preset is the defaults, the paper preset is what the paper ran", "[options]") {
  CHECK(preset_options("dgl", "ml-100k") == Options{});
  CHECK(preset_options("dgl", "").run.data_name == "ml-100k");
  CHECK_THROWS_AS(preset_options("mine", "ml-100k"), Error);

  const Options small = preset_options("paper", "ml-100k");
  CHECK(small.model.aggregation == Aggregation::stack);
  CHECK(small.model.normalization == Normalization::left);
  CHECK_FALSE(small.model.ordinal);
  CHECK(small.train.max_iterations == 1000);
  const Options large = preset_options("paper", "ml-1m");
  CHECK(large.model.aggregation == Aggregation::sum);
  CHECK(large.model.normalization == Normalization::symmetric);
  CHECK(large.model.ordinal);
  CHECK(large.train.max_iterations == 3500);
  CHECK(preset_options("paper", "other").model.aggregation == Aggregation::stack);
  for (const Options& o : {small, large, preset_options("paper", "other")}) {
    CHECK(o.preset == "paper");
    CHECK(o.model.activation == Activation::relu);
    CHECK_FALSE(o.model.dense_bias);
    CHECK(o.model.share_dense);
    CHECK(o.model.node_dropout_all_levels);
    CHECK(o.model.effective_hidden_dropout() == 0.7);
    CHECK_FALSE(o.model.features);
    CHECK(o.model.orthogonal_basis);
    CHECK(o.model.initialization == Initialization::glorot);
    CHECK(o.train.average_decay == 0.995);
    CHECK(o.train.gradient_clip == 0);
    CHECK(o.train.schedule == Schedule::constant);
    CHECK(o.train.selection == Selection::last);
    CHECK(o.train.train_on_valid);
    CHECK(validation_error(o).empty());
  }
}

TEST_CASE("the best preset is given for the sets that it was chosen on, and refused for others", "[options]") {
  for (const char* name : {"ml-100k", "ml-1m"}) {
    const Options o = preset_options("best", name);
    CHECK(o.model.aggregation == Aggregation::stack);
    CHECK(o.model.implicit);
    CHECK(o.model.features);
    CHECK(o.train.refit);
    CHECK(validation_error(o).empty());
  }
  CHECK(preset_options("best", "ml-100k").train.target_removal == 0.3);
  for (const char* set : {"ml-100k", "ml-1m"}) {
    const Options best = preset_options("best", set);
    CHECK(best.train.embedding_draws == (best.run.data_name == "ml-1m" ? 100 : 200));
    CHECK(best.train.calibrate);
    CHECK(best.model.label_smoothing == (best.run.data_name == "ml-1m" ? 0 : 0.1));
  }
  CHECK(preset_options("best", "ml-100k").train.start == Start::factors);
  CHECK(preset_options("best", "ml-1m").train.start == Start::factors);
  CHECK(preset_options("best", "ml-100k").train.max_iterations == 440);
  CHECK(preset_options("best", "ml-1m").train.max_iterations == 450);
  CHECK(preset_options("best", "ml-100k").train.members() == 3);
  CHECK(preset_options("best", "ml-1m").train.members() == 2);
  CHECK_THROWS_AS(preset_options("best", "mine"), Error);
  Options o;
  o.train.refit = true;
  o.train.selection = Selection::last;
  CHECK(validation_error(o).empty());
  o.train.schedule = Schedule::constant;
  o.run.valid_ratio = 0;
  CHECK(contains(validation_error(o), "refit trains again with the validation ratings"));
  o.run.valid_ratio = 0.1;
  o.train.train_on_valid = true;
  CHECK(contains(validation_error(o), "refit trains on the validation ratings as well"));
  Options calibrated;
  calibrated.train.calibrate = true;
  CHECK(validation_error(calibrated).empty());
  calibrated.train.selection = Selection::last;
  calibrated.train.schedule = Schedule::constant;
  calibrated.train.train_on_valid = true;
  CHECK(contains(validation_error(calibrated), "calibrate"));
}
