// From a trained model to one that is saved and asked, and back.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/layers/model.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Ratings by user, and each user's by item and level: PART.offsets, .items and .levels.
inline void add_rated(SavedModel& saved, const std::string& part, std::span<const Rating> rated) {
  require_in_range(rated, saved.user_ids.size(), saved.item_ids.size(), saved.levels.size(), part.c_str());
  std::vector<Offset> offsets(saved.user_ids.size() + 1);
  for (const Rating& r : rated) ++offsets[static_cast<std::size_t>(r.user) + 1];
  for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
  std::vector<std::pair<Index, Level>> rows(rated.size());
  std::vector<Offset> next = offsets;
  for (const Rating& r : rated) rows[static_cast<std::size_t>(next[r.user]++)] = {r.item, r.level};
  std::vector<Index> items;
  std::vector<Level> levels;
  items.reserve(rows.size());
  levels.reserve(rows.size());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::sort(rows.begin() + offsets[i], rows.begin() + offsets[i + 1]);
    for (Offset e = offsets[i]; e < offsets[i + 1]; ++e) {
      items.push_back(rows[static_cast<std::size_t>(e)].first);
      levels.push_back(rows[static_cast<std::size_t>(e)].second);
    }
  }
  const auto users = static_cast<Offset>(offsets.size()), count = static_cast<Offset>(rated.size());
  saved.tensors[part + ".offsets"] = {{users}, std::move(offsets)};
  saved.tensors[part + ".items"] = {{count}, std::move(items)};
  saved.tensors[part + ".levels"] = {{count}, std::move(levels)};
}

/// Parameters and the embeddings of the last encode, in host memory, with the ids that they are of. `rated` are the
/// ratings behind the embeddings, `tested` those of the test part.
template <class B, class T>
requires Backend<B, T> SavedModel save(Model<B, T>& model, const Ratings& ratings, const Options& options,
                                       std::span<const Rating> rated, const BiasBaseline& baseline,
                                       const std::optional<Calibration>& calibration = {},
                                       std::span<const Rating> tested = {}) {
  SavedModel saved;
  saved.options = options;
  saved.dataset = ratings.name;
  saved.levels = ratings.levels;
  saved.user_ids = ratings.user_ids;
  saved.item_ids = ratings.item_ids;
  saved.mean = baseline.mean;
  if (model.options().features) saved.encodings = {ratings.user_features.encodings, ratings.item_features.encodings};
  const std::vector<ParameterPiece>& pieces = model.parameters().pieces();
  for (std::size_t k = 0; k < pieces.size(); ++k)
    saved.tensors[pieces[k].name] = {pieces[k].shape(), model.parameters().get(static_cast<int>(k))};
  saved.tensors["user_embedding"] = {{ratings.users(), model.options().output}, model.embedding(user_side).get()};
  saved.tensors["item_embedding"] = {{ratings.items(), model.options().output}, model.embedding(item_side).get()};
  if (calibration) saved.tensors["calibration"] = {{2}, std::vector{calibration->offset, calibration->slope}};
  saved.tensors["baseline.user_bias"] = {{ratings.users()}, baseline.user_bias};
  saved.tensors["baseline.item_bias"] = {{ratings.items()}, baseline.item_bias};
  add_rated(saved, "rated", rated);
  add_rated(saved, "tested", tested);
  return saved;
}

/// The way back: the parameters of a saved model in a Model made for the same sizes and options, whose training may go
/// on from there. Throws InputError if a tensor is missing or has another shape or element type.
template <class B, class T>
requires Backend<B, T>
void restore(Model<B, T>& model, const SavedModel& saved) {
  std::map<std::string, std::vector<T>> values;
  for (const ParameterPiece& piece : model.parameters().pieces()) {
    const Tensor& tensor = saved.tensor(piece.name);
    require(tensor.shape == piece.shape(),
            [&] { return "restore: tensor \"" + piece.name + "\" has another shape than the model"; });
    values[piece.name] = saved.values<T>(piece.name);
  }
  model.parameters().set(values);
}

}  // namespace gcmc
