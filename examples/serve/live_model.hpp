// The models that a server answers from: loaded beside requests, exchanged whole.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/model/predictor.hpp"

namespace serve {

/// A model as it answers. Nothing of it changes; whoever asks holds it until the answer is whole.
struct LiveModel {
  LiveModel(std::string name, const std::string& folder, int version);

  const std::string name;
  const int version;  ///< counts its loads: 1, 2, ...
  const gcmc::Predictor predictor;
  const std::chrono::system_clock::time_point loaded = std::chrono::system_clock::now();
  std::string sha256;  ///< of model.safetensors, of several one after the other; empty in a build without OpenSSL
  bool folds_in = false;
  std::size_t bytes = 0;                             ///< of tensors and ids
  std::map<std::string, double> metrics;             ///< of the run, of several models their means
  std::array<std::vector<gcmc::Offset>, 2> ratings;  ///< that the set holds, in whichever part: of each user, each item
  std::vector<gcmc::Index> users_by_id, items_by_ratings;
  std::vector<std::string> searched;  ///< of each item its title (or id) in lower case

  const gcmc::SavedModel& saved() const { return predictor.model(); }
};

enum class ModelState { loading, ready, failed, unloaded };

struct ModelStatus {
  std::string name, folder, detail = {};  ///< detail: why the last load failed
  ModelState state = ModelState::loading;
  std::shared_ptr<const LiveModel> model = {};  ///< what answers; of a load that failed, the one before
};

/// Models by name. Members may be called from any thread.
class Models {
 public:
  /// Names and folders. Nothing is loaded yet.
  explicit Models(std::vector<std::pair<std::string, std::string>> folders);

  /// Reads the folder anew and exchanges the model, while the old one answers; of a model that is unloaded meanwhile
  /// nothing stays. Throws Problem 404 for an unknown name, gcmc::Error where there is no such model in the folder; the
  /// old one stays then.
  void load(const std::string& name);
  /// A further model, loaded at once. Throws Problem 409 for a name that is taken, gcmc::Error as load; nothing stays
  /// then.
  void add(const std::string& name, const std::string& folder);
  /// No such model any more; requests that have begun are answered. Throws Problem 404.
  void remove(const std::string& name);
  /// Forgets it; requests that have begun are answered. Throws Problem 404.
  void unload(const std::string& name);

  /// The model that answers; the first one for an empty name. Throws Problem: 404 for an unknown name, 503 for one that
  /// is not loaded.
  std::shared_ptr<const LiveModel> find(std::string_view name) const;
  /// Has each model been loaded, or failed to be, and is there one that answers, or none at all? What fails or is
  /// unloaded later leaves the others ready.
  bool ready() const;
  std::vector<ModelStatus> statuses() const;
  std::vector<std::string> names() const;

 private:
  struct Entry {
    ModelStatus status;  ///< name and folder never change
    bool added = false;  ///< by add()
    int loads = 0, unloads = 0;
  };
  const std::shared_ptr<Entry>& entry(std::string_view name) const;  ///< under the lock

  mutable std::mutex mutex_;  ///< of the entries
  std::mutex loading_;        ///< one load at a time
  std::vector<std::shared_ptr<Entry>> entries_;
};

const char* state_name(ModelState state);

/// Letters of ASCII made small.
std::string in_lower_case(std::string text);

}  // namespace serve
