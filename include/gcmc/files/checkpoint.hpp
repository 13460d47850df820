// Checkpoints: a training's state in a folder, from which the same training goes on after a cut.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/files/save_run.hpp"
#include "gcmc/ratings/ratings.hpp"
#include "gcmc/train/state.hpp"

namespace gcmc {

/// What a training is of: the options that change results, the ratings, and the models whose weights it starts from, by
/// name. Trainings with the same ones have the same results. Cost: a pass over ratings and weights.
GCMC_EXPORT std::map<std::string, std::string> training_identity(const Options& options, const Ratings& ratings,
                                                                 std::span<const SavedModel> weights = {});

/// The checkpoints of one training: checkpoint-1.safetensors and checkpoint-2.safetensors, of which the older one is
/// always the next to be replaced. Each holds all, with a checksum over all, and is written under a name of its own,
/// synced and renamed, so that whoever copies the folder while it is written to copies whole files.
class GCMC_EXPORT CheckpointFolder {
 public:
  /// Makes the folder, locks it (FolderLock) and clears away what killed processes left. Throws InputError if it cannot
  /// be written to, or is another run's.
  CheckpointFolder(const std::string& folder, std::map<std::string, std::string> training);

  /// The states of the newest checkpoint that is whole (EnsembleContinuation::states); none if there is no checkpoint.
  /// A sentence for each one that is passed over is added to `notes`. Throws InputError if no checkpoint that is there
  /// works, or if they are of another training: what differs, then and now. Files are not trusted: memory is bounded by
  /// their size.
  std::vector<TrainState> newest(std::vector<std::string>& notes);

  /// Throws FileError, as for a full disk, or InputError; the older checkpoints are then still there.
  void write(std::vector<TrainState> states);

  /// Removes the checkpoints, at the end of a training that has been saved.
  void remove();

 private:
  struct Found;
  std::string path(int k) const;

  std::string folder_;
  FolderLock lock_;
  std::map<std::string, std::string> training_;
  Offset number_ = 0;  ///< of the newest, counted from 1
  int next_ = 1;       ///< the file that is replaced next
};

}  // namespace gcmc
