// A trained model as a folder: model.safetensors, config.json and the ids; written atomically, loaded with every shape
// checked.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gcmc/metrics.hpp"
#include "gcmc/options.hpp"
#include "gcmc/ratings.hpp"

namespace gcmc {

/// A dense row-major tensor of the file. F32, F64, I32, I64 or U8.
struct Tensor {
  std::vector<Offset> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<Index>, std::vector<Offset>, std::vector<Level>>
      values;
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// Writes and reads the safetensors format (8-byte little-endian header length, JSON header, data). The data
/// begin at a multiple of 64 bytes; tensors follow without gaps (the format allows none), wider types first, so that
/// each is aligned to its type. Written to a temporary name and renamed. Reading checks every offset, shape and type
/// against the file's size, and throws Error with the file's name and what is wrong.
void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});
std::map<std::string, Tensor> read_safetensors(const std::string& path);

/// Everything a prediction needs, in host memory. Tensors by name (unpadded):
///   encoder.user.weight [tables][users][width], encoder.item.weight, dense.user.weight [hidden][D], dense.user.bias
///   [D], dense.item.* or dense.both.*, features.user.weight, .bias, .dense (and item), decoder.basis [B][D][D],
///   decoder.coefficients [B][R], user_embedding [users][D], item_embedding [items][D]; all F32 or all F64;
///   baseline.user_bias [users], baseline.item_bias [items] F64;
///   calibration [2] F64: offset and slope, with the option calibrate;
///   rated.offsets [users+1] I64, rated.items I32, rated.levels U8: the ratings behind the embeddings.
struct SavedModel {
  Options options;
  std::string dataset;
  std::vector<double> levels;
  std::vector<std::string> user_ids, item_ids;
  std::map<std::string, Tensor> tensors;
  double mean = 0;                           ///< of the training ratings, for the baseline
  std::map<std::string, double> metrics;     ///< best_valid_rmse, best_test_rmse, ...
  std::map<std::string, std::string> split;  ///< how the ratings were split, in words and numbers

  BiasBaseline baseline() const;
  /// Of the decoder's expected ratings, where there is one.
  std::optional<Calibration> calibration() const;
};

/// Writes folder/model.safetensors, config.json, users.txt and items.txt (one id a line, in order of number) to
/// folder.tmp, then renames; an older folder of that name is replaced only once the new one is whole. The older one is
/// folder.old for a moment: a crash just then leaves it there. Throws Error, and leaves all as it was, on a model that
/// load_model would refuse and on a folder that holds files but no model.
void save_model(const std::string& folder, const SavedModel& model);

/// Several models (of an ensemble) in one folder, each in its sub-folder: 1, 2, ...; a single one as save_model does.
void save_models(const std::string& folder, std::span<const SavedModel> models);

/// Throws Error, naming the file, unless every tensor is there with the shape that the options, ids and levels ask for,
/// and every value is finite.
SavedModel load_model(const std::string& folder);

/// What is in `folder`: one model, several, or a training run with either in its sub-folder model. Throws as
/// load_model.
std::vector<SavedModel> load_models(const std::string& folder);

}  // namespace gcmc
