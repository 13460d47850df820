// Saving models: what is written, and how it takes the place of what was there.
#include <linux/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "../json.hpp"
#include "../output_file.hpp"
#include "../swap.hpp"
#include "encodings_json.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/files/run_folder.hpp"
#include "model_check.hpp"
#include "model_paths.hpp"
#include "safetensors.hpp"
#include "staged_models.hpp"
#include "stored_embeddings.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json config_of(const SavedModel& model, std::size_t models) {
  ordered_json config;
  config["format"] = format_name;
  config["version"] = format_version;
  config["gcmc_version"] = GCMC_VERSION;
  if (models > 1) config["models"] = models;
  config["dataset"] = model.dataset;
  config["rating_values"] = model.levels;
  config["sizes"] = {{"users", model.user_ids.size()},
                     {"items", model.item_ids.size()},
                     {"rating_values", model.levels.size()},
                     {"ratings", model.tensors.at("rated.items").shape[0]}};
  config["split"] = model.split;
  config["metrics"] = model.metrics;
  config["baseline_mean"] = model.mean;
  for (const Side side : {user_side, item_side})
    if (!model.encodings[side].empty())
      config["features"][ModelLayers::name(side)] = encodings_to_json(model.encodings[side]);
  config["options"] = options_to_json(model.options);
  return config;
}

std::string ids_text(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) text += id + '\n';
  return text;
}

void make_folder(const std::string& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw_system_error(folder + ": cannot be made", code);
}

void write_tensors(const std::string& path, const SavedModel& model, EmbeddingPrecision embeddings) {
  const std::map<std::string, std::string> metadata = {{"format", format_name}};
  if (embeddings == EmbeddingPrecision::full) return write_safetensors(path, model.tensors, metadata);
  const NarrowTensors narrow(std::begin(embedding_names), std::end(embedding_names));
  write_narrow_safetensors(path, narrowed(model.tensors, embeddings), metadata, narrow);
}

/// One of so many models.
void write_folder(const std::string& folder, const SavedModel& model, std::size_t models,
                  EmbeddingPrecision embeddings) {
  make_folder(folder);
  write_tensors(folder + tensors_file, model, embeddings);
  write_file_atomically(folder + users_file, ids_text(model.user_ids));
  write_file_atomically(folder + items_file, ids_text(model.item_ids));
  if (!model.item_titles.empty()) write_file_atomically(folder + titles_file, ids_text(model.item_titles));
  write_file_atomically(folder + config_file, json_text(config_of(model, models), folder + config_file));
}

/// The folder's place, with its parents made.
std::string made_place(const std::string& folder) {
  const std::string target = folder_path(folder);
  make_folder(fs::path(target).parent_path().string());
  return target;
}

bool is_mount_point(const std::string& folder) {
  struct statx status {};
  return ::syscall(SYS_statx, AT_FDCWD, folder.c_str(), 0, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/// What `folder` holds of a model or of several, by name; the last one is what makes them loadable.
std::vector<std::string> model_entries(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const char* file : {tensors_file, users_file, items_file, titles_file, config_file})
    if (fs::exists(fs::symlink_status(folder + file, none))) names.emplace_back(file + 1);
  std::size_t members = 0;
  while (holds_model(member_folder(folder, members + 1))) ++members;
  for (std::size_t k = members; k > 0; --k) names.push_back(std::to_string(k));
  return names;
}

/// A folder of that name is replaced whole, so it must be empty, or hold a saved model and nothing else.
void check_replaceable(const std::string& folder) {
  std::error_code code;
  if (!fs::exists(fs::symlink_status(folder, code))) return;
  if (!fs::is_directory(folder, code)) throw InputError(folder + ": is there and is not a folder");
  const std::vector<std::string> known = model_entries(folder);
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw InputError(folder + ": holds " + name + ", which is not of a saved model, and would be replaced whole: " +
                     "move it away, or choose another folder");
  }
  if (code) throw_system_error(folder + ": cannot be read", code);
}

/// In a folder with the sticky bit (/tmp), only its owner, the folder's and root may rename an entry.
bool may_rename(const std::string& path) {
  struct stat entry {
  }, parent{};
  const std::string above = fs::path(path).parent_path().string();
  if (::stat(path.c_str(), &entry) != 0 || ::stat(above.c_str(), &parent) != 0) return false;
  const uid_t user = ::geteuid();
  return user == 0 || !(parent.st_mode & S_ISVTX) || entry.st_uid == user || parent.st_uid == user;
}

}  // namespace

StagedModels::StagedModels(const std::string& folder, std::span<const SavedModel> models, EmbeddingPrecision embeddings)
    : target_(made_place(folder)),
      mounted_(is_mount_point(target_)),
      stage_(mounted_ ? target_ + "/model" : target_),
      written_(stage_.path() + "/new"),
      older_(stage_.path() + std::string(older_model)) {
  require(!models.empty(), folder + ": there is no model to save");
  const auto place = [&](const std::string& path, std::size_t k) {
    return models.size() == 1 ? path : member_folder(path, k + 1);
  };
  for (std::size_t k = 0; k < models.size(); ++k) ModelCheck(models[k], place(target_, k)).run();
  if (!mounted_) check_replaceable(target_);
  make_folder(older_);
  for (std::size_t k = 0; k < models.size(); ++k)
    write_folder(place(written_, k), models[k], models.size(), embeddings);
}

void StagedModels::commit() {
  std::error_code none;
  if (!mounted_ && fs::exists(target_, none)) take_mode(target_, written_);
  if (mounted_ || !take_place()) replace_entries();
  sync_folder(mounted_ ? target_ : fs::path(target_).parent_path().string());
}

/// Renames the folder as a whole; another saver may make or replace the target at any moment. False where the file
/// system cannot exchange folders.
bool StagedModels::take_place() {
  constexpr unsigned exchange = 2;  // RENAME_EXCHANGE
  std::error_code none;
  for (;;) {
    if (!fs::exists(target_, none)) {
      if (std::rename(written_.c_str(), target_.c_str()) == 0) return true;
      if (errno != ENOTEMPTY && errno != EEXIST)
        throw_system_error(written_ + ": cannot be moved to " + target_, errno);
    }
    if (::syscall(SYS_renameat2, AT_FDCWD, written_.c_str(), AT_FDCWD, target_.c_str(), exchange) == 0) return true;
    if (errno != ENOENT) return false;
  }
}

/// For mount points, and file systems that cannot exchange folders.
void StagedModels::replace_entries() {
  std::vector<std::string> olds = model_entries(target_);
  std::reverse(olds.begin(), olds.end());
  Swap swap;
  for (const std::string& name : olds) swap.move(target_ + "/" + name, older_ + "/" + name);
  for (const std::string& name : model_entries(written_)) swap.move(written_ + "/" + name, target_ + "/" + name);
  swap.keep();
}

void save_model(const std::string& folder, const SavedModel& model) { save_models(folder, {&model, 1}); }

void save_models(const std::string& folder, std::span<const SavedModel> models, EmbeddingPrecision embeddings) {
  StagedModels(folder, models, embeddings).commit();
}

void check_model_folder(const std::string& folder) {
  const std::string target = folder_path(folder);
  std::error_code none;
  const bool mounted = is_mount_point(target);
  if (!mounted) check_replaceable(target);
  if (fs::exists(target, none) && (::access(target.c_str(), W_OK | X_OK) != 0 || !may_rename(target)))
    throw InputError(folder + ": cannot be replaced by this user: choose another folder");
  fs::path place = mounted ? target + "/model" : target;
  while (place.has_relative_path() && !fs::exists(place.parent_path(), none)) place = place.parent_path();
  const TemporaryFolder trial(place.string());
  write_file_atomically(trial.path() + "/trial", "trial\n");
}

}  // namespace gcmc
