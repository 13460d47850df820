// Options by name: text to value and back, ranges, and the name a mistyped one was meant to be.
#include "gcmc/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>

#include "gcmc/error.hpp"

namespace gcmc {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The values that a number may take: [low, high] less the ends that are open.
struct Range {
  std::string_view name;
  double low, high;
  bool open_low = false, open_high = false;

  bool contains(double value) const {
    return (open_low ? value > low : value >= low) && (open_high ? value < high : value <= high);
  }
};

constexpr double largest_index = std::numeric_limits<Index>::max();
constexpr std::array ranges = {
    Range{.name = "data_test_ratio", .low = 0, .high = 1, .open_high = true},
    Range{.name = "data_valid_ratio", .low = 0, .high = 1, .open_high = true},
    Range{.name = "data_test_seed", .low = -1, .high = 0x1p53},
    Range{.name = "seeds", .low = 1, .high = 1000},
    Range{.name = "threads", .low = 0, .high = 1024},
    Range{.name = "gcn_dropout", .low = 0, .high = 1, .open_high = true},
    Range{.name = "hidden_dropout", .low = -1, .high = 1, .open_high = true},
    Range{.name = "gcn_agg_units", .low = 1, .high = 65536},
    Range{.name = "gcn_out_units", .low = 1, .high = 65536},
    Range{.name = "gen_r_num_basis_func", .low = 1, .high = 255},
    Range{.name = "feature_units", .low = 1, .high = 65536},
    Range{.name = "feature_dropout", .low = 0, .high = 1, .open_high = true},
    Range{.name = "label_smoothing", .low = 0, .high = 1, .open_high = true},
    Range{.name = "train_max_iter", .low = 1, .high = largest_index},
    Range{.name = "train_log_interval", .low = 1, .high = largest_index},
    Range{.name = "train_valid_interval", .low = 1, .high = largest_index},
    Range{.name = "train_grad_clip", .low = 0, .high = infinity, .open_high = true},
    Range{.name = "train_lr", .low = 0, .high = 1000, .open_low = true},
    Range{.name = "train_min_lr", .low = 0, .high = 1000},
    Range{.name = "train_lr_decay_factor", .low = 0, .high = 1, .open_low = true},
    Range{.name = "train_decay_patience", .low = 0, .high = largest_index},
    Range{.name = "train_early_stopping_patience", .low = 0, .high = largest_index},
    Range{.name = "train_average_decay", .low = 0, .high = 1, .open_high = true},
    Range{.name = "train_target_removal", .low = 0, .high = 1, .open_high = true},
    Range{.name = "embedding_draws", .low = 0, .high = 65536},
};

const Range* find_range(std::string_view name) {
  const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const Range& r) { return r.name == name; });
  return found == ranges.end() ? nullptr : &*found;
}

/// The texts of an enum or a string option; the first text of a value is the one that is written.
template <class E>
struct Named {
  std::string_view text;
  E value;
};

constexpr auto names_of(Aggregation) {
  return std::to_array<Named<Aggregation>>({{"stack", Aggregation::stack}, {"sum", Aggregation::sum}});
}
/// gcn_agg_norm_symm is a boolean in DGL; the names are for those who prefer them.
constexpr auto names_of(Normalization) {
  constexpr auto symmetric = Normalization::symmetric, left = Normalization::left;
  return std::to_array<Named<Normalization>>({{"true", symmetric},
                                              {"false", left},
                                              {"1", symmetric},
                                              {"0", left},
                                              {"yes", symmetric},
                                              {"no", left},
                                              {"symmetric", symmetric},
                                              {"left", left}});
}
constexpr auto names_of(Activation) {
  return std::to_array<Named<Activation>>({{"leaky", Activation::leaky_relu},
                                           {"leaky_relu", Activation::leaky_relu},
                                           {"relu", Activation::relu},
                                           {"tanh", Activation::tanh},
                                           {"sigmoid", Activation::sigmoid},
                                           {"softsign", Activation::softsign},
                                           {"linear", Activation::linear}});
}
constexpr auto names_of(Initialization) {
  return std::to_array<Named<Initialization>>({{"xavier", Initialization::xavier}, {"glorot", Initialization::glorot}});
}
constexpr auto names_of(OptimizerKind) {
  return std::to_array<Named<OptimizerKind>>({{"adam", OptimizerKind::adam}, {"sgd", OptimizerKind::sgd}});
}
constexpr auto names_of(Schedule) {
  return std::to_array<Named<Schedule>>(
      {{"plateau", Schedule::plateau}, {"cosine", Schedule::cosine}, {"constant", Schedule::constant}});
}
constexpr auto names_of(Selection) {
  return std::to_array<Named<Selection>>({{"best_valid", Selection::best_valid}, {"last", Selection::last}});
}
constexpr auto names_of(bool) {
  return std::to_array<Named<bool>>(
      {{"true", true}, {"false", false}, {"1", true}, {"0", false}, {"yes", true}, {"no", false}});
}

/// The values a string option is restricted to; empty: any.
std::span<const std::string_view> choices(std::string_view name) {
  static constexpr std::array<std::string_view, 4> presets = {"dgl", "paper", "best", "auto"};
  static constexpr std::array<std::string_view, 3> precisions = {"float", "double", "bf16-tables"};
  static constexpr std::array<std::string_view, 9> splits = {"", "u1", "u2", "u3", "u4", "u5", "ua", "ub", "random"};
  if (name == "preset") return presets;
  if (name == "precision") return precisions;
  if (name == "split") return splits;
  return {};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

template <class T>
std::string number_text(T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string range_text(const Range& range) {
  const auto end = [](double value) {
    return std::abs(value) < 1e15 ? number_text(static_cast<Offset>(value)) : number_text(value);
  };
  return (range.open_low ? "(" : "[") + end(range.low) + ", " + end(range.high) + (range.open_high ? ")" : "]");
}

[[noreturn]] void reject(std::string_view name, std::string_view value, std::string_view why) {
  throw Error("option " + std::string(name) + ": '" + std::string(value) + "' " + std::string(why));
}

template <class Texts>
std::string list(const Texts& texts) {
  std::string result;
  for (std::string_view text : texts)
    result += (result.empty() ? "" : ", ") + (text.empty() ? "empty" : std::string(text));
  return result;
}

/// The numbers have three digits at most.
bool is_device(std::string_view value) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool number = !value.empty() && value.size() <= 3 && std::all_of(value.begin(), value.end(), digit);
  return number || value == "-1" || value == "cpu" || value == "auto";
}

void check(std::string_view name, const std::string& value) {
  const auto allowed = choices(name);
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
    reject(name, value, "is not one of " + list(allowed));
  if (name == "device" && !is_device(value))
    reject(name, value, "is not one of -1, cpu, auto, or the number of a CUDA device");
  if (name == "data_name" && value.empty()) reject(name, value, "names no data set");
  if (name == "save_id" && (value.find('/') != value.npos || value == "." || value == ".."))
    reject(name, value, "is not the name of a folder: leave out '/'");
}

template <class T>
requires std::is_arithmetic_v<T>
void check(std::string_view name, T value) {
  if constexpr (!std::is_same_v<T, bool>) {
    const Range* range = find_range(name);
    if (range && !range->contains(static_cast<double>(value)))
      reject(name, number_text(value), "is outside " + range_text(*range));
  }
}

template <class E>
requires std::is_enum_v<E>
void check(std::string_view, E) {}

/// Options with names for values: the enums and booleans.
template <class E>
void parse(std::string_view name, std::string_view text, E& field) {
  constexpr auto names = names_of(E{});
  const std::string wanted = lower(text);
  std::vector<std::string_view> known;
  for (const auto& [candidate, value] : names) {
    if (candidate == wanted) {
      field = value;
      return;
    }
    known.push_back(candidate);
  }
  reject(name, text, "is not one of " + list(known));
}

template <class T>
void parse_number(std::string_view name, std::string_view text, T& field) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const Range* range = find_range(name);
  const std::string limits = range ? range_text(*range) : "[0, 18446744073709551615]";
  const bool huge = error == std::errc::result_out_of_range;
  if (!huge && (error != std::errc{} || end != text.data() + text.size()))
    reject(name, text, (std::is_floating_point_v<T> ? "is not a number in " : "is not a whole number in ") + limits);
  if (huge || (range && !range->contains(static_cast<double>(value)))) reject(name, text, "is outside " + limits);
  field = value;
}

void parse(std::string_view name, std::string_view text, double& field) { parse_number(name, text, field); }
void parse(std::string_view name, std::string_view text, Index& field) { parse_number(name, text, field); }
void parse(std::string_view name, std::string_view text, Offset& field) { parse_number(name, text, field); }
void parse(std::string_view name, std::string_view text, std::uint64_t& field) { parse_number(name, text, field); }
void parse(std::string_view name, std::string_view text, std::string& field) {
  std::string value(text);
  check(name, value);
  field = std::move(value);
}

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_enum_v<T> || std::is_same_v<T, bool>) {
    constexpr auto names = names_of(T{});
    const auto named = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.value == value; });
    return std::string(named->text);
  } else {
    return number_text(value);
  }
}

/// The one option whose name says the opposite of its field.
bool is_inverted(std::string_view name) { return name == "use_one_hot_fea"; }

/// DGL's name in underscores, and its other spelling resolved.
std::string plain_name(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result == "model_dropout" ? "gcn_dropout" : result;
}

/// Calls use(known_name, field) for the option `name`. Throws Error, with the nearest name, if there is none.
template <class O, class Use>
void with_option(O& options, std::string_view name, Use&& use) {
  const std::string wanted = plain_name(name);
  bool found = false;
  for_each_option(options, [&](std::string_view known, auto, auto, auto& field) {
    if (known != wanted) return;
    found = true;
    use(known, field);
  });
  if (!found) throw Error("unknown option '" + std::string(name) + "': did you mean " + nearest_option(name) + "?");
}

/// Insertions, deletions and substitutions between two words (Levenshtein). Cost: product of the lengths.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void set_option(Options& options, std::string_view name, std::string_view value) {
  with_option(options, name, [&](std::string_view known, auto& field) {
    parse(known, value, field);
    if constexpr (std::is_same_v<decltype(field), bool&>)
      if (is_inverted(known)) field = !field;
  });
}

std::string option_text(const Options& options, std::string_view name) {
  std::string text;
  with_option(options, name, [&](std::string_view known, const auto& field) {
    text = text_of(field);
    if constexpr (std::is_same_v<decltype(field), const bool&>)
      if (is_inverted(known)) text = text_of(!field);
  });
  return text;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  Options options;
  for_each_option(options, [&](std::string_view name, auto, auto, auto&) { names.emplace_back(name); });
  return names;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  return *std::min_element(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
}

std::string nearest_option(std::string_view name) {
  std::vector<std::string> names = option_names();
  names.emplace_back("model_dropout");
  return nearest_name(lower(plain_name(name)), names);
}

void validate(const Options& options) {
  for_each_option(options, [](std::string_view name, auto, auto, const auto& field) { check(name, field); });
  const std::string& device = options.run.device;
  require(options.run.precision != "bf16-tables" || device == "cpu" || device == "-1",
          "precision bf16-tables is for the processor alone: set device cpu, or precision float");
  const TrainOptions& train = options.train;
  require(train.schedule == Schedule::constant || train.min_learning_rate <= train.learning_rate, [&] {
    return "train_min_lr " + number_text(train.min_learning_rate) + " exceeds train_lr " +
           number_text(train.learning_rate) + ": lower train_min_lr, or set train_schedule constant";
  });
  constexpr std::uint64_t largest_seed = std::uint64_t{1} << 53;  // member_options makes it a data_test_seed
  require(train.seeds == 1 || train.seed <= largest_seed, [&] {
    return "seed " + number_text(train.seed) + " is too large for several seeds: give one of at most 2^53";
  });
  require(!train.calibrate || (!train.train_on_valid && options.run.valid_ratio > 0),
          "calibrate fits a line to validation ratings that are not trained on: set train_on_valid false and "
          "data_valid_ratio above 0");
  const bool needs_valid = train.selection == Selection::best_valid || train.schedule == Schedule::plateau;
  require(!train.refit || train.selection == Selection::best_valid,
          "refit trains for the number of steps that validation chose: set train_selection best_valid");
  require(!needs_valid || !train.train_on_valid,
          "train_on_valid leaves nothing to choose by: set train_selection last and train_schedule constant or cosine");
  require(!needs_valid || options.run.valid_ratio > 0,
          "data_valid_ratio 0 leaves nothing to choose by: set it above 0, or set train_selection last and "
          "train_schedule constant or cosine");
}

}  // namespace gcmc
