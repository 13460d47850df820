#include "command_line.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

#include "gcmc/auto_preset.hpp"
#include "gcmc/error.hpp"
#include "gcmc/report.hpp"

namespace {

std::string hyphenated(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool is_option(const std::string& argument) { return argument.size() > 2 && argument.starts_with("--"); }

/// Names of the options that are true or false.
std::set<std::string> boolean_options() {
  std::set<std::string> names;
  gcmc::Options options;
  gcmc::for_each_option(options, [&](std::string_view name, auto, auto, auto& field) {
    using Field = std::remove_reference_t<decltype(field)>;
    if (std::is_same_v<Field, bool> || std::is_same_v<Field, gcmc::Normalization>)
      names.insert("--" + hyphenated(std::string(name)));
  });
  return names;
}

/// The paper ties sum to ordinal weights, and side features to separate dense layers: who changes the one on the
/// command line changes the other, unless it is named too.
void follow_paper(gcmc::Options& options, const CLI::App& command) {
  if (options.preset != "paper") return;
  const auto given = [&](const char* name) { return command.count(name) > 0; };
  if (given("--gcn-agg-accum") && !given("--ordinal"))
    options.model.ordinal = options.model.aggregation == gcmc::Aggregation::sum;
  if (given("--use-one-hot-fea") && !given("--share-param")) options.model.share_dense = !options.model.features;
}

}  // namespace

std::vector<std::string> uniform_arguments(int count, char** values) {
  const std::set<std::string> booleans = boolean_options();
  std::vector<std::string> arguments;
  for (int i = 1; i < count; ++i) {
    std::string argument = values[i];
    if (is_option(argument)) {
      const std::size_t name_end = std::min(argument.find('='), argument.size());
      argument = hyphenated(argument.substr(0, name_end)) + argument.substr(name_end);
    }
    arguments.push_back(argument);
    const bool last = i + 1 == count || is_option(values[i + 1]);
    if (last && booleans.contains(argument)) arguments.emplace_back("true");
  }
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

void add_train_options(CLI::App& command, TrainArguments& arguments) {
  command.allow_extras();
  const gcmc::Options defaults;
  gcmc::for_each_option(defaults, [&](std::string_view name, std::string_view group, std::string_view help, auto&) {
    const std::string key(name);
    std::string names = "--" + hyphenated(key);
    if (key == "gcn_dropout") names += ",--model-dropout";
    command.add_option(names, arguments.texts[key], std::string(help))
        ->group(std::string(group))
        ->type_name("VALUE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->default_str(gcmc::option_text(defaults, name));
  });
  command.add_option("--config", arguments.config, "JSON file of options by name, such as a run's config.json")
      ->group("Data and files")
      ->type_name("FILE");
}

gcmc::Options resolve(const CLI::App& command, const TrainArguments& arguments, const gcmc::Ratings* ratings) {
  const auto given = [&](const std::string& name) { return command.count("--" + hyphenated(name)) > 0; };
  gcmc::Options first;
  if (!arguments.config.empty()) gcmc::apply_options_file(first, arguments.config);
  for (const char* name : {"preset", "data_name"})
    if (given(name)) gcmc::set_option(first, name, arguments.texts.at(name));

  gcmc::Options options;
  if (first.preset != "auto")
    options = gcmc::preset_options(first.preset, first.run.data_name);
  else if (ratings)
    options = gcmc::auto_options(*ratings, first.run.data_name);
  if (!arguments.config.empty()) gcmc::apply_options_file(options, arguments.config);
  for (const auto& [name, text] : arguments.texts)
    if (given(name)) gcmc::set_option(options, name, text);
  follow_paper(options, command);
  gcmc::validate(options);
  return options;
}

void refuse_extras(const CLI::App& command) {
  const std::vector<std::string> extras = command.remaining();
  if (extras.empty()) return;
  const std::string name = extras.front().substr(0, extras.front().find('='));
  if (!is_option(name))
    throw gcmc::Error("unexpected argument '" + name + "': options begin with -- (gcmc " + command.get_name() +
                      " --help lists them)");
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& each : option->get_lnames()) known.push_back("--" + each);
  throw gcmc::Error("unknown option " + name + ": did you mean " + gcmc::nearest_name(name, known) + "?");
}
