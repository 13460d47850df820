// A trained model as a folder: model.safetensors, config.json and the ids; written atomically, loaded with every shape
// checked.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Writes and reads the safetensors format (8-byte little-endian header length, JSON header, data). The data
/// begin at a multiple of 64 bytes; tensors follow without gaps (the format allows none), wider types first, so that
/// each is aligned to its type. Written to a temporary name and renamed. Reading checks every offset, shape and type
/// against the file's size, and throws InputError with the file's name and what is wrong, FileError where the disk
/// fails. BF16 is read into F32, which has all its values, and I8 into I32.
GCMC_EXPORT void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                                   const std::map<std::string, std::string>& metadata = {});

/// Chooses tensors by name; an empty one chooses all.
using TensorFilter = std::function<bool(const std::string& name)>;

/// Tensors that are not `wanted` are checked all the same, and come with their shape and type but no values: no memory
/// is taken for them, and nothing read.
GCMC_EXPORT std::map<std::string, Tensor> read_safetensors(const std::string& path, const TensorFilter& wanted = {});

/// Writes model.safetensors, config.json, users.txt and items.txt (one id a line, in order of number) under a name of
/// its own beside `folder`, then exchanges the two: at every moment `folder` is the older model or the new one. Where
/// it cannot be renamed (a mount point) its files are replaced one by one, and in between nothing can be loaded. A
/// process that is killed may leave ".NAME.gcmc-XXXXXX" beside it. Several processes may save to one folder at once:
/// the last one stays. Throws FileError where the disk fails, and InputError, and leaves all as it was, on a model that
/// load_model would refuse and on a folder that holds anything but a model.
GCMC_EXPORT void save_model(const std::string& folder, const SavedModel& model);

/// How a saved model's embeddings are stored, which load_model widens: in full; rounded to bfloat16; or in a byte each,
/// with a scale a row, tensors user_embedding.scale and item_embedding.scale. All else is stored in full.
enum class EmbeddingPrecision { full, bf16, int8 };

/// Several models (of an ensemble) in one folder, each in its sub-folder: 1, 2, ...; a single one as save_model does.
/// Throws InputError too for fewer bits of a model in double.
GCMC_EXPORT void save_models(const std::string& folder, std::span<const SavedModel> models,
                             EmbeddingPrecision embeddings = EmbeddingPrecision::full);

/// Throws, before there is anything to lose, what save_models would throw for this folder: something else of that name,
/// a file in it that is not of a model, a place where this user may not write. Leaves everything as it is.
GCMC_EXPORT void check_model_folder(const std::string& folder);

/// Throws InputError, naming the file, unless every tensor is there with the shape that the options, ids and levels ask
/// for, and every value is finite. Only tensors that are `wanted` are read and kept: load_model(folder,
/// Predictor::reads) has what answers need. With `raters`, ids of users, the ratings of these alone are read (rated.*,
/// tested.*), and all others have none: for a question or two, since most of a model may be ratings.
GCMC_EXPORT SavedModel load_model(const std::string& folder, const TensorFilter& wanted = {},
                                  const std::optional<std::vector<std::string>>& raters = {});

/// What is in `folder`: one model, several, or a training run with either in its sub-folder model. Throws as
/// load_model.
GCMC_EXPORT std::vector<SavedModel> load_models(const std::string& folder, const TensorFilter& wanted = {},
                                                const std::optional<std::vector<std::string>>& raters = {});

}  // namespace gcmc
