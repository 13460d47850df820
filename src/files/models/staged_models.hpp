// Saved models on their way to their folder.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "../temporary.hpp"
#include "gcmc/files/model_folder.hpp"

namespace gcmc {

/// Models that are written whole, beside the folder that they are for; commit() puts them there in place of what it
/// holds. Without a commit nothing is left.
class StagedModels {
 public:
  /// Throws as save_models.
  StagedModels(const std::string& folder, std::span<const SavedModel> models,
               EmbeddingPrecision embeddings = EmbeddingPrecision::full);
  /// At every moment the folder is a whole model, the older one or the new one. Where it cannot be renamed (a mount
  /// point), its files are replaced one by one, and in between nothing can be loaded. On an error the older one is
  /// there.
  void commit();

 private:
  bool take_place();
  void replace_entries();

  std::string target_;
  bool mounted_;
  TemporaryFolder stage_;
  std::string written_, older_;  ///< of the stage
};

}  // namespace gcmc
