// The whole model: encoder of both sides, decoder, one flat buffer of parameters; forward, backward, evaluation.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/layers/dense.hpp"
#include "gcmc/layers/graph_convolution.hpp"
#include "gcmc/options/options.hpp"

namespace gcmc {

/// What a model is made for.
struct ModelShape {
  Index users = 0, items = 0;
  std::vector<double> levels;                                     ///< rating values, ascending
  std::array<const SideFeatures*, 2> features{nullptr, nullptr};  ///< by side; both or none are used
};

/// GC-MC (van den Berg, Kipf and Welling 2017). The backend must outlive it. One object serves one caller at a time.
template <Backend B, class T>
class Model {
 public:
  Model(B& backend, const ModelShape& shape, const ModelOptions& options, std::uint64_t seed)
      : backend_(&backend), options_(options), nodes_{shape.users, shape.items} {
    require(shape.users > 0 && shape.items > 0 && !shape.levels.empty(), "model: no users, no items or no levels");
    const auto levels = static_cast<Index>(shape.levels.size());
    const std::array<int, 2> tables = add_tables(levels);
    add_dense(ConvolutionShape(options, levels).hidden, uses_features(shape));
    const std::array<FeaturePieces, 2> features = add_features(shape);
    const int basis = parameters_.add({.name = "decoder.basis",
                                       .blocks = options.bases,
                                       .rows = options.output,
                                       .columns = options.output,
                                       .fan_in = options.output,
                                       .fan_out = options.output,
                                       .axes = 3,
                                       .orthogonal = options.orthogonal_basis});
    const int coefficients = parameters_.add({.name = "decoder.coefficients",
                                              .rows = options.bases,
                                              .columns = levels,
                                              .fan_in = options.bases,
                                              .fan_out = levels});
    parameters_.allocate(backend);
    parameters_.initialize(seed);
    Offset workspace = 0;
    for (const Side side : {user_side, item_side})
      workspace = std::max(workspace, GraphConvolution<B, T>::workspace_size(ConvolutionShape(options, levels),
                                                                             nodes_[side], nodes_[other(side)]));
    workspace_ = Buffer<B, T>(backend, workspace);
    for (const Side side : {user_side, item_side}) {
      z_[side] = Matrix<B, T>(backend, nodes_[side], options.output);
      dz_[side] = Matrix<B, T>(backend, nodes_[side], options.output);
      convolution_[side] =
          std::make_unique<GraphConvolution<B, T>>(backend, parameters_, tables[other(side)], side, nodes_[side],
                                                   nodes_[other(side)], levels, options, workspace_);
      if (uses_features(shape))
        features_[side] = std::make_unique<FeatureLayer<B, T>>(backend, parameters_, features[side].weight,
                                                               features[side].bias, features[side].dense,
                                                               *shape.features[side], nodes_[side], side, options);
    }
    decoder_ =
        std::make_unique<BilinearDecoder<B, T>>(backend, parameters_, basis, coefficients, shape.users, options.bases,
                                                options.output, shape.levels, options.label_smoothing);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Parameters<B, T>& parameters() { return parameters_; }
  const Parameters<B, T>& parameters() const { return parameters_; }
  const ModelOptions& options() const { return options_; }
  BilinearDecoder<B, T>& decoder() { return *decoder_; }
  MatrixView<const T> hidden(Side side) const { return convolution_[side]->hidden(); }
  const Matrix<B, T>& embedding(Side side) const { return z_[side]; }

  /// Embeds every node from the messages. With a dropout step, as in training, which ends the last gradient's validity;
  /// without, as in evaluation.
  void encode(const Messages<T>& messages, const std::optional<DropoutStep>& dropout = {}) {
    for (const Side side : {user_side, item_side}) {
      convolution_[side]->forward(messages, dropout);
      dense_[side]->forward(convolution_[side]->hidden(), z_[side].view());
      if (features_[side]) features_[side]->forward(z_[side].view(), dropout);
    }
  }

  /// Embeds every node by the mean of `draws` > 0 encodings with dropout, which are those of the steps 2^32 - draws and
  /// on, that no training reaches. Asks keep_going, if there is one, before each; where it says no, ends at once and
  /// returns false: the embeddings are then of no use. Cost: so many encodings, and a node's D^2 for each.
  bool encode_mean(const Messages<T>& messages, std::uint64_t seed, Index draws,
                   const std::function<bool()>& keep_going = {}) {
    const Index width = options_.output;
    std::vector<T> diagonal(static_cast<std::size_t>(width) * width);
    for (std::size_t c = 0; c < diagonal.size(); c += static_cast<std::size_t>(width) + 1)
      diagonal[c] = T{1} / static_cast<T>(draws);
    Matrix<B, T> share(*backend_, width, width);
    share.set(diagonal);
    std::array<Matrix<B, T>, 2> mean{Matrix<B, T>(*backend_, nodes_[user_side], width),
                                     Matrix<B, T>(*backend_, nodes_[item_side], width)};
    for (Index draw = 1; draw <= draws; ++draw) {
      if (keep_going && !keep_going()) return false;
      encode(messages, DropoutStep{seed, 0u - static_cast<std::uint32_t>(draw)});
      for (const Side side : {user_side, item_side})
        backend_->run(
            Multiply<T>{z_[side].const_view(), share.as_block(), false, false, mean[side].view(), nullptr, draw > 1});
    }
    for (const Side side : {user_side, item_side})
      backend_->copy(z_[side].buffer().data(), mean[side].buffer().data(), mean[side].buffer().bytes());
    return true;
  }

  /// One pass forward and back: parameters().gradient() holds dLoss/dw afterwards, metrics() the loss and squared
  /// error.
  void forward_backward(const Messages<T>& messages, const Pairs& pairs,
                        const std::optional<DropoutStep>& dropout = {}) {
    encode(messages, dropout);
    decoder_->forward_backward(z_[user_side].const_view(), z_[item_side].const_view(), pairs, dz_[user_side].view(),
                               dz_[item_side].view());
    for (const Side side : {user_side, item_side}) {
      const MatrixView<const T> dz = dz_[side].const_view();
      const bool second_of_shared = shared_dense_ && side == item_side;
      dense_[side]->backward(convolution_[side]->hidden(), dz, second_of_shared);
      if (features_[side]) features_[side]->backward(dz);
      convolution_[side]->backward(messages, dz, dense_[side]->weight());
    }
  }

  /// Scores pairs with the embeddings of the last encode.
  void predict(const Pairs& pairs, T* predictions = nullptr, T* probabilities = nullptr) {
    decoder_->predict(z_[user_side].const_view(), z_[item_side].const_view(), pairs, predictions, probabilities);
  }
  Metrics metrics() const { return decoder_->metrics(); }

 private:
  struct FeaturePieces {
    int weight = -1, bias = -1, dense = -1;
  };
  static const char* side_name(Side side) { return side == user_side ? "user" : "item"; }

  bool uses_features(const ModelShape& shape) const {
    return options_.features && shape.features[0] && shape.features[1] && shape.features[0]->columns > 0 &&
           shape.features[1]->columns > 0;
  }

  std::array<int, 2> add_tables(Index levels) {
    const ConvolutionShape shape(options_, levels);
    std::array<int, 2> tables{};
    for (const Side side : {user_side, item_side})
      tables[side] =
          parameters_.add({.name = std::string("encoder.") + side_name(side) + ".weight",
                           .blocks = shape.tables,
                           .rows = nodes_[side],
                           .columns = shape.width,
                           .fan_in = nodes_[side],
                           .fan_out = options_.initialization == Initialization::glorot ? shape.hidden : shape.width,
                           .axes = 3,
                           .deferred = true});
    return tables;
  }

  void add_dense(Index hidden, bool with_features) {
    shared_dense_ = options_.share_dense && !with_features;
    for (const Side side : {user_side, item_side}) {
      if (shared_dense_ && side == item_side) {
        dense_[side] = std::make_unique<Dense<B, T>>(*dense_[user_side]);
        break;
      }
      const std::string name = std::string("dense.") + (shared_dense_ ? "both" : side_name(side));
      const int weight = parameters_.add({.name = name + ".weight",
                                          .rows = hidden,
                                          .columns = options_.output,
                                          .fan_in = hidden,
                                          .fan_out = options_.output});
      const int bias = options_.dense_bias
                           ? parameters_.add({.name = name + ".bias", .rows = 1, .columns = options_.output, .axes = 1})
                           : -1;
      dense_[side] = std::make_unique<Dense<B, T>>(*backend_, parameters_, weight, bias);
    }
  }

  std::array<FeaturePieces, 2> add_features(const ModelShape& shape) {
    std::array<FeaturePieces, 2> pieces;
    if (!uses_features(shape)) return pieces;
    const Index units = options_.feature_units;
    for (const Side side : {user_side, item_side}) {
      const Index columns = shape.features[side]->columns;
      const std::string name = std::string("features.") + side_name(side);
      pieces[side].weight = parameters_.add(
          {.name = name + ".weight", .rows = columns, .columns = units, .fan_in = columns, .fan_out = units});
      pieces[side].bias = parameters_.add({.name = name + ".bias", .rows = 1, .columns = units, .axes = 1});
      pieces[side].dense = parameters_.add({.name = name + ".dense",
                                            .rows = units,
                                            .columns = options_.output,
                                            .fan_in = units,
                                            .fan_out = options_.output});
    }
    return pieces;
  }

  B* backend_;
  ModelOptions options_;
  std::array<Index, 2> nodes_;
  bool shared_dense_ = false;
  Parameters<B, T> parameters_;
  std::array<Matrix<B, T>, 2> z_, dz_;
  Buffer<B, T> workspace_;
  std::array<std::unique_ptr<GraphConvolution<B, T>>, 2> convolution_;
  std::array<std::unique_ptr<Dense<B, T>>, 2> dense_;
  std::array<std::unique_ptr<FeatureLayer<B, T>>, 2> features_;
  std::unique_ptr<BilinearDecoder<B, T>> decoder_;
};

}  // namespace gcmc
