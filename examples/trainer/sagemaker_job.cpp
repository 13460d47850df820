// A job as SageMaker lays it out: hyperparameters, channels, hosts.
#include "sagemaker_job.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "notes.hpp"
#include "program_options.hpp"
#include "sagemaker_folders.hpp"

namespace sagemaker {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// An object; empty where there is no such file.
json read_object(const fs::path& path) {
  std::error_code none;
  if (!fs::exists(path, none)) return json::object();
  std::ifstream file(path);
  const json object = json::parse(file, nullptr, false);
  gcmc::require(object.is_object(), path.string() + ": no JSON object");
  return object;
}

/// What SageMaker tells the jobs of a tuner.
constexpr const char* of_tuner = "_tuning_objective_metric";

/// What channels and folders of the container say.
constexpr std::array<const char*, 10> places = {"ratings",       "test_ratings", "valid_ratings", "user_features",
                                                "item_features", "user_graph",   "item_graph",    "data_dir",
                                                "model_dir",     "resume"};

bool is_place(const std::string& name) { return std::find(places.begin(), places.end(), name) != places.end(); }

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

/// The seed example saves into the model's folder, which is where the model goes.
void drop_model_as_save_dir(Parameters& parameters) {
  const auto given = parameters.find("save_dir");
  if (given == parameters.end()) return;
  const auto folder = [](const fs::path& path) { return (path / "").lexically_normal(); };
  const fs::path model = model_folder();
  gcmc::require(folder(given->second) == folder(model) || folder(given->second) == "/opt/ml/model/",
                "hyperparameter save_dir is " + given->second + ": the model goes to " + model.string() +
                    " and its figures to output/data, whence SageMaker takes them: leave it out");
  parameters.erase(given);
}

/// A tuner compares its jobs by their validation errors: of ratings that none of them has trained on.
void hold_out_validation(Parameters& parameters) {
  const std::string& told = parameters.try_emplace("train_on_valid", "false").first->second;
  gcmc::require(told == "false" || told == "0",
                "hyperparameter train_on_valid is " + told +
                    ", and this job is one of a tuner, which chooses by ratings that no job has "
                    "trained on: leave it out");
}

constexpr std::array<const char*, 5> channel_names = {"train", "training", "test", "validation", "features"};

/// SM_CHANNEL_TRAIN, where that is set, or input/data/train.
fs::path channel_folder(const std::string& name) {
  std::string variable = "SM_CHANNEL_" + name;
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return folder(variable, "input/data/" + name);
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

/// A job of several hosts. Here ranks will be started.
void refuse_hosts(std::size_t count) {
  throw gcmc::InputError("this job has " + std::to_string(count) +
                         " hosts, and gcmc trains on one: set the instance count to 1, and choose a larger instance "
                         "type for a larger set");
}

}  // namespace

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
    if (key.starts_with("sagemaker_") || key == of_tuner) continue;
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
  drop_model_as_save_dir(parameters);
  if (given.contains(of_tuner)) hold_out_validation(parameters);
  return parameters;
}

Channels read_channels() {
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
  Channels channels;
  for (const std::string& name : names) channels[name == "training" ? "train" : name] = channel_folder(name);
  return channels;
}

Arguments data_arguments(const Channels& channels) {
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

void check_hosts() {
  const json resources = read_object(base_folder() / "input/config/resourceconfig.json"),
             hosts = resources.contains("hosts") ? resources["hosts"]
                                                 : json::parse(environment("SM_HOSTS"), nullptr, false);
  if (hosts.is_array() && hosts.size() > 1) refuse_hosts(hosts.size());
}

}  // namespace sagemaker
