// The folder of a run: its lock, whether a run may be saved there, and how an older run gives its place to a new one.
#include "gcmc/files/save_run.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "file_lock.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "json.hpp"
#include "models/staged_models.hpp"
#include "output_file.hpp"
#include "swap.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

/// In the order in which they go: whose config.json is there is a run's folder.
constexpr std::array<const char*, 5> run_files = {"test_predictions.csv", "curve.svg", "history.csv", "metrics.json",
                                                  "config.json"};

bool is_there(const std::string& path) {
  std::error_code none;
  return fs::exists(fs::symlink_status(path, none));
}

/// Of the run in `folder` and of its seeds or folds, by name, what is there of them.
std::vector<std::string> files_of_run(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code none;
  const auto add = [&](const std::string& place) {
    for (const char* file : run_files)
      if (is_there(folder + "/" + place + file)) names.push_back(place + file);
  };
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if ((name.starts_with("seed-") || name.starts_with("fold-")) && is_there(folder + "/" + name + "/config.json"))
      add(name + "/");
  }
  add("");
  return names;
}

/// Is `path` the options of a run?
bool holds_options(const std::string& path) {
  try {
    const auto options = parse_json_object<nlohmann::json>(read_text_file(path), path);
    return options.contains("preset") && options.contains("train_max_iter");
  } catch (const InputError&) {
    return false;
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// What the lock's holder wrote, which it does a moment after it has the lock.
std::string holder(int file) {
  std::array<char, 300> text{};
  for (int tries = 0; tries < 100; ++tries) {
    const ssize_t size = ::pread(file, text.data(), text.size() - 1, 0);
    if (size > 0) return {text.data(), std::find(text.data(), text.data() + size, '\n')};
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return "another process";
}

void make_parent(const std::string& path) {
  std::error_code code;
  fs::create_directories(fs::path(path).parent_path(), code);
  if (code) throw_system_error(path + ": cannot be made", code);
}

}  // namespace

FolderLock::FolderLock(const std::string& folder) : lock_(std::make_unique<FileLock>(folder + "/.gcmc-lock")) {
  if (lock_->try_take() == FileLock::Answer::busy)
    throw InputError(folder + ": a run saves to it (" + holder(lock_->number()) +
                     "): wait until that ends, or choose another folder");
  const std::string text = "process " + std::to_string(::getpid()) + " on " + host_name() + "\n";
  if (::ftruncate(lock_->number(), 0) != 0) throw_system_error(lock_->path() + ": cannot be written", errno);
  write_all(lock_->number(), text.data(), text.size(), lock_->path());
}

FolderLock::~FolderLock() = default;

void check_run_folder(const std::string& folder, const std::string& model_folder) {
  remove_leftovers(folder);
  const std::vector<std::string> files = files_of_run(folder);
  for (const std::string& name : files) {
    std::error_code none;
    const std::string path = folder + "/" + name;
    require(fs::is_regular_file(fs::symlink_status(path, none)), [&] {
      return path + ": is no file, and a run would write one there: remove it, or choose another folder";
    });
    if (fs::path(name).filename() == "config.json")
      require(holds_options(path), [&] {
        return path + ": is not of a run, and would be replaced: move it away, or choose another folder";
      });
  }
  require(files.empty() || files.back() == "config.json" || fs::path(files.back()).has_parent_path(), [&] {
    return folder + "/" + files.back() + ": is there without a run's config.json, and would be replaced: move it " +
           "away, or choose another folder";
  });
  write_file_atomically(folder + "/.gcmc-trial", "trial\n");
  ::unlink((folder + "/.gcmc-trial").c_str());
  check_model_folder(model_folder.empty() ? folder + "/model" : model_folder);
}

void save_run(const std::string& folder, std::span<const RunFile> files, std::span<const SavedModel> models,
              const std::string& model_folder) {
  const TemporaryFolder stage(folder + "/run");
  const std::string fresh = stage.path() + "/new/", old = stage.path() + "/old/";
  for (const RunFile& file : files) {
    make_parent(fresh + file.name);
    write_file_atomically(fresh + file.name, file.text);
    take_mode(folder + "/" + file.name, fresh + file.name);
    make_parent(folder + "/" + file.name);
  }
  const std::string model = model_folder.empty() ? folder + "/model" : model_folder;
  std::optional<StagedModels> staged;
  if (!models.empty()) staged.emplace(model, models);
  const std::vector<std::string> olds = files_of_run(folder);
  Swap swap;
  for (const std::string& name : olds) {
    make_parent(old + name);
    swap.move(folder + "/" + name, old + name);
  }
  if (staged) {
    staged->commit();
  } else if (is_there(model)) {
    make_parent(old + "model");
    swap.move(model, old + "model");
  }
  swap.keep();
  try {
    for (const RunFile& file : files) swap.move(fresh + file.name, folder + "/" + file.name);
  } catch (const Error& problem) {
    rethrow_as(problem.what() + (staged ? "; the model itself is in " + model : std::string()));
  }
  swap.keep();
  for (const std::string& name : olds)  // seeds and folds that the new run has not
    if (const fs::path path(name); path.has_parent_path()) ::rmdir((folder / path.parent_path()).c_str());
  sync_folder(folder);
}

}  // namespace gcmc
