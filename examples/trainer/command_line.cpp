#include "command_line.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <type_traits>

#include "continued.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/options/given_options.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/options/split_names.hpp"

std::string hyphenated(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

namespace {

bool is_option(const std::string& argument) { return argument.size() > 2 && argument.starts_with("--"); }

/// --help, -h, ...
std::vector<std::string> option_names_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// "train, tune, predict, recommend".
std::string command_list(const CLI::App& app) { return CLI::detail::join(command_names(app), ", "); }

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({}))
    if (command->get_name() == name) return command;
  return nullptr;
}

/// Names the command that was meant, if one is near.
std::string unknown_command(const CLI::App& app, const std::string& name) {
  const std::string nearest = gcmc::nearest_name(gcmc::lower(name), command_names(app));
  const bool near = 2 * gcmc::edit_distance(gcmc::lower(name), nearest) <= nearest.size();
  return "unknown command '" + name +
         "': " + (near ? "did you mean " + nearest + "?" : "the commands are " + command_list(app)) +
         " (gcmc help says more)";
}

/// Calls visit(row, field) for every option of the library and of the program.
template <class Visit>
void for_each_setting(const Settings& settings, const Visit& visit) {
  for_each_option(settings.options, visit);
  for_each_option(settings.program, visit);
}

/// Names of the options that are true or false.
std::set<std::string> boolean_options() {
  std::set<std::string> names;
  for_each_setting({}, [&](const gcmc::OptionRow& row, const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if (std::is_same_v<Field, bool> || std::is_same_v<Field, gcmc::Normalization>)
      names.insert("--" + hyphenated(std::string(row.name)));
  });
  return names;
}

/// An option for each of the library's and the program's that is wanted.
template <class Wanted>
void add_options(CLI::App& command, TrainArguments& arguments, const Wanted& wanted) {
  for_each_setting({}, [&](const gcmc::OptionRow& row, const auto& field) {
    if (!wanted(row)) return;
    const std::string key(row.name);
    std::string names = "--" + hyphenated(key);
    if (!row.alias.empty()) names += ",--" + hyphenated(std::string(row.alias));
    command.add_option(names, arguments.texts[key], std::string(row.help))
        ->group(std::string(row.group))
        ->type_name("VALUE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->default_str(gcmc::OptionText(row).write(field));
  });
}

/// Sets an option of the library or of the program.
void set(Settings& settings, const std::string& name, const std::string& text) {
  if (gcmc::with_option(settings.program, name, [](const auto&...) {}))
    gcmc::set_option(settings.program, name, text);
  else
    gcmc::set_option(settings.options, name, text);
}

/// Each option must be one that settings take.
void read_config(TrainArguments& arguments, const std::string& path) {
  arguments.config = path;
  Settings scratch;
  gcmc::read_options_file(path, [&](const std::string& name, const std::string& text) {
    if (arguments.recorded.read(name, text)) return;
    set(scratch, name, text);
    arguments.config_options.emplace_back(name, text);
  });
}

void apply_config(Settings& settings, const TrainArguments& arguments) {
  for (const auto& [name, text] : arguments.config_options) {
    set(settings, name, text);
    if (name == "data_name") settings.data_named = true;
  }
}

/// The options of a model that is trained on take the place of a preset's.
void apply_continued(Settings& settings, const std::string& folder, bool preset_given) {
  if (folder.empty()) return;
  gcmc::require(!preset_given, "--preset and --continue: the model's own options hold; give others one by one");
  for (const auto& [name, text] : continued_options(folder)) set(settings, name, text);
}

/// A run's config.json of old names the folder that it lies in.
void refuse_own_folder(const ProgramOptions& program, const std::string& config) {
  std::error_code none;
  const auto folder = std::filesystem::path(program.save_dir) / program.save_id;
  if (program.save_dir.empty() || config.empty()) return;
  gcmc::require(!std::filesystem::equivalent(folder, std::filesystem::absolute(config).parent_path(), none),
                config + ": its save_dir is the folder that it lies in, whose run would be replaced: give --save-dir");
}

bool in_config(const TrainArguments& arguments, std::string_view name) {
  const auto has_name = [&](const auto& option) { return option.first == name; };
  return std::ranges::any_of(arguments.config_options, has_name);
}

/// Sets what follows from the options that one place gives, a file or the command line.
template <class Given>
void follow(Settings& settings, const Given& given) {
  const gcmc::ReadOptions& reading = settings.program.reading;
  const bool side_files = (given("user_features") && !reading.user_features.empty()) ||
                          (given("item_features") && !reading.item_features.empty()) ||
                          (given("user_graph") && !reading.user_graph.empty()) ||
                          (given("item_graph") && !reading.item_graph.empty());
  gcmc::follow_given(settings.options, side_files, given);
}

/// Where a run writes and what, which one that repeats it must not.
bool is_place_of_run(std::string_view name) {
  constexpr std::array<std::string_view, 6> places = {"save_dir",       "save_id", "model_dir",
                                                      "checkpoint_dir", "resume",  "test_predictions"};
  return std::find(places.begin(), places.end(), name) != places.end();
}

/// A path that stands alone is that of the ratings. What the command line says of their place replaces what a file of
/// options says of it.
void apply_path(Settings& settings, const CLI::App& command) {
  const std::vector<std::string> paths = command.remaining();
  const CLI::Option* ratings = command.get_option_no_throw("--ratings");
  const bool by_option = ratings && ratings->count() > 0, by_path = !paths.empty() || by_option;
  gcmc::require(paths.empty() || !by_option,
                "the ratings are named twice, by --ratings and by " + (paths.empty() ? "" : paths.front()));
  gcmc::require(!by_path || command.count("--data-dir") == 0,
                "--data-dir looks for a data set in a folder: leave it out where the ratings have a path" +
                    (paths.empty() ? "" : " (" + paths.front() + ")"));
  gcmc::require(!by_option || !settings.program.ratings.empty(), "--ratings is empty: name the ratings by their path");
  if (!paths.empty()) settings.program.ratings = paths.front();
  if (by_path) {  // of a name of its own
    settings.program.data_dir.clear();
    settings.data_named = false;
  }
  if (command.count("--data-dir") > 0) settings.program.ratings.clear();
}

}  // namespace

bool is_path(const std::string& argument) {
  std::error_code ignored;
  return argument == "-" || argument.find_first_of("./") != std::string::npos ||
         std::filesystem::exists(argument, ignored);
}

CLI::Validator whole_number() {
  return {[](const std::string& text) {
            const bool is_one = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
            return is_one ? std::string() : "'" + text + "' is not a whole number from 0 on";
          },
          ""};
}

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
    const bool has_value = i + 1 < count && !is_option(values[i + 1]) && !is_path(values[i + 1]);
    if (!has_value && booleans.contains(argument)) arguments.emplace_back("true");
  }
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  return arguments;
}

std::string check_names(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return "gcmc";
  const std::string& first = arguments.front();
  if (first.starts_with('-')) {
    const std::vector<std::string> own = option_names_of(app);
    gcmc::require(std::find(own.begin(), own.end(), first) != own.end(), [&] {
      return first + " needs a command before it, as in gcmc train " + first + " (the commands are " +
             command_list(app) + ")";
    });
    return "gcmc";
  }
  const CLI::App* command = find_command(app, first);
  std::string name_of_command = "gcmc " + first;
  gcmc::require(command, [&] { return unknown_command(app, first); });
  const bool has_next = arguments.size() > 1 && !arguments[1].starts_with('-');
  if (!command->get_subcommands({}).empty() && has_next) {
    const CLI::App* within = find_command(*command, arguments[1]);
    gcmc::require(within, [&] { return unknown_command(*command, arguments[1]); });
    command = within;
    name_of_command += " " + arguments[1];
  }
  const std::vector<std::string> known = option_names_of(*command);
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const std::string& argument = arguments[k];
    const std::string name = argument.substr(0, argument.find('='));
    if (!is_option(argument) || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const CLI::Option* before = k > 0 ? command->get_option_no_throw(arguments[k - 1]) : nullptr;
    const bool may_be_value = before && before->get_items_expected_max() > 0;
    throw gcmc::InputError("unknown option " + name + ": did you mean " + gcmc::nearest_name(name, known) + "? (" +
                           name_of_command + " --help lists all" +
                           (may_be_value ? "; a value is written " + arguments[k - 1] + "=" + argument : "") + ")");
  }
  return name_of_command;
}

void add_train_options(CLI::App& command, TrainArguments& arguments, bool of_search) {
  command.allow_extras();
  add_options(command, arguments, [&](const gcmc::OptionRow& row) {
    return !of_search || (row.name != "model_dir" && row.name != "test_predictions");
  });
  command
      .add_option_function<std::string>(
          "--config", [&arguments](const std::string& path) { read_config(arguments, path); },
          "JSON file of options by name, such as a run's config.json")
      ->group("Files and output")
      ->type_name("FILE");
}

void add_reading_options(CLI::App& command, TrainArguments& arguments, bool with_split) {
  add_options(command, arguments, [&](const gcmc::OptionRow& row) {
    const bool of_split =
        (row.group == "Data" && row.name != "preset" && row.name != "data_name") || row.name == "seed";
    if (row.name == "ratings") return false;  // the command's first argument
    return row.group == "Your own ratings" || row.name == "data_dir" || row.name == "data_url" || row.name == "split" ||
           (with_split && of_split);
  });
}

void add_table_options(CLI::App& command, TrainArguments& arguments) {
  static const std::set<std::string_view> names = {"columns",       "separator", "decimal",   "no_header",
                                                   "layout",        "not_rated", "bad_lines", "duplicates",
                                                   "rating_levels", "data_limit"};
  add_options(command, arguments, [&](const gcmc::OptionRow& row) { return names.contains(row.name); });
}

gcmc::ReadOptions table_options(const CLI::App& command, const TrainArguments& arguments) {
  ProgramOptions program;
  for (const std::string& name : given_options(command, arguments))
    gcmc::set_option(program, name, arguments.texts.at(name));
  return program.reading;
}

std::vector<std::string> given_options(const CLI::App& command, const TrainArguments& arguments) {
  std::vector<std::string> names;
  for (const auto& [name, text] : arguments.texts)
    if (command.count("--" + hyphenated(name)) > 0) names.push_back(name);
  return names;
}

Settings resolve(const CLI::App& command, const TrainArguments& arguments, const gcmc::Ratings* ratings) {
  const std::vector<std::string> names = given_options(command, arguments);
  const auto given = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  Settings first;
  apply_config(first, arguments);
  for (const char* name : {"preset", "data_name", "time_budget"})
    if (given(name)) gcmc::set_option(first.options, name, arguments.texts.at(name));

  if (given("continue")) first.program.continued = arguments.texts.at("continue");
  if (ratings) first.options.run.data_name = ratings->name;

  Settings settings;
  const std::string& preset = first.options.preset;
  if (!gcmc::looks_at_ratings(preset))
    settings.options = gcmc::preset_options(preset, first.options.run.data_name);
  else if (ratings)
    settings.options =
        gcmc::preset_options(preset, first.options.run.data_name, *ratings, first.options.train.time_budget);
  if (preset == "paper") settings.program.log_interval = 10;
  apply_continued(settings, first.program.continued, given("preset"));
  apply_config(settings, arguments);
  follow(settings, [&](std::string_view name) { return in_config(arguments, name); });
  for (const std::string& name : names) set(settings, name, arguments.texts.at(name));
  follow(settings, given);
  apply_path(settings, command);
  const std::string& split = settings.options.run.split;
  settings.data_named |= given("data_name") || (!split.empty() && !gcmc::is_split_rule(split));
  if (ratings) settings.options.run.data_name = ratings->name;
  const bool other_data = given("data_name") || given("data_dir") || given("ratings") || !command.remaining().empty();
  if (!other_data) settings.recorded = arguments.recorded;
  if (!given("save_dir")) refuse_own_folder(settings.program, arguments.config);
  gcmc::require(first.program.continued.empty() || ratings || other_data || settings.data_named ||
                    !settings.program.ratings.empty(),
                "--continue: no ratings to go on with: name them by their path, or a data set by --data-name");
  if (!command.get_option_no_throw("--train-selection")) {  // nothing is trained, so nothing is chosen by validation
    settings.options.train.selection = gcmc::Selection::last;
    settings.options.train.schedule = gcmc::Schedule::constant;
  }
  if (!ratings && gcmc::looks_at_ratings(preset))  // whose other options are not known yet
    gcmc::require_ranges(settings.options);
  else
    gcmc::validate(settings.options);
  const std::string& id = settings.program.save_id;
  gcmc::require(id.find('/') == id.npos && id != "." && id != "..",
                "option save_id: '" + id + "' is not the name of a folder: leave out '/'");
  return settings;
}

std::string settings_json(const Settings& settings) {
  std::vector<gcmc::OptionValue> values = gcmc::option_values(settings.options);
  for (gcmc::OptionValue& value : gcmc::option_values(settings.program))
    if (!is_place_of_run(value.name)) values.push_back(std::move(value));
  for (gcmc::OptionValue& value : values)
    gcmc::with_option(settings.program, value.name, [&](const gcmc::OptionRow& row, const auto&) {
      if (row.is_path) value.value = absolute_path(value.value);
      if (row.are_paths) value.value = absolute_paths(value.value);
    });
  for (gcmc::OptionValue& value : settings.recorded.values()) values.push_back(std::move(value));
  return gcmc::options_json(values);
}

void refuse_extras(const CLI::App& command) {
  const std::vector<std::string> extras = command.remaining();
  if (extras.empty() || (extras.size() == 1 && is_path(extras.front()))) return;
  const std::string& unexpected = is_path(extras.front()) ? extras[1] : extras.front();
  throw gcmc::InputError("unexpected argument '" + unexpected +
                         "': options begin with --, a data set is named by its file or by --data-name, as in gcmc " +
                         command.get_name() + " --data-name ml-100k");
}
