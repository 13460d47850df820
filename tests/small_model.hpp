// A saved model of a few users and items, of any shape that options ask for, filled with distinct values.
#pragma once

#include "gcmc/files/model_folder.hpp"

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

  const Offset tables = model.implicit ? 3 : 2;
  const Offset width = model.aggregation == gcmc::Aggregation::sum ? 7 : model.implicit ? 2 : 3;
  const Offset hidden = model.aggregation == gcmc::Aggregation::sum ? 7 : 6;
  int next = 0;
  auto& tensors = saved.tensors;
  tensors["encoder.user.weight"] = filled<T>({tables, 3, width}, next);
  tensors["encoder.item.weight"] = filled<T>({tables, 4, width}, next);
  const bool shared = model.share_dense && !item_features;
  for (const std::string side : {"user", "item", "both"}) {
    if ((side == "both") != shared) continue;
    tensors["dense." + side + ".weight"] = filled<T>({hidden, 3}, next);
    if (model.dense_bias) tensors["dense." + side + ".bias"] = filled<T>({3}, next);
  }
  if (item_features) {
    tensors["features.item.weight"] = filled<T>({6, 5}, next);
    tensors["features.item.bias"] = filled<T>({5}, next);
    tensors["features.item.dense"] = filled<T>({5, 3}, next);
  }
  tensors["decoder.basis"] = filled<T>({2, 3, 3}, next);
  tensors["decoder.coefficients"] = filled<T>({2, 2}, next);
  tensors["user_embedding"] = filled<T>({3, 3}, next);
  tensors["item_embedding"] = filled<T>({4, 3}, next);
  tensors["baseline.user_bias"] = filled<double>({3}, next);
  tensors["baseline.item_bias"] = filled<double>({4}, next);
  tensors["rated.offsets"] = {{4}, std::vector<Offset>{0, 2, 2, 5}};
  tensors["rated.items"] = {{5}, std::vector<gcmc::Index>{0, 3, 1, 2, 3}};
  tensors["rated.levels"] = {{5}, std::vector<gcmc::Level>{1, 0, 0, 1, 1}};
  return saved;
}
