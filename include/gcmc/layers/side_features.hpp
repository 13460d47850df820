// Side features of one side's nodes, beside their ids: two layers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gcmc/layers/dropout.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

struct FeatureOptions {
  Index columns = 0, units = 0, output = 0;
  Activation activation = Activation::leaky_relu;
  double dropout = 0;
  Index layer = 0;  ///< of several such layers of one side each its own: they draw other masks
};

inline std::vector<ParameterPiece> feature_pieces(const std::string& name, const FeatureOptions& options) {
  return {{.name = name + ".weight",
           .rows = options.columns,
           .columns = options.units,
           .fan_in = options.columns,
           .fan_out = options.units},
          {.name = name + ".bias", .rows = 1, .columns = options.units, .axes = 1},
          {.name = name + ".dense",
           .rows = options.units,
           .columns = options.output,
           .fan_in = options.units,
           .fan_out = options.output}};
}

/// F = dropout(act(X W1 + b1)), Z += F W2 (van den Berg et al. 2017, eq. 10).
///   X  nodes x columns   W1  columns x units   W2  units x output
template <class B, class T>
requires Backend<B, T>
class FeatureLayer {
 public:
  /// Adds name.weight (W1), name.bias and name.dense (W2) to the parameters.
  FeatureLayer(B& backend, Parameters<B, T>& parameters, const std::string& name, const FeatureOptions& options,
               Side side, Index nodes, const SideFeatures& features)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(parameters.add(feature_pieces(name, options))),
        bias_(weight_ + 1),
        dense_(weight_ + 2),
        side_(side),
        options_(options),
        x_(backend, nodes, options.columns),
        hidden_(backend, nodes, options.units),
        gradient_(backend, nodes, options.units) {
    x_.set(std::vector<T>(features.values.begin(), features.values.end()));
    if (options.dropout > 0) bits_ = Buffer<B, std::uint8_t>(backend, Offset{nodes} * round_up(options.units, 64) / 8);
  }

  void forward(MatrixView<T> z, const std::optional<DropoutStep>& dropout = {}) {
    dropping_ = dropout && bits_;
    scale_ = 1;
    if (dropping_) {
      const Mask mask = make_mask(dropout->seed, dropout->step, masked(Masked::user_features, side_, options_.layer),
                                  options_.dropout);
      scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{.mask = mask, .count = bits_.size() * 8, .bits = bits_.data()});
    }
    backend_->run(Multiply<T>{.a = x_.const_view(),
                              .b = parameters_->values(weight_),
                              .c = hidden_.view(),
                              .bias = parameters_->values(bias_).data});
    backend_->run(
        Activate<T>{.x = hidden_.view(), .activation = options_.activation, .bits = bits(), .dropout_scale = scale_});
    backend_->run(Multiply<T>{.a = hidden_.const_view(), .b = parameters_->values(dense_), .c = z, .accumulate = true});
  }

  void backward(MatrixView<const T> dz) {
    backend_->run(MultiplyTransposed<T>{.a = hidden_.const_view(), .b = dz, .c = parameters_->gradient(dense_)});
    backend_->run(DenseBackward<T>{.dz = dz,
                                   .weight = parameters_->matrix(dense_),
                                   .hidden = hidden_.const_view(),
                                   .activation = options_.activation,
                                   .bits = bits(),
                                   .dropout_scale = scale_,
                                   .blocks = gradient_.as_block()});
    backend_->run(
        MultiplyTransposed<T>{.a = x_.const_view(), .b = gradient_.const_view(), .c = parameters_->gradient(weight_)});
    backend_->run(ColumnSums<T>{.x = gradient_.const_view(), .sums = parameters_->gradient(bias_).data});
  }

 private:
  const std::uint8_t* bits() const { return dropping_ ? bits_.data() : nullptr; }

  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_, bias_, dense_;
  Side side_;
  FeatureOptions options_;
  Matrix<B, T> x_, hidden_, gradient_;
  Buffer<B, std::uint8_t> bits_;
  bool dropping_ = false;
  T scale_ = 1;
};

}  // namespace gcmc
