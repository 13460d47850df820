// The whole model: encoder of both sides, decoder, one flat buffer of parameters; forward, backward, evaluation.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "gcmc/layers/model_layers.hpp"

namespace gcmc {

/// GC-MC (van den Berg, Kipf and Welling 2017). The backend must outlive it. One object serves one caller at a time.
template <class B, class T>
requires Backend<B, T>
class Model {
 public:
  Model(B& backend, const ModelShape& shape, const ModelOptions& options, std::uint64_t seed)
      : backend_(&backend), options_(options), layers_(options, sizes_of(shape, options)) {
    const std::array<Index, 2>& nodes = layers_.sizes.nodes;
    const Index levels = layers_.sizes.levels;
    const ConvolutionShape convolution(layers_.convolution, levels);
    workspace_ = Buffer<B, T>(backend, MessagePassing<B, T>::workspace_size(convolution, nodes[0], nodes[1]));
    for (const Side sending : {user_side, item_side}) {
      const Side side = other(sending);
      convolution_[side].emplace(backend, parameters_, layers_.encoder_name(sending), layers_.convolution, side,
                                 nodes[side], nodes[sending], levels, workspace_);
    }
    dense_[user_side].emplace(backend, parameters_, layers_.dense_name(user_side), layers_.dense);
    if (layers_.shared_dense)
      dense_[item_side] = dense_[user_side];
    else
      dense_[item_side].emplace(backend, parameters_, layers_.dense_name(item_side), layers_.dense);
    for (const Side side : {user_side, item_side}) {
      if (layers_.has_features(side))
        features_[side].emplace(backend, parameters_, layers_.features_name(side), layers_.features[side], side,
                                nodes[side], *shape.features[side]);
      z_[side] = Matrix<B, T>(backend, nodes[side], options.output);
      dz_[side] = Matrix<B, T>(backend, nodes[side], options.output);
    }
    decoder_.emplace(backend, parameters_, layers_.decoder_name(), layers_.decoder, shape.users, shape.levels);
    parameters_.allocate(backend);
    parameters_.initialize(seed);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Parameters<B, T>& parameters() { return parameters_; }
  const Parameters<B, T>& parameters() const { return parameters_; }
  const ModelOptions& options() const { return options_; }
  const ModelLayers& layers() const { return layers_; }
  MatrixView<const T> hidden(Side side) const { return convolution_[side]->hidden(); }
  const Matrix<B, T>& embedding(Side side) const { return z_[side]; }
  /// Of an earlier encode, for predict(): nodes x output() values.
  void set_embedding(Side side, std::span<const T> values) { z_[side].set(values); }

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
  /// returns false: the embeddings are then of no use. Cost: so many encodings.
  bool encode_mean(const Messages<T>& messages, std::uint64_t seed, Index draws,
                   const std::function<bool()>& keep_going = {}) {
    const Index width = options_.output;
    std::array<Matrix<B, T>, 2> mean{Matrix<B, T>(*backend_, layers_.sizes.nodes[user_side], width),
                                     Matrix<B, T>(*backend_, layers_.sizes.nodes[item_side], width)};
    for (Index draw = 1; draw <= draws; ++draw) {
      if (keep_going && !keep_going()) return false;
      encode(messages, DropoutStep{seed, 0u - static_cast<std::uint32_t>(draw)});
      // The share is rounded before it is added, whether or not a backend fuses the two.
      for (const Side side : {user_side, item_side}) {
        const MatrixView<T> z = z_[side].view(), sum = mean[side].view();
        backend_->run(AddScaled<T>{.a = z, .alpha = T{1} / static_cast<T>(draws), .c = z});
        backend_->run(AddScaled<T>{.a = z, .beta = draw > 1 ? T{1} : T{0}, .c = sum});
      }
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
      dense_[side]->backward(convolution_[side]->hidden(), dz, layers_.shared_dense && side == item_side);
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
  B* backend_;
  ModelOptions options_;
  ModelLayers layers_;
  Parameters<B, T> parameters_;
  std::array<Matrix<B, T>, 2> z_, dz_;
  Buffer<B, T> workspace_;
  std::array<std::optional<GraphConvolution<B, T>>, 2> convolution_;
  std::array<std::optional<Dense<B, T>>, 2> dense_;
  std::array<std::optional<FeatureLayer<B, T>>, 2> features_;
  std::optional<BilinearDecoder<B, T>> decoder_;
};

}  // namespace gcmc
