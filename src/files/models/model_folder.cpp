// Saved models as folders: their configuration, their ids, and how a new folder replaces an old one.
#include "gcmc/files/model_folder.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "../json.hpp"
#include "../output_file.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/files/run_folder.hpp"
#include "model_check.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* format_name = "gcmc-model";
constexpr int format_version = 1;
/// What programs of version 0.1.0 wrote among the options, and is not of the model.
constexpr std::array<std::string_view, 5> program_options = {"data_dir", "save_dir", "save_id", "silent",
                                                             "train_log_interval"};

ordered_json config_of(const SavedModel& model) {
  ordered_json config;
  config["format"] = format_name;
  config["version"] = format_version;
  config["gcmc_version"] = GCMC_VERSION;
  config["dataset"] = model.dataset;
  config["rating_values"] = model.levels;
  config["sizes"] = {{"users", model.user_ids.size()},
                     {"items", model.item_ids.size()},
                     {"rating_values", model.levels.size()},
                     {"ratings", model.tensors.at("rated.items").shape[0]}};
  config["split"] = model.split;
  config["metrics"] = model.metrics;
  config["baseline_mean"] = model.mean;
  config["options"] = options_to_json(model.options);
  return config;
}

const ordered_json& member(const ordered_json& object, const std::string& name, const std::string& path) {
  const auto found = object.find(name);
  if (found == object.end()) throw InputError(path + ": \"" + name + "\" is missing");
  return *found;
}

template <class Value>
Value value_of(const ordered_json& object, const std::string& name, const std::string& path) {
  try {
    return member(object, name, path).get<Value>();
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(path + ": \"" + name + "\" has the wrong type: " + json_problem(problem));
  }
}

void read_config(SavedModel& model, const ordered_json& config, const std::string& path) {
  if (value_of<std::string>(config, "format", path) != format_name)
    throw InputError(path + ": not the configuration of a saved model (\"format\" is not " + format_name + ")");
  const auto& version = member(config, "version", path);
  if (version != format_version)
    throw InputError(path + ": saved in version " + version.dump().substr(0, 20) +
                     " of the format, this program reads " + std::to_string(format_version) +
                     ": use the program that saved it, or a newer one");
  model.dataset = value_of<std::string>(config, "dataset", path);
  model.levels = value_of<std::vector<double>>(config, "rating_values", path);
  model.split = value_of<std::map<std::string, std::string>>(config, "split", path);
  model.metrics = value_of<std::map<std::string, double>>(config, "metrics", path);
  model.mean = value_of<double>(config, "baseline_mean", path);
  read_options(member(config, "options", path), path, [&](const std::string& name, const std::string& text) {
    if (std::find(program_options.begin(), program_options.end(), name) == program_options.end())
      set_option(model.options, name, text);
  });
}

std::string ids_text(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) text += id + '\n';
  return text;
}

std::vector<std::string> read_ids(const std::string& path, const ordered_json& config, const char* size_name,
                                  const std::string& config_path) {
  const std::string text = read_text_file(path);
  if (!text.empty() && text.back() != '\n') throw InputError(path + ": its last line does not end (cut short?)");
  std::vector<std::string> ids;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    ids.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto& size = member(member(config, "sizes", config_path), size_name, config_path);
  if (size != ids.size())
    throw InputError(path + ": " + std::to_string(ids.size()) + " ids, config.json says " + size.dump().substr(0, 20));
  return ids;
}

/// The folder's name without links and a slash at its end, so that a suffix makes a name beside it.
std::string folder_path(const std::string& folder) {
  if (folder.empty()) throw InputError("a saved model's folder has no name");
  std::error_code code;
  fs::path path = fs::absolute(folder, code);
  if (!code) path = fs::weakly_canonical(path, code);
  if (code) throw_system_error(folder, code);
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) throw InputError(folder + ": cannot be a saved model's folder");
  return path.string();
}

bool holds_model(const std::string& folder) {
  std::error_code code;
  return fs::exists(folder + tensors_file, code);
}

/// Of the k-th of several models, counted from 1.
std::string member_folder(const std::string& folder, std::size_t k) { return folder + "/" + std::to_string(k); }

/// A folder of that name is replaced whole, so it must be empty or a saved model.
void check_replaceable(const std::string& folder) {
  std::error_code code;
  if (!fs::exists(fs::symlink_status(folder, code))) return;
  if (!fs::is_directory(folder, code)) throw InputError(folder + ": is there and is not a folder");
  if (!fs::is_empty(folder, code) && !holds_model(folder) && !holds_model(member_folder(folder, 1)))
    throw InputError(folder + ": holds files but no saved model; choose another folder, or empty it");
}

void remove_folder(const std::string& folder) {
  std::error_code code;
  fs::remove_all(folder, code);
  if (code) throw_system_error(folder + ": cannot be removed", code);
}

void rename_folder(const std::string& from, const std::string& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code) throw_system_error(from + ": cannot be renamed to " + to, code);
}

void write_folder(const std::string& folder, const SavedModel& model) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw_system_error(folder + ": cannot be made", code);
  write_safetensors(folder + tensors_file, model.tensors, {{"format", format_name}});
  write_file_atomically(folder + config_file, json_text(config_of(model), folder + config_file));
  write_file_atomically(folder + users_file, ids_text(model.user_ids));
  write_file_atomically(folder + items_file, ids_text(model.item_ids));
}

/// At every moment `folder`, or else folder.old, is a whole model; a stale folder.old goes only when `folder` is there.
void replace_folder(const std::string& folder, const std::string& whole, const std::string& old) {
  std::error_code code;
  const bool replaces = fs::exists(folder, code);
  if (replaces) {
    remove_folder(old);
    rename_folder(folder, old);
  }
  try {
    rename_folder(whole, folder);
  } catch (const Error&) {
    if (replaces) fs::rename(old, folder, code);
    throw;
  }
  sync_folder(fs::path(folder).parent_path().string());
  fs::remove_all(old, code);
}

}  // namespace

void save_model(const std::string& folder, const SavedModel& model) { save_models(folder, {&model, 1}); }

void save_models(const std::string& folder, std::span<const SavedModel> models) {
  const std::string target = folder_path(folder), temporary = target + ".tmp", old = target + ".old";
  require(!models.empty(), folder + ": there is no model to save");
  const auto place = [&](const std::string& path, std::size_t k) {
    return models.size() == 1 ? path : member_folder(path, k + 1);
  };
  for (std::size_t k = 0; k < models.size(); ++k) ModelCheck(models[k], place(target, k)).run();
  check_replaceable(target);
  remove_folder(temporary);
  try {
    for (std::size_t k = 0; k < models.size(); ++k) write_folder(place(temporary, k), models[k]);
    replace_folder(target, temporary, old);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

SavedModel load_model(const std::string& folder, const TensorFilter& wanted) {
  const std::string path = folder_path(folder);
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    if (fs::is_directory(path + ".old", code))
      throw InputError(folder + ": missing, but " + path +
                       ".old is there: a save was cut short; rename that folder to load it");
    throw InputError(folder + ": no such folder");
  }
  SavedModel model;
  const auto config = parse_json_object<ordered_json>(read_text_file(path + config_file), path + config_file);
  read_config(model, config, path + config_file);
  model.user_ids = read_ids(path + users_file, config, "users", path + config_file);
  model.item_ids = read_ids(path + items_file, config, "items", path + config_file);
  model.tensors = read_safetensors(path + tensors_file, wanted);
  ModelCheck(model, path, wanted).run();
  if (wanted) std::erase_if(model.tensors, [&](const auto& tensor) { return !wanted(tensor.first); });
  return model;
}

std::vector<SavedModel> load_models(const std::string& folder, const TensorFilter& wanted) {
  const std::string inner = folder + "/model";
  std::error_code code;
  if (!holds_model(folder) && fs::is_directory(inner, code)) return load_models(inner, wanted);
  std::vector<SavedModel> models;
  for (std::size_t k = 1; holds_model(member_folder(folder, k)); ++k)
    models.push_back(load_model(member_folder(folder, k), wanted));
  if (models.empty()) models.push_back(load_model(folder, wanted));
  return models;
}

}  // namespace gcmc
