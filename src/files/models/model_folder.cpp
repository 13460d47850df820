// Loading saved models: their configuration and their ids.
#include "gcmc/files/model_folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <unordered_set>

#include "../json.hpp"
#include "encodings_json.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/run_folder.hpp"
#include "model_check.hpp"
#include "model_paths.hpp"
#include "safetensors.hpp"
#include "stored_embeddings.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// What programs of version 0.1.0 wrote among the options, and is not of the model.
constexpr std::array<std::string_view, 5> program_options = {"data_dir", "save_dir", "save_id", "silent",
                                                             "train_log_interval"};

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
  require(config.contains("format") || !config.contains("gcn_agg_units"), [&] {
    return path + ": is of a run, whose model would be in model/ beside it (of folds and of a search none is kept: " +
           "train one)";
  });
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
  if (config.contains("features")) {
    const ordered_json& features = member(config, "features", path);
    for (const Side side : {user_side, item_side})
      if (features.contains(ModelLayers::name(side)))
        model.encodings[side] = encodings_of_json(features.at(ModelLayers::name(side)), path);
  }
  read_options(member(config, "options", path), path, [&](const std::string& name, const std::string& text) {
    if (std::find(program_options.begin(), program_options.end(), name) == program_options.end())
      set_option(model.options, name, text);
  });
}

/// Lines of which there must be as many as config.json says of `size_name`.
std::vector<std::string> read_lines(const std::string& path, const ordered_json& config, const char* size_name,
                                    const std::string& config_path) {
  const std::string text = read_text_file(path);
  if (!text.empty() && text.back() != '\n') throw InputError(path + ": its last line does not end (cut short?)");
  const auto count = std::count(text.begin(), text.end(), '\n');
  const auto& size = member(member(config, "sizes", config_path), size_name, config_path);
  if (size != count)
    throw InputError(path + ": " + std::to_string(count) + " lines, config.json says " + size.dump().substr(0, 20) +
                     " " + size_name);
  std::vector<std::string> lines;
  lines.reserve(static_cast<std::size_t>(count));
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The tensors that have a value for each rating of a part.
constexpr std::array<std::string_view, 2> parts = {"rated", "tested"}, of_ratings = {".items", ".levels"};

bool is_of_ratings(const std::string& tensor) {
  for (const std::string_view part : parts)
    for (const std::string_view suffix : of_ratings)
      if (tensor == std::string(part).append(suffix)) return true;
  return false;
}

/// Reads the ratings of these users, and leaves none to the others. What is not as it must be is left for ModelCheck.
void read_ratings_of(const std::vector<std::string>& raters, SavedModel& model, const std::string& path,
                     const TensorFilter& wanted) {
  const std::unordered_set<std::string_view> ids(raters.begin(), raters.end());
  for (const std::string_view part : parts) {
    const auto tensor = model.tensors.find(std::string(part) + ".offsets");
    if (tensor == model.tensors.end()) continue;
    auto* const offsets = std::get_if<std::vector<Offset>>(&tensor->second.values);
    if (!offsets || offsets->size() != model.user_ids.size() + 1) continue;
    std::vector<TensorRows> ranges;
    Offset begin = (*offsets)[0], kept = 0;
    (*offsets)[0] = 0;
    for (std::size_t user = 0; user < model.user_ids.size(); ++user) {
      const TensorRows range{begin, begin = (*offsets)[user + 1]};
      if (ids.contains(model.user_ids[user])) {
        ranges.push_back(range);
        kept += range.end - range.begin;
      }
      (*offsets)[user + 1] = kept;
    }
    for (const std::string_view suffix : of_ratings) {
      const std::string name = std::string(part).append(suffix);
      const auto found = model.tensors.find(name);
      if (found == model.tensors.end()) continue;
      if (!wanted || wanted(name))
        found->second = read_rows(path + tensors_file, name, ranges);
      else
        found->second.shape = {kept};
    }
  }
}

SavedModel load_parts(const std::string& path, const TensorFilter& wanted,
                      const std::optional<std::vector<std::string>>& raters) {
  SavedModel model;
  const auto config = parse_json_object<ordered_json>(read_text_file(path + config_file), path + config_file);
  read_config(model, config, path + config_file);
  model.user_ids = read_lines(path + users_file, config, "users", path + config_file);
  model.item_ids = read_lines(path + items_file, config, "items", path + config_file);
  std::error_code none;
  if (fs::exists(path + titles_file, none))
    model.item_titles = read_lines(path + titles_file, config, "items", path + config_file);
  const auto read_whole = [&](const std::string& name) {
    return (!wanted || wanted(name) || is_scale(name)) && !(raters && is_of_ratings(name));
  };
  model.tensors = read_safetensors(path + tensors_file, read_whole);
  if (raters) read_ratings_of(*raters, model, path, wanted);
  widen(model.tensors, path + tensors_file);
  ModelCheck(model, path, wanted).run();
  if (wanted) std::erase_if(model.tensors, [&](const auto& tensor) { return !wanted(tensor.first); });
  return model;
}

/// Which folder a path leads to at the moment.
class FolderIdentity {
 public:
  explicit FolderIdentity(const std::string& path) {
    if (::stat(path.c_str(), &status_) != 0) status_ = {};
  }
  bool is_folder() const { return S_ISDIR(status_.st_mode); }
  friend bool operator==(const FolderIdentity& a, const FolderIdentity& b) {
    return a.status_.st_dev == b.status_.st_dev && a.status_.st_ino == b.status_.st_ino &&
           a.status_.st_ctim.tv_sec == b.status_.st_ctim.tv_sec &&
           a.status_.st_ctim.tv_nsec == b.status_.st_ctim.tv_nsec;
  }

 private:
  struct stat status_ {};
};

/// What read() reads of a folder that nobody has replaced meanwhile, so that its parts are of one whole.
template <class Read>
auto read_unchanged(const std::string& folder, const std::string& path, const Read& read) {
  constexpr int most_tries = 10;
  for (int tries = 1;; ++tries) {
    const FolderIdentity before(path);
    require(before.is_folder(), folder + ": no such folder");
    try {
      auto models = read();
      if (FolderIdentity(path) == before) return models;
    } catch (const Error&) {
      if (FolderIdentity(path) == before || tries == most_tries) throw;
    }
    if (tries == most_tries) throw FileError(folder + ": is replaced all the time: cannot be read");
  }
}

/// How many models lie in its sub-folders 1, 2, ...; 0: it holds none, or is one itself. Throws InputError where one of
/// them is missing.
std::size_t count_members(const std::string& folder) {
  std::size_t count = 0;
  while (holds_model(member_folder(folder, count + 1))) ++count;
  std::size_t wanted = count;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    std::size_t number = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code == std::errc() && end == name.data() + name.size() && holds_model(entry.path().string()))
      wanted = std::max(wanted, number);
  }
  if (count > 0) {
    const std::string path = member_folder(folder, 1) + config_file;
    const auto config = parse_json_object<ordered_json>(read_text_file(path), path);
    if (config.contains("models")) wanted = std::max(wanted, value_of<std::size_t>(config, "models", path));
  }
  require(wanted == count, [&] {
    return member_folder(folder, count + 1) + ": is missing: this is one of " + std::to_string(wanted) +
           " models that answer with their mean (copy it too, or name one of the others)";
  });
  return count;
}

}  // namespace

SavedModel load_model(const std::string& folder, const TensorFilter& wanted,
                      const std::optional<std::vector<std::string>>& raters) {
  const std::string path = folder_path(folder);
  require(holds_model(path) || !holds_model(member_folder(path, 1)),
          [&] { return folder + ": holds several models, which load_models reads together"; });
  return read_unchanged(folder, path, [&] { return load_parts(path, wanted, raters); });
}

std::vector<SavedModel> load_models(const std::string& folder, const TensorFilter& wanted,
                                    const std::optional<std::vector<std::string>>& raters) {
  const std::string inner = folder + "/model";
  std::error_code code;
  if (!holds_model(folder) && fs::is_directory(inner, code)) return load_models(inner, wanted, raters);
  const std::string path = folder_path(folder);
  return read_unchanged(folder, path, [&] {
    std::vector<SavedModel> models;
    const std::size_t members = holds_model(path) ? 0 : count_members(path);
    for (std::size_t k = 1; k <= members; ++k) models.push_back(load_model(member_folder(path, k), wanted, raters));
    if (models.empty()) models.push_back(load_model(folder, wanted, raters));
    return models;
  });
}

}  // namespace gcmc
