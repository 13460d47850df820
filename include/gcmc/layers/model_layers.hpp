// What the options make of each layer of the model, and with that the names and shapes of all its parameters.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/layers/dense.hpp"
#include "gcmc/layers/graph_convolution.hpp"
#include "gcmc/layers/side_features.hpp"

namespace gcmc {

/// What a model is made for.
struct ModelShape {
  Index users = 0, items = 0;
  std::vector<double> levels;                                     ///< rating values, ascending
  std::array<const SideFeatures*, 2> features{nullptr, nullptr};  ///< by side
};

/// For these ratings, which must outlive it.
inline ModelShape shape_of(const Ratings& ratings) {
  return {ratings.users(), ratings.items(), ratings.levels, {&ratings.user_features, &ratings.item_features}};
}

/// The same in numbers. By side.
struct ModelSizes {
  std::array<Index, 2> nodes{};
  Index levels = 0;
  std::array<Index, 2> feature_columns{}, sparse_columns{};  ///< of features, dense and sparse
};

/// Side features are used on each side that has them.
inline ModelSizes sizes_of(const ModelShape& shape, const ModelOptions& options) {
  require(shape.users > 0 && shape.items > 0 && !shape.levels.empty(), "model: no users, no items or no levels");
  ModelSizes sizes{.nodes = {shape.users, shape.items}, .levels = static_cast<Index>(shape.levels.size())};
  for (const Side side : {user_side, item_side}) {
    const SideFeatures* features = shape.features[side];
    if (!options.features || !features) continue;
    sizes.feature_columns[side] = features->columns;
    sizes.sparse_columns[side] = features->sparse.columns;
  }
  return sizes;
}

inline ConvolutionOptions convolution_options(const ModelOptions& options) {
  return {.aggregation = options.aggregation,
          .units = options.units,
          .implicit = options.implicit,
          .ordinal = options.ordinal,
          .activation = options.activation,
          .node_dropout = options.node_dropout,
          .node_dropout_all_levels = options.node_dropout_all_levels,
          .hidden_dropout = options.effective_hidden_dropout(),
          .bf16_tables = options.precision == Precision::bf16_tables,
          .initialization = options.initialization};
}

/// The model's layers as their options; Model makes them in the order of pieces().
struct ModelLayers {
  ModelSizes sizes;
  ConvolutionOptions convolution;
  bool shared_dense = false;
  DenseOptions dense;
  std::array<FeatureOptions, 2> features;
  DecoderOptions decoder;

  /// Throws InputError if the units cannot be stacked over the levels.
  ModelLayers(const ModelOptions& options, const ModelSizes& model_sizes)
      : sizes(model_sizes),
        convolution(convolution_options(options)),
        dense{.input = ConvolutionShape(convolution, sizes.levels).hidden,
              .output = options.output,
              .bias = options.dense_bias},
        decoder{.bases = options.bases,
                .output = options.output,
                .orthogonal_basis = options.orthogonal_basis,
                .label_smoothing = options.label_smoothing} {
    for (const Side side : {user_side, item_side})
      features[side] = {.columns = sizes.feature_columns[side],
                        .units = options.feature_units,
                        .output = options.output,
                        .activation = options.activation,
                        .dropout = options.feature_dropout,
                        .sparse_columns = sizes.sparse_columns[side],
                        .sparse_dropout = options.effective_sparse_dropout()};
    shared_dense = options.share_dense && !has_features(user_side) && !has_features(item_side);
  }

  bool has_features(Side side) const { return features[side].columns > 0 || features[side].sparse_columns > 0; }

  static std::string name(Side side) { return side == user_side ? "user" : "item"; }
  /// Of the tables of what a side sends.
  static std::string encoder_name(Side sending) { return "encoder." + name(sending); }
  static std::string dense_name(Side side, bool shared) { return "dense." + (shared ? "both" : name(side)); }
  std::string dense_name(Side side) const { return dense_name(side, shared_dense); }
  static std::string features_name(Side side) { return "features." + name(side); }
  static std::string decoder_name() { return "decoder"; }

  /// All parameters: the one list of their names, shapes and first values.
  std::vector<ParameterPiece> pieces() const {
    std::vector<ParameterPiece> all;
    const auto add = [&](std::vector<ParameterPiece> some) {
      for (ParameterPiece& piece : some) all.push_back(std::move(piece));
    };
    for (const Side side : {user_side, item_side})
      add({table_piece(encoder_name(side), convolution, sizes.nodes[side], sizes.levels)});
    add(dense_pieces(dense_name(user_side), dense));
    if (!shared_dense) add(dense_pieces(dense_name(item_side), dense));
    for (const Side side : {user_side, item_side})
      if (has_features(side)) add(feature_pieces(features_name(side), features[side]));
    add(decoder_pieces(decoder_name(), decoder, sizes.levels));
    return all;
  }
};

}  // namespace gcmc
