// The dense layer above the graph convolution, and the side features' two layers beside it.
#pragma once

#include "gcmc/layers/graph_convolution.hpp"

namespace gcmc {

/// Z = H W (+ b).   H  nodes x hidden   W  hidden x D   b  D.   Work O(nodes * hidden * D).
template <Backend B, class T>
class Dense {
 public:
  /// Pieces of the parameters; bias < 0: none.
  Dense(B& backend, Parameters<B, T>& parameters, int weight, int bias)
      : backend_(&backend), parameters_(&parameters), weight_(weight), bias_(bias) {}

  MatrixView<const T> weight() const { return parameters_->matrix(weight_); }

  void forward(MatrixView<const T> hidden, MatrixView<T> z) {
    const BlockMatrix<T> w = parameters_->values(weight_);
    backend_->run(
        Multiply<T>{hidden, w, false, false, z, bias_ < 0 ? nullptr : parameters_->values(bias_).data, false});
  }

  /// dW = H^T dZ, db = column sums of dZ. `accumulate` adds to what the other side left, where weights are shared.
  void backward(MatrixView<const T> hidden, MatrixView<const T> dz, bool accumulate) {
    backend_->run(MultiplyTransposed<T>{hidden, dz, parameters_->gradient(weight_), accumulate});
    if (bias_ >= 0) backend_->run(ColumnSums<T>{dz, parameters_->gradient(bias_).data, accumulate});
  }

 private:
  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_, bias_;
};

/// Side features beside the ids: F = dropout(act(X W1 + b1)), Z += F W2 (van den Berg et al. 2017, eq. 10).
///   X  nodes x columns   W1  columns x units   W2  units x D
template <Backend B, class T>
class FeatureLayer {
 public:
  FeatureLayer(B& backend, Parameters<B, T>& parameters, int weight, int bias, int dense, const SideFeatures& features,
               Index nodes, Side side, const ModelOptions& options)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(weight),
        bias_(bias),
        dense_(dense),
        side_(side),
        options_(options),
        x_(backend, nodes, features.columns),
        hidden_(backend, nodes, options.feature_units),
        gradient_(backend, nodes, options.feature_units) {
    x_.set(std::vector<T>(features.values.begin(), features.values.end()));
    if (options.feature_dropout > 0)
      bits_ = Buffer<B, std::uint8_t>(backend, Offset{nodes} * round_up(options.feature_units, 64) / 8);
  }

  void forward(MatrixView<T> z, const std::optional<DropoutStep>& dropout) {
    dropping_ = dropout && bits_;
    scale_ = 1;
    if (dropping_) {
      const Mask mask =
          make_mask(dropout->seed, dropout->step, masked(Masked::user_features, side_), options_.feature_dropout);
      scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{mask, bits_.size() * 8, bits_.data()});
    }
    backend_->run(Multiply<T>{x_.const_view(), parameters_->values(weight_), false, false, hidden_.view(),
                              parameters_->values(bias_).data, false});
    backend_->run(Activate<T>{hidden_.view(), options_.activation, dropping_ ? bits_.data() : nullptr, scale_});
    backend_->run(Multiply<T>{hidden_.const_view(), parameters_->values(dense_), false, false, z, nullptr, true});
  }

  void backward(MatrixView<const T> dz) {
    backend_->run(MultiplyTransposed<T>{hidden_.const_view(), dz, parameters_->gradient(dense_)});
    backend_->run(DenseBackward<T>{dz, parameters_->matrix(dense_), hidden_.const_view(), options_.activation,
                                   dropping_ ? bits_.data() : nullptr, scale_, nullptr, gradient_.as_block()});
    backend_->run(MultiplyTransposed<T>{x_.const_view(), gradient_.const_view(), parameters_->gradient(weight_)});
    backend_->run(ColumnSums<T>{gradient_.const_view(), parameters_->gradient(bias_).data});
  }

 private:
  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_, bias_, dense_;
  Side side_;
  ModelOptions options_;
  Matrix<B, T> x_, hidden_, gradient_;
  Buffer<B, std::uint8_t> bits_;
  bool dropping_ = false;
  T scale_ = 1;
};

}  // namespace gcmc
