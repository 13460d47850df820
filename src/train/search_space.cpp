// What is searched: options with ranges or lists of values, and the trials drawn from them.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <type_traits>

#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/train/search.hpp"

namespace gcmc {
namespace {

constexpr std::uint32_t trial_stream = 0x54554E45;  // candidate k has the stream this + k
constexpr Index most_trials = 100000;
constexpr std::size_t most_choices = 1000;
enum class Kind { names, number, whole_number };

struct Searchable {
  std::string name;  ///< as options know it
  Kind kind;
};

/// Throws InputError, with the nearest name, if there is no such option, or if no search can have it.
Searchable searchable(std::string_view name) {
  const Options options;
  Searchable result{"", Kind::names};
  const bool known = with_option(options, name, [&](const OptionRow& row, const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    require(row.searchable, [&] {
      return std::string(row.name) + " cannot be searched: options of the model and of its training can";
    });
    result.name = row.name;
    if constexpr (std::is_same_v<Field, double>)
      result.kind = Kind::number;
    else if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>)
      result.kind = Kind::whole_number;
  });
  if (!known) refuse_option(options, name);
  return result;
}

/// The value as option_text writes it. Throws InputError if the option does not take it.
std::string canonical(const std::string& option, std::string_view value) {
  Options options;
  set_option(options, option, value);
  return option_text(options, option);
}

std::vector<std::string_view> parted(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

double number(std::string_view text) {
  double value = 0;
  const bool read = std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
  require(read, [&] { return "a range lies between numbers, and '" + std::string(text) + "' is none"; });
  return value;
}

/// With four significant digits.
double rounded(double value) {
  std::array<char, 32> buffer;
  const auto begin = buffer.data(), end = buffer.data() + buffer.size();
  return number({begin, std::to_chars(begin, end, value, std::chars_format::general, 4).ptr});
}

void parse_range(SearchOption& search, Kind kind, std::string_view low, std::string_view high) {
  require(kind != Kind::names, "only numbers have a range: list the values, with commas between them");
  search.whole = kind == Kind::whole_number;
  search.low = number(canonical(search.option, low));
  search.high = number(canonical(search.option, high));
  require(search.low < search.high, "the range is empty: give the lower end first");
  require(!search.log || search.low > 0, ":log needs a lower end above 0");
}

void parse_choices(SearchOption& search, std::string_view values) {
  require(!search.log, ":log is for ranges");
  for (const std::string_view value : parted(values, ',')) {
    require(search.choices.size() < most_choices,
            [] { return "more than " + std::to_string(most_choices) + " values"; });
    std::string text = canonical(search.option, value);
    require(std::find(search.choices.begin(), search.choices.end(), text) == search.choices.end(),
            [&] { return "the value " + text + " is given twice"; });
    search.choices.push_back(std::move(text));
  }
  require(search.choices.size() > 1, "a single value is not a search: give it as an option");
}

/// A value between the range's ends, as the option takes it.
std::string range_value(const SearchOption& search, double value) {
  return search.whole ? std::to_string(static_cast<Offset>(value)) : number_text(value);
}

/// `u` is uniform in [0, 1).
std::string draw(const SearchOption& search, double u) {
  if (!search.choices.empty())
    return search.choices[static_cast<std::size_t>(u * static_cast<double>(search.choices.size()))];
  if (search.whole && !search.log)
    return range_value(search, search.low + std::floor(u * (search.high - search.low + 1)));
  double value =
      search.log ? search.low * std::pow(search.high / search.low, u) : search.low + u * (search.high - search.low);
  value = search.whole ? std::round(value) : rounded(value);
  return range_value(search, std::clamp(value, search.low, search.high));
}

/// As parse_search leaves it. Throws InputError for another one.
void check_search(const SearchOption& search) {
  const Searchable option = searchable(search.option);
  for (const std::string& choice : search.choices) canonical(search.option, choice);
  if (!search.choices.empty()) return;
  require(option.kind != Kind::names && search.low < search.high && (!search.log || search.low > 0), [&] {
    return "tune: " + search.option + " has neither choices nor a range of numbers, the lower one first (above 0 by " +
           "its logarithm)";
  });
}

void check_plan(const TunePlan& plan) {
  require(!plan.space.empty(), "tune: no option is searched");
  require(plan.trials >= 1 && plan.trials <= most_trials, [&] {
    return "tune: " + std::to_string(plan.trials) + " trials: a number from 1 to " + std::to_string(most_trials) +
           " is needed";
  });
  require(!plan.base.train.train_on_valid,
          "tune: train_on_valid leaves nothing to choose by: set it false (the presets paper and fast set it true)");
  require(plan.base.train.time_budget == 0,
          "tune: trials are compared by their steps, which a time budget would choose by the clock: leave out "
          "time_budget");
  require(plan.base.run.folds == 0,
          "tune: trials are compared by validation ratings, and folds are parts of test ratings: leave out folds");
  require(plan.base.run.valid_ratio > 0, "tune: data_valid_ratio 0 leaves nothing to choose by: set it above 0");
  for (const SearchOption& search : plan.space) check_search(search);
  for (std::size_t k = 0; k < plan.space.size(); ++k)
    for (std::size_t j = 0; j < k; ++j)
      require(plan.space[j].option != plan.space[k].option,
              [&] { return "tune: " + plan.space[k].option + " is searched twice"; });
}

/// Throws InputError, with the values, if they contradict each other.
void check_trial(const TunePlan& plan, const TrialValues& values, std::size_t number) {
  try {
    validate(winner_options(plan, values));
  } catch (const Error& problem) {
    throw InputError("tune: trial " + std::to_string(number) + ", " + trial_text(plan, values) + ": " + problem.what());
  }
}

}  // namespace

SearchOption parse_search(std::string_view text) {
  try {
    const auto equals = text.find('=');
    require(equals != text.npos, "expected NAME=LOW..HIGH or NAME=VALUE,VALUE");
    const Searchable option = searchable(text.substr(0, equals));
    SearchOption search;
    search.option = option.name;
    std::string_view values = text.substr(equals + 1);
    search.log = values.ends_with(":log");
    if (search.log) values.remove_suffix(4);
    const auto dots = values.find("..");
    if (dots == values.npos)
      parse_choices(search, values);
    else
      parse_range(search, option.kind, values.substr(0, dots), values.substr(dots + 2));
    return search;
  } catch (const Error& problem) {
    throw InputError("search '" + std::string(text) + "': " + problem.what());
  }
}

std::string search_text(const SearchOption& search) {
  std::string text = search.option + "=";
  if (search.choices.empty())
    return text + range_value(search, search.low) + ".." + range_value(search, search.high) +
           (search.log ? ":log" : "");
  for (const std::string& choice : search.choices) text += (&choice == &search.choices.front() ? "" : ",") + choice;
  return text;
}

std::vector<TrialValues> draw_trials(const TunePlan& plan) {
  check_plan(plan);
  std::vector<TrialValues> trials;
  std::set<TrialValues> seen;
  const auto wanted = static_cast<std::size_t>(plan.trials);
  // Of s equal configurations, s <= wanted, one stays undrawn with probability (1 - 1/s)^patience < e^-100.
  const std::uint32_t patience = 1000 + 100 * static_cast<std::uint32_t>(plan.trials);
  std::uint32_t in_vain = 0;
  for (std::uint32_t candidate = 0; trials.size() < wanted && in_vain < patience; ++candidate, ++in_vain) {
    Random random(plan.seed, trial_stream + candidate);
    TrialValues values;
    for (const SearchOption& search : plan.space) values.push_back(draw(search, random.uniform()));
    if (!seen.insert(values).second) continue;
    check_trial(plan, values, trials.size() + 1);
    trials.push_back(std::move(values));
    in_vain = 0;
  }
  return trials;
}

std::string trial_text(const TunePlan& plan, const TrialValues& values) {
  std::string text;
  for (std::size_t k = 0; k < values.size(); ++k) text += (k ? " " : "") + plan.space[k].option + "=" + values[k];
  return text;
}

Options winner_options(const TunePlan& plan, const TrialValues& values) {
  require(values.size() == plan.space.size(), [&] {
    return "tune: " + std::to_string(values.size()) + " values for " + std::to_string(plan.space.size()) + " options";
  });
  Options options = plan.base;
  for (std::size_t k = 0; k < values.size(); ++k) set_option(options, plan.space[k].option, values[k]);
  return options;
}

Options trial_options(const TunePlan& plan, const TrialValues& values, Offset iterations) {
  Options options = winner_options(plan, values);
  options.train.max_iterations = iterations;
  options.train.refit = false;
  return options;
}

}  // namespace gcmc
