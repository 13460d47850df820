// The dense layer, as it stands above the graph convolution.
#pragma once

#include <string>
#include <vector>

#include "gcmc/layers/parameters.hpp"

namespace gcmc {

struct DenseOptions {
  Index input = 0, output = 0;
  bool bias = true;
};

inline std::vector<ParameterPiece> dense_pieces(const std::string& name, const DenseOptions& options) {
  std::vector<ParameterPiece> pieces{{.name = name + ".weight",
                                      .rows = options.input,
                                      .columns = options.output,
                                      .fan_in = options.input,
                                      .fan_out = options.output}};
  if (options.bias) pieces.push_back({.name = name + ".bias", .rows = 1, .columns = options.output, .axes = 1});
  return pieces;
}

/// Z = H W (+ b).   H  nodes x input   W  input x output   b  output.   Work O(nodes * input * output). One layer may
/// serve several inputs in turn.
template <class B, class T>
requires Backend<B, T>
class Dense {
 public:
  /// Adds name.weight, and name.bias where there is one, to the parameters.
  Dense(B& backend, Parameters<B, T>& parameters, const std::string& name, const DenseOptions& options)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(parameters.add(dense_pieces(name, options))),
        bias_(options.bias ? weight_ + 1 : -1) {}

  MatrixView<const T> weight() const { return parameters_->matrix(weight_); }

  void forward(MatrixView<const T> hidden, MatrixView<T> z) {
    backend_->run(Multiply<T>{.a = hidden,
                              .b = parameters_->values(weight_),
                              .c = z,
                              .bias = bias_ < 0 ? nullptr : parameters_->values(bias_).data});
  }

  /// dW = H^T dZ, db = column sums of dZ. `accumulate` adds to what another input of the same step left.
  void backward(MatrixView<const T> hidden, MatrixView<const T> dz, bool accumulate = false) {
    backend_->run(
        MultiplyTransposed<T>{.a = hidden, .b = dz, .c = parameters_->gradient(weight_), .accumulate = accumulate});
    if (bias_ >= 0)
      backend_->run(ColumnSums<T>{.x = dz, .sums = parameters_->gradient(bias_).data, .accumulate = accumulate});
  }
  /// dH = dZ W^T, for a layer below that does not take dZ and W themselves.
  void backward_input(MatrixView<const T> dz, MatrixView<T> dh) {
    backend_->run(Multiply<T>{.a = dz, .b = parameters_->values(weight_), .transpose = true, .c = dh});
  }

 private:
  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_, bias_;
};

}  // namespace gcmc
