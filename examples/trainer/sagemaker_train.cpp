// gcmc sagemaker train: a job as SageMaker lays it out becomes the command line of gcmc train.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "notes.hpp"
#include "program_options.hpp"
#include "sagemaker.hpp"
#include "sagemaker_folders.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sagemaker::base_folder;
using sagemaker::environment;
using Arguments = std::vector<std::string>;
using Parameters = std::map<std::string, std::string>;

/// An object; empty where there is no such file.
json read_object(const fs::path& path) {
  std::error_code none;
  if (!fs::exists(path, none)) return json::object();
  std::ifstream file(path);
  const json object = json::parse(file, nullptr, false);
  gcmc::require(object.is_object(), path.string() + ": no JSON object");
  return object;
}

/// The text of a value in any of the encodings: raw, or as JSON within a string. True is true, and 500.0 is 500.
std::string plain_text(const json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const json inner = json::parse(text, nullptr, false);
  if (inner.is_string()) return plain_text(inner);
  if (inner.is_number_float()) {
    const double number = inner.get<double>();
    if (std::abs(number) < 1e15 && number == std::floor(number)) return std::to_string(static_cast<long long>(number));
  }
  if (inner.is_number() || inner.is_boolean()) return inner.dump();  // without blanks around
  return text == "True" ? "true" : text == "False" ? "false" : text;
}

/// What a search is told, beside the options of gcmc tune.
constexpr std::array<const char*, 5> search_names = {"search", "trials", "eta", "rungs", "tune_seed"};
/// What channels and folders of the container say.
constexpr std::array<const char*, 10> places = {"ratings",       "test_ratings", "valid_ratings", "user_features",
                                                "item_features", "user_graph",   "item_graph",    "data_dir",
                                                "model_dir",     "resume"};

bool is_place(const std::string& name) { return std::find(places.begin(), places.end(), name) != places.end(); }
bool is_of_search(const std::string& name) {
  return std::find(search_names.begin(), search_names.end(), name) != search_names.end();
}

std::vector<std::string> known_parameters() {
  std::vector<std::string> names(search_names.begin(), search_names.end());
  const auto add = [&](const gcmc::OptionRow& row, const auto&) {
    if (is_place(std::string(row.name))) return;
    names.emplace_back(row.name);
    if (!row.alias.empty()) names.emplace_back(row.alias);
  };
  const Settings settings;
  gcmc::for_each_option(settings.options, add);
  for_each_option(settings.program, add);
  return names;
}

/// hyperparameters.json, else SM_HPS, by the names of options with _.
Parameters read_parameters() {
  const fs::path path = base_folder() / "input/config/hyperparameters.json";
  json given = read_object(path);
  if (const std::string text = environment("SM_HPS"); given.empty() && !text.empty()) {
    given = json::parse(text, nullptr, false);
    gcmc::require(given.is_object(), "SM_HPS: no JSON object");
  }
  const std::vector<std::string> known = known_parameters();
  Parameters parameters;
  for (const auto& [key, value] : given.items()) {
    if (key.starts_with("sagemaker_") || key == "_tuning_objective_metric") continue;
    std::string name = key;
    std::replace(name.begin(), name.end(), '-', '_');
    gcmc::require(!is_place(name), "hyperparameter " + name + ": channels and folders of the container say that: " +
                                       "leave it out (channels: train, test, validation, features)");
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw gcmc::InputError("unknown hyperparameter " + key + ": did you mean " + gcmc::nearest_name(name, known) +
                             "? Their names are those of the options of gcmc train, with _ for -");
    const std::string text = plain_text(value);
    gcmc::require(!text.empty(), "hyperparameter " + key + " is empty: leave it out");
    gcmc::require(!parameters.contains(name), "hyperparameter " + name + " is given with - and with _: leave out one");
    parameters[name] = text;
  }
  return parameters;
}

constexpr std::array<const char*, 5> channel_names = {"train", "training", "test", "validation", "features"};

/// SM_CHANNEL_TRAIN, where that is set, or input/data/train.
fs::path channel_folder(const std::string& name) {
  std::string variable = "SM_CHANNEL_" + name;
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return sagemaker::folder(variable, "input/data/" + name);
}

/// Folders of the job's channels by name: those of inputdataconfig.json, and those that have a folder.
std::map<std::string, fs::path> read_channels() {
  const json config = read_object(base_folder() / "input/config/inputdataconfig.json");
  std::set<std::string> names;
  for (const auto& [name, settings] : config.items()) {
    const std::string mode = settings.is_object() ? settings.value("TrainingInputMode", "File") : "File";
    gcmc::require(mode == "File" || mode == "FastFile", "channel " + name + ": the input mode is " + mode +
                                                            ", and files are read here: choose File or FastFile");
    gcmc::require(std::find(channel_names.begin(), channel_names.end(), name) != channel_names.end(),
                  "unknown channel " + name + ": the channels are train (or training), test, validation and features");
    names.insert(name);
  }
  std::error_code none;
  for (const char* name : channel_names)
    if (fs::exists(channel_folder(name), none)) names.insert(name);
  for (const auto& entry : fs::directory_iterator(base_folder() / "input/data", none))
    if (const std::string name = entry.path().filename().string();
        entry.is_directory(none) && std::find(channel_names.begin(), channel_names.end(), name) == channel_names.end())
      tell_note("the folder input/data/" + gcmc::printable(name) +
                " is not used: the channels are train (or training), test, validation and features");
  gcmc::require(!names.contains("train") || !names.contains("training"),
                "channels train and training are two names of one: give either");
  gcmc::require(
      names.empty() || names.contains("train") || names.contains("training"),
      "channel " + (names.empty() ? "" : *names.begin()) +
          " is there, and no channel train: where there are channels nothing is downloaded, and train has the "
          "ratings");
  std::map<std::string, fs::path> channels;
  for (const std::string& name : names) channels[name == "training" ? "train" : name] = channel_folder(name);
  return channels;
}

/// All files of a channel in order, but for marks such as _SUCCESS and .DS_Store.
std::vector<fs::path> files_in(const std::string& channel, const fs::path& folder) {
  constexpr auto follow = fs::directory_options::follow_directory_symlink;
  std::vector<fs::path> files;
  std::error_code problem;
  for (const auto& entry : fs::recursive_directory_iterator(folder, follow, problem)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && !name.starts_with('_')) files.push_back(entry.path());
  }
  gcmc::require(!problem && !files.empty(), "channel " + channel + ": " + folder.string() +
                                                (problem ? ": " + problem.message() : " holds no file"));
  std::sort(files.begin(), files.end());
  return files;
}

/// The option that a file of features is for, by what its name says: of users or items, features or a graph.
std::string option_of_feature(const fs::path& file) {
  std::string name = file.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto says = [&](const char* word) { return name.find(word) != std::string::npos; };
  gcmc::require(says("user") != says("item"), "channel features: " + name +
                                                  ": call it after what it holds: user_features, item_features, " +
                                                  "user_graph or item_graph");
  return std::string(says("user") ? "--user-" : "--item-") + (says("graph") ? "graph" : "features");
}

/// The arguments of a command that say where the ratings and what belongs to them are.
Arguments data_arguments(const std::map<std::string, fs::path>& channels) {
  std::map<std::string, std::string> paths;
  for (const auto& [name, folder] : channels) {
    const std::vector<fs::path> files = files_in(name, folder);
    if (name != "features") {
      const fs::path& place = files.size() == 1 ? files.front() : folder;
      paths[name == "train" ? "--ratings" : name == "test" ? "--test-ratings" : "--valid-ratings"] = place.string();
      continue;
    }
    for (const fs::path& file : files) {
      const std::string option = option_of_feature(file);
      std::string& of_option = paths[option];
      gcmc::require(of_option.empty() || option.ends_with("graph"),
                    "channel features: " + file.filename().string() + ": there is another such file");
      of_option += (of_option.empty() ? "" : ",") + file.string();
    }
  }
  Arguments arguments;
  for (const auto& [option, path] : paths) arguments.insert(arguments.end(), {option, path});
  return arguments;
}

/// A job of several hosts. Here ranks will be started.
void refuse_hosts(std::size_t count) {
  throw gcmc::InputError("this job has " + std::to_string(count) +
                         " hosts, and gcmc trains on one: set the instance count to 1, and choose a larger instance "
                         "type for a larger set");
}

void check_hosts() {
  const json resources = read_object(base_folder() / "input/config/resourceconfig.json"),
             hosts = resources.contains("hosts") ? resources["hosts"]
                                                 : json::parse(environment("SM_HOSTS"), nullptr, false);
  if (hosts.is_array() && hosts.size() > 1) refuse_hosts(hosts.size());
}

/// The seed example saves into the model's folder, which is where the model goes.
void drop_model_as_save_dir(Parameters& parameters) {
  const auto given = parameters.find("save_dir");
  if (given == parameters.end()) return;
  const auto folder = [](const fs::path& path) { return (path / "").lexically_normal(); };
  const fs::path model = sagemaker::model_folder();
  gcmc::require(folder(given->second) == folder(model) || folder(given->second) == "/opt/ml/model/",
                "hyperparameter save_dir is " + given->second + ": the model goes to " + model.string() +
                    " and its figures to output/data, whence SageMaker takes them: leave it out");
  parameters.erase(given);
}

void append_options(Arguments& arguments, const Parameters& parameters, bool of_search) {
  for (const auto& [name, text] : parameters) {
    if (is_of_search(name) && (!of_search || name == "search")) continue;
    std::string option = "--" + name;
    std::replace(option.begin(), option.end(), '_', '-');
    arguments.push_back(option + "=" + text);
  }
}

/// "train_lr=0.003..0.03:log;gcn_dropout=0.3..0.8", or a JSON object of the same, in which values may be a list.
void append_searches(Arguments& arguments, const std::string& text) {
  const auto add = [&](const std::string& search) { arguments.insert(arguments.end(), {"--search", search}); };
  if (const json object = json::parse(text, nullptr, false); object.is_object()) {
    for (const auto& [name, values] : object.items()) {
      std::string choices;
      for (const json& value : values.is_array() ? values : json::array({values}))
        choices += (choices.empty() ? "" : ",") + plain_text(value);
      add(name + "=" + choices);
    }
    return;
  }
  std::istringstream searches(text);
  for (std::string search; std::getline(searches, search, ';');) add(search);
}

/// As a shell reads it.
std::string quoted(const std::string& argument) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("_@%+=:,./-", c); };
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), plain)) return argument;
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

/// One job: its parameters and channels, and the commands that they become.
class Job {
 public:
  explicit Job(const RunProgram& run_program) : run_program_(run_program), parameters_(read_parameters()) {
    drop_model_as_save_dir(parameters_);
    channels_ = read_channels();
    if (channels_.empty()) parameters_.try_emplace("data_name", "ml-1m");  // the seed example's
    parameters_.try_emplace("device", "auto");
    for (const char* name : search_names)
      gcmc::require(!parameters_.contains(name) || parameters_.contains("search"),
                    std::string("hyperparameter ") + name + " is of a search: give search too, or leave it out");
    const fs::path checkpoints = base_folder() / "checkpoints";
    std::error_code none;
    if (fs::is_directory(checkpoints, none)) checkpoints_ = checkpoints;
    fs::create_directories(figures_, none);  // what fails is told by the command
  }

  void run() {
    check_hosts();
    if (parameters_.contains("search")) search();
    const bool all_folds = parameters_.contains("folds") && !parameters_.contains("fold");
    if (!all_folds) parameters_.try_emplace("test_predictions", "true");
    Arguments arguments = {"train"};
    if (parameters_.contains("search")) arguments.insert(arguments.end(), {"--config", winner().string()});
    append_data(arguments);
    arguments.insert(arguments.end(), {"--save-dir", figures_.string()});
    if (!all_folds) arguments.insert(arguments.end(), {"--model-dir", sagemaker::model_folder().string()});
    if (!all_folds && keeps_checkpoints())
      arguments.insert(arguments.end(), {"--checkpoint-dir", checkpoints_.string()});
    append_options(arguments, parameters_, false);
    run_command(arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) throw gcmc::Error("standard output cannot be written");
  }

 private:
  /// Not of a training that a time budget limits as a whole.
  bool keeps_checkpoints() const {
    const auto budget = parameters_.find("time_budget");
    const bool limited = budget != parameters_.end() && std::atof(budget->second.c_str()) > 0;
    if (limited && !checkpoints_.empty())
      tell_note(
          "no checkpoints are kept: time_budget is for a training as a whole, and a job that is cut off begins anew");
    return !limited && !checkpoints_.empty() && !parameters_.contains("checkpoint_dir");
  }
  fs::path search_folder() const { return (checkpoints_.empty() ? figures_ : checkpoints_) / "search"; }
  fs::path winner() const { return search_folder() / "winner.json"; }

  /// Throws Error where it was stopped, as there is no winner then.
  void search() {
    Arguments arguments = {"tune"};
    append_searches(arguments, parameters_.at("search"));
    append_data(arguments);
    arguments.insert(arguments.end(), {"--save-dir", search_folder().string()});
    Parameters others = parameters_;
    others.erase("device");  // trials are trained on the processor
    others.erase("save_id");
    others.erase("test_predictions");
    append_options(arguments, others, true);
    run_command(arguments);
    std::error_code none;
    if (!checkpoints_.empty()) {
      const fs::path copy = figures_ / "search";
      fs::copy(search_folder(), copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing, none);
      fs::remove_all(copy / "running", none);  // the checkpoints of trials
    }
    if (!fs::exists(winner(), none))
      throw gcmc::Error(
          "the search was stopped before it had a winner, so that there is no model: the same job goes on " +
          std::string(checkpoints_.empty() ? "where checkpoints are kept" : "from its checkpoints"));
  }

  void append_data(Arguments& arguments) const {
    const Arguments data = data_arguments(channels_);
    arguments.insert(arguments.end(), data.begin(), data.end());
  }

  void run_command(const Arguments& arguments) const {
    std::string command = "gcmc";
    for (const std::string& argument : arguments) command += " " + quoted(argument);
    tell_note(command);
    run_program_(arguments);
  }

  const RunProgram& run_program_;
  Parameters parameters_;
  std::map<std::string, fs::path> channels_;
  fs::path checkpoints_;  ///< empty: none
  const fs::path figures_ = sagemaker::folder("SM_OUTPUT_DATA_DIR", "output/data");
};

/// SIGTERM waits for the training or search that can end in order; process 1 would not hear of it.
void hold_back_termination() {
  sigset_t termination;
  sigemptyset(&termination);
  sigaddset(&termination, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &termination, nullptr);
}

/// Its first 1024 characters are shown to the user. A file that is there tells of the first failure.
void write_failure(const std::string& reason) {
  const fs::path path = base_folder() / "output/failure";
  std::error_code none;
  fs::create_directories(path.parent_path(), none);
  const std::string text = gcmc::printable(reason, 1000);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (::write(file, text.data(), text.size()) < 0) tell_note(path.string() + " could not be written");
  ::close(file);
}

}  // namespace

void sagemaker_train(const RunProgram& run_program) try {
  hold_back_termination();
  Job(run_program).run();
} catch (const std::bad_alloc&) {
  write_failure("out of memory: choose an instance type with more, or a smaller model (gcn_agg_units)");
  throw;
} catch (const std::exception& problem) {
  write_failure(problem.what());
  throw;
}
