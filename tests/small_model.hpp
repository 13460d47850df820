// A saved model of a few users and items, of any shape that options ask for, filled with distinct values.
#pragma once

#include "gcmc/files/model_folder.hpp"
#include "gcmc/layers/model_layers.hpp"

/// `next` counts on, so that no two values of a model are the same.
template <class T>
gcmc::Tensor filled(std::vector<gcmc::Offset> shape, int& next) {
  gcmc::Offset count = 1;
  for (const auto extent : shape) count *= extent;
  std::vector<T> values;
  for (gcmc::Offset i = 0; i < count; ++i) values.push_back(static_cast<T>(1) / static_cast<T>(++next));
  return {std::move(shape), std::move(values)};
}

/// 3 users, 4 items, 2 rating values; 7 units, 3 outputs, 2 bases. `T` is the type of the weights.
template <class T>
gcmc::SavedModel small_model(gcmc::ModelOptions model = {}, bool item_features = false) {
  using gcmc::Offset;
  model.units = 7;
  model.output = 3;
  model.bases = 2;
  model.feature_units = 5;
  gcmc::SavedModel saved;
  saved.options.model = model;
  saved.options.run.data_name = saved.dataset = "small";
  saved.levels = {0.5, 4.0};
  saved.user_ids = {"u1", "user two", "\xFCser 3"};
  saved.item_ids = {"10", "9", "x,y", "#"};
  saved.mean = 1.0 / 3;
  saved.metrics = {{"best_test_rmse", 0.1}, {"best_valid_rmse", 1e-300}};
  saved.split = {{"kind", "random"}, {"seed", "18446744073709551615"}};

  gcmc::ModelSizes sizes{.nodes = {3, 4}, .levels = 2};
  if (item_features) {
    sizes.feature_columns[gcmc::item_side] = 2;
    sizes.sparse_columns[gcmc::item_side] = 6;
    saved.encodings[gcmc::item_side] = {
        {.name = "size", .means = {1.0 / 3, 5}, .deviations = {0.1, 2}},
        {.name = "kind", .kind = gcmc::FeatureKind::category, .categories = {"a", "\"quoted\""}},
        {.name = "like", .kind = gcmc::FeatureKind::graph}};
  }
  int next = 0;
  auto& tensors = saved.tensors;
  for (const gcmc::ParameterPiece& piece : gcmc::ModelLayers(model, sizes).pieces())
    tensors[piece.name] = filled<T>(piece.shape(), next);
  tensors["user_embedding"] = filled<T>({3, 3}, next);
  tensors["item_embedding"] = filled<T>({4, 3}, next);
  tensors["baseline.user_bias"] = filled<double>({3}, next);
  tensors["baseline.item_bias"] = filled<double>({4}, next);
  tensors["rated.offsets"] = {{4}, std::vector<Offset>{0, 2, 2, 5}};
  tensors["rated.items"] = {{5}, std::vector<gcmc::Index>{0, 3, 1, 2, 3}};
  tensors["rated.levels"] = {{5}, std::vector<gcmc::Level>{1, 0, 0, 1, 1}};
  tensors["tested.offsets"] = {{4}, std::vector<Offset>{0, 1, 2, 2}};
  tensors["tested.items"] = {{2}, std::vector<gcmc::Index>{2, 0}};
  tensors["tested.levels"] = {{2}, std::vector<gcmc::Level>{0, 1}};
  return saved;
}
