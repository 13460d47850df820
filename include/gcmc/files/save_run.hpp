// Saving a run so that nothing is lost: a lock for its length, a trial before training, and all its files at once.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "gcmc/base/export.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

class FileLock;

/// While it lives, no other process that asks has the lock of this folder. Ends with the process, however that ends.
class GCMC_EXPORT FolderLock {
 public:
  /// Locks folder/.gcmc-lock, which holds the process number and is removed at the end. Throws InputError, naming the
  /// other process, if it is locked; FileError where it cannot be made. File systems without locks lock nothing.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::unique_ptr<FileLock> lock_;
};

/// A text file of a run: its name in the run's folder, such as "metrics.json" or "seed-2/metrics.json".
struct RunFile {
  std::string name, text;
};

/// To be called before training, with the folder locked: removes what killed runs left there under temporary names, and
/// throws InputError where save_run could not write: a folder that this user may not write to, a config.json of another
/// program, a link or anything else that is no file in a file's place, and what check_model_folder says of
/// `model_folder` (empty: folder/model). All else stays as it is.
GCMC_EXPORT void check_run_folder(const std::string& folder, const std::string& model_folder = {});

/// Puts the models into `model_folder` (empty: folder/model), the files into `folder`, and takes an older run's files
/// away; without models its model too. Everything is written under temporary names first; then the older files go, the
/// models take their place, the files theirs. So a reader, and who looks after a process was killed, finds files of the
/// model that is there, or none. Throws as save_models; on an error before the models are in place, all is as it was.
GCMC_EXPORT void save_run(const std::string& folder, std::span<const RunFile> files, std::span<const SavedModel> models,
                          const std::string& model_folder = {});

}  // namespace gcmc
