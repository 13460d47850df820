// Options by name: text to value and back, checks, and the name that a mistyped one was meant to be. Written once for
// every struct that has a for_each_option (option_rows.hpp) of its own, such as a program's.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <numeric>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/options/option_rows.hpp"

namespace gcmc {

/// The text of a value of an enum or a boolean; the first text of a value is the one that is written.
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
constexpr auto names_of(Start) {
  return std::to_array<Named<Start>>({{"drawn", Start::drawn}, {"factors", Start::factors}});
}
constexpr auto names_of(bool) {
  return std::to_array<Named<bool>>(
      {{"true", true}, {"false", false}, {"1", true}, {"0", false}, {"yes", true}, {"no", false}});
}
constexpr auto names_of(Precision) {
  return std::to_array<Named<Precision>>(
      {{"float", Precision::float32}, {"double", Precision::float64}, {"bf16-tables", Precision::bf16_tables}});
}

/// A type of option whose values have names.
template <class E>
concept NamedOption = std::is_enum_v<E> || std::same_as<E, bool>;

/// The shortest text that reads back to the same number.
template <class T>
std::string number_text(T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Insertions, deletions and substitutions between two words (Levenshtein). Cost: product of the lengths.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
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

/// The one of `names` nearest to `name`, of which 100 characters count: one that it is a part of ("lr" of train_lr)
/// before others, then by edit distance; the first of equals. Needs at least one.
inline std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  name = name.substr(0, 100);
  const std::string_view part = name.substr(std::min(name.find_first_not_of("-_"), name.size()));
  const auto distance = [&](const std::string& known) {
    return std::pair(part.size() < 2 || known.find(part) == known.npos, edit_distance(name, known));
  };
  return *std::min_element(names.begin(), names.end(),
                           [&](const std::string& a, const std::string& b) { return distance(a) < distance(b); });
}

/// "[0, 1)".
inline std::string range_text(const OptionRange& range) {
  const auto end = [](double value) {
    return std::abs(value) < 1e15 ? number_text(static_cast<Offset>(value)) : number_text(value);
  };
  return (range.open_low ? "(" : "[") + end(range.low) + ", " + end(range.high) + (range.open_high ? ")" : "]");
}

/// Reads and writes the value of one option. Every function throws InputError with the option's name and what it takes.
class OptionText {
 public:
  explicit OptionText(const OptionRow& row) : row_(row) {}

  template <NamedOption E>
  void read(std::string_view text, E& field) const {
    const std::string wanted = lower(text);
    std::vector<std::string_view> known;
    for (const auto& [candidate, value] : names_of(E{})) {
      if (candidate == wanted) {
        field = value;
        return;
      }
      known.push_back(candidate);
    }
    reject(text, "is not one of " + list(known));
  }
  void read(std::string_view text, bool& field) const {
    bool value = false;
    read<bool>(text, value);
    field = value != row_.inverted;
  }
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) void read(std::string_view text, T& field) const {
    T value{};
    if (!row_.zero.empty() && lower(text) == row_.zero) {
      field = value;
      return;
    }
    if (!row_.unit.empty() && text.ends_with(row_.unit)) text.remove_suffix(row_.unit.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string limits = (std::same_as<T, std::uint64_t> ? "[0, 18446744073709551615]" : range_text(row_.range)) +
                               (row_.zero.empty() ? "" : ", or " + std::string(row_.zero));
    const bool huge = error == std::errc::result_out_of_range;
    if (!huge && (error != std::errc{} || end != text.data() + text.size()))
      reject(text, (std::is_floating_point_v<T> ? "is not a number in " : "is not a whole number in ") + limits);
    if (huge || !is_in_range(value)) reject(text, "is outside " + limits);
    field = value;
  }
  void read(std::string_view text, std::string& field) const {
    std::string value(text);
    check(value);
    field = std::move(value);
  }
  void read(std::string_view text, Device& field) const {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text == "cpu" || text == "-1") {
      field = {};
    } else if (text == "auto") {
      field = {Device::Kind::automatic};
    } else if (!text.empty() && text.size() <= 3 && std::all_of(text.begin(), text.end(), digit)) {
      int number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      field = {Device::Kind::cuda, number};
    } else {
      reject(text, "is not one of -1, cpu, auto, or the number of a CUDA device");
    }
  }

  template <NamedOption E>
  std::string write(E value) const {
    if constexpr (std::same_as<E, bool>) value = value != row_.inverted;
    constexpr auto names = names_of(E{});
    const auto named = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.value == value; });
    return std::string(named->text);
  }
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) std::string write(T value)
  const { return !row_.zero.empty() && value == T{} ? std::string(row_.zero) : number_text(value); }
  std::string write(const std::string& value) const { return value; }
  std::string write(const Device& device) const {
    if (device.kind == Device::Kind::cuda) return std::to_string(device.number);
    return device.kind == Device::Kind::cpu ? "-1" : "auto";
  }

  /// Throws if the option does not take the value of its field.
  template <class T>
  void check(const T& value) const {
    if constexpr (std::is_arithmetic_v<T> && !std::same_as<T, bool>) {
      const bool is_word = !row_.zero.empty() && value == T{};
      if (!is_word && !is_in_range(value)) reject(number_text(value), "is outside " + range_text(row_.range));
    } else if constexpr (std::same_as<T, std::string>) {
      const bool known = row_.values.empty() || std::any_of(row_.values.begin(), row_.values.end(),
                                                            [&](auto name) { return is_named(value, name); });
      if (!known) reject(value, "is not one of " + list(row_.values));
      if (row_.name == "data_name" && value.empty()) reject(value, "names no data set");
    }
  }

 private:
  template <class T>
  bool is_in_range(T value) const {
    return std::same_as<T, std::uint64_t> || row_.range.contains(static_cast<double>(value));
  }
  [[noreturn]] void reject(std::string_view value, const std::string& why) const {
    throw InputError("option " + std::string(row_.name) + ": '" + std::string(value) + "' " + why);
  }
  template <class Texts>
  static std::string list(const Texts& texts) {
    std::string result;
    for (std::string_view text : texts)
      result += (result.empty() ? "" : ", ") + (text.empty() ? "empty" : std::string(text));
    return result;
  }

  const OptionRow& row_;
};

/// All names, in order.
template <class O = Options>
std::vector<std::string> option_names() {
  std::vector<std::string> names;
  O options;
  for_each_option(options, [&](const OptionRow& row, auto&) { names.emplace_back(row.name); });
  return names;
}

/// Calls use(row, field) for the option of this name or alias, with - or _. Returns whether there is one.
template <class O, class Use>
bool with_option(O& options, std::string_view name, Use&& use) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  bool found = false;
  for_each_option(options, [&](const OptionRow& row, auto& field) {
    if (found || (row.name != wanted && (row.alias.empty() || row.alias != wanted))) return;
    found = true;
    use(row, field);
  });
  return found;
}

/// The known name or alias nearest to `name`.
template <class O = Options>
std::string nearest_option(std::string_view name) {
  std::vector<std::string> names = option_names<O>();
  O options;
  for_each_option(options, [&](const OptionRow& row, auto&) {
    if (!row.alias.empty()) names.emplace_back(row.alias);
  });
  std::string plain = lower(name);
  std::replace(plain.begin(), plain.end(), '-', '_');
  return nearest_name(plain, names);
}

/// Throws InputError, with the nearest name: there is no such option.
template <class O>
[[noreturn]] void refuse_option(const O&, std::string_view name) {
  throw InputError("unknown option '" + std::string(name) + "': did you mean " + nearest_option<O>(name) + "?");
}

/// Sets one option from text. `name` may use - or _ and DGL's other spellings (model_dropout). Booleans take
/// true/false/1/0/yes/no in any case. Throws InputError on an unknown name (with the nearest known one) or a value out
/// of range (with the range); nothing is changed then.
template <class O>
void set_option(O& options, std::string_view name, std::string_view value) {
  if (!with_option(options, name, [&](const OptionRow& row, auto& field) { OptionText(row).read(value, field); }))
    refuse_option(options, name);
}

/// The value as text that set_option reads back to the same value. Throws InputError on an unknown name.
template <class O>
std::string option_text(const O& options, std::string_view name) {
  std::string text;
  if (!with_option(options, name,
                   [&](const OptionRow& row, const auto& field) { text = OptionText(row).write(field); }))
    refuse_option(options, name);
  return text;
}

/// An option for who writes a file: its name, its value, and whether that is text or else a number, true or false.
struct OptionValue {
  std::string name, value;
  bool is_text = false;
};

/// All options in order. A number with a fraction keeps its point: 1.0.
template <class O>
std::vector<OptionValue> option_values(const O& options) {
  std::vector<OptionValue> values;
  for_each_option(options, [&](const OptionRow& row, const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    OptionValue option{std::string(row.name), OptionText(row).write(field), !std::is_arithmetic_v<Field>};
    if (!row.zero.empty() && option.value == row.zero) option.is_text = true;
    if (NamedOption<Field> && (option.value == "true" || option.value == "false")) option.is_text = false;
    const bool whole = option.value.find_first_not_of("-0123456789") == std::string::npos;
    if (std::is_floating_point_v<Field> && whole) option.value += ".0";
    values.push_back(std::move(option));
  });
  return values;
}

/// Throws InputError for a model that cannot start from factors (option train_start).
inline void require_form_for_factors(const ModelOptions& model) {
  require(model.aggregation == Aggregation::stack && !model.ordinal && model.dense_bias && !model.share_dense &&
              model.bases >= 2,
          "train_start factors makes tables of single levels, a dense layer for each side and two bases: set "
          "gcn_agg_accum stack, ordinal false, dense_bias true, share_param false and gen_r_num_basis_func 2 or more; "
          "or train_start drawn");
}

/// Throws InputError if a number is out of its range.
inline void require_ranges(const Options& options) {
  for_each_option(options, [](const OptionRow& row, const auto& field) { OptionText(row).check(field); });
}

/// Throws InputError if options contradict each other or a number is out of its range.
inline void validate(const Options& options) {
  require_ranges(options);
  require(options.model.precision != Precision::bf16_tables || options.run.device.kind == Device::Kind::cpu,
          "precision bf16-tables is for the processor alone: set device cpu, or precision float");
  const TrainOptions& train = options.train;
  require(train.target_removal == 0 || std::abs(train.target_removal - 0.5) < 0.5 - 1e-4,
          "train_target_removal is drawn in steps of 1/65536: set it to 0, or between .0001 and .9999");
  if (train.start == Start::factors) require_form_for_factors(options.model);
  require(train.schedule == Schedule::constant || train.min_learning_rate <= train.learning_rate, [&] {
    return "train_min_lr " + number_text(train.min_learning_rate) + " exceeds train_lr " +
           number_text(train.learning_rate) + ": lower train_min_lr, or set train_schedule constant";
  });
  const double fastest = train.learning_rate * std::max(1.0, train.table_rate_factor);
  require(fastest * train.weight_decay <= 1, [&] {
    return "train_weight_decay " + number_text(train.weight_decay) + " takes more than the whole weight in a step " +
           "at the learning rate " + number_text(fastest) + ": lower it to " + number_text(1 / fastest) + " or less";
  });
  constexpr std::uint64_t largest_seed = std::uint64_t{1} << 53;  // member_options makes it a data_test_seed
  require(train.seeds == 1 || train.seed <= largest_seed, [&] {
    return "seed " + number_text(train.seed) + " is too large for several seeds: give one of at most 2^53";
  });
  const RunOptions& run = options.run;
  require(train.time_budget == 0 || (train.seeds == 1 && run.folds == 0),
          "time_budget is for one training: leave out seeds and folds");
  require(train.time_budget == 0 || train.schedule != Schedule::cosine || train.warm_up >= timed_steps, [&] {
    return "time_budget chooses the number of steps in the first ones, whose cosine rates may not depend on it: set "
           "train_warm_up to " +
           number_text(timed_steps) + " or more";
  });
  require(run.folds != 1 && run.fold <= run.folds, [&] {
    return "folds " + number_text(run.folds) + ", fold " + number_text(run.fold) +
           ": at least 2 folds are needed, and a fold is one of them, from 1";
  });
  require(run.folds == 0 || run.split.empty() || run.split == "random",
          [&] { return "split " + run.split + " and folds both say what is tested: leave out one of them"; });
  require(run.folds == 0 || train.seeds == 1, "folds and seeds are both for several trainings: leave out one of them");
  require(!train.calibrate || (!train.train_on_valid && options.run.valid_ratio > 0),
          "calibrate fits a line to validation ratings that are not trained on: set train_on_valid false and "
          "data_valid_ratio above 0");
  const bool needs_valid = train.selection == Selection::best_valid || train.schedule == Schedule::plateau;
  require(!train.refit || !train.train_on_valid,
          "refit trains on the validation ratings as well, and train_on_valid does so at once: leave out one of them");
  require(!train.refit || run.valid_ratio > 0,
          "refit trains again with the validation ratings: set data_valid_ratio above 0, or refit false");
  require(!needs_valid || !train.train_on_valid,
          "train_on_valid leaves nothing to choose by: set train_selection last and train_schedule constant or cosine");
  require(!needs_valid || options.run.valid_ratio > 0,
          "data_valid_ratio 0 leaves nothing to choose by: set it above 0, or set train_selection last and "
          "train_schedule constant or cosine");
}

}  // namespace gcmc
