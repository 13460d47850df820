// The graph convolution of features, or of another layer's output: layers stack.
#pragma once

#include <optional>
#include <string>

#include "gcmc/layers/message_passing.hpp"

namespace gcmc {

/// The weights of a convolution with dense input.
inline ParameterPiece kernel_piece(const std::string& name, const ConvolutionOptions& options, Index input,
                                   Index levels) {
  const ConvolutionShape shape(options, levels);
  return {.name = name + ".weight",
          .blocks = shape.tables,
          .rows = input,
          .columns = shape.width,
          .fan_in = input,
          .fan_out = options.initialization == Initialization::glorot ? shape.hidden : shape.width,
          .axes = 3};
}

/// H = dropout(act(join over r of C A_r X W_r)), for one receiving side.
///   X  sources x input    W_r  input x width    H  receivers x hidden
/// Work O(width * (edges + tables * sources * input)), forward, and twice that backward. Memory beside H: X W_r and its
/// gradient of every table.
template <class B, class T>
requires Backend<B, T>
class DenseConvolution {
 public:
  /// Adds name.weight to the parameters. The workspace (MessagePassing::workspace_size) must outlive it. Throws
  /// InputError for node_dropout: drop the input's units instead.
  DenseConvolution(B& backend, Parameters<B, T>& parameters, const std::string& name, const ConvolutionOptions& options,
                   Side receiving, Index receivers, Index sources, Index levels, Index input, Buffer<B, T>& workspace)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(parameters.add(kernel_piece(name, options, input, levels))),
        passing_(backend, options, receiving, receivers, sources, levels, workspace),
        products_(backend, passing_.shape().tables * sources, passing_.shape().width),
        gradient_(backend, passing_.shape().tables * sources, passing_.shape().width),
        sources_(sources) {
    require(options.node_dropout == 0, "dense convolution: it has no node_dropout");
  }

  MatrixView<const T> hidden() const { return passing_.hidden(); }

  /// Fills hidden(). Draws dropout where `dropout` is given.
  void forward(const Messages<T>& messages, MatrixView<const T> x, const std::optional<DropoutStep>& dropout = {}) {
    passing_.draw(dropout);
    const BlockMatrix<const T> w = parameters_->values(weight_);
    for (Index k = 0; k < w.blocks; ++k) backend_->run(Multiply<T>{.a = x, .b = only(w, k), .c = table(products_, k)});
    passing_.forward(messages, tables(products_));
  }

  /// Writes dW and dX, given dZ of the dense layer with weights `dense` above hidden(). Call after forward with the
  /// same messages and X.
  void backward(const Messages<T>& messages, MatrixView<const T> x, MatrixView<const T> dz, MatrixView<const T> dense,
                MatrixView<T> dx) {
    passing_.backward(messages, dz, dense, tables(gradient_));
    backward_products(x, dx);
  }
  /// The same, given dH (option dense_above false).
  void backward(const Messages<T>& messages, MatrixView<const T> x, MatrixView<const T> dh, MatrixView<T> dx) {
    passing_.backward(messages, dh, tables(gradient_));
    backward_products(x, dx);
  }

 private:
  /// dW_k = X^T dY_k, dX = sum over k of dY_k W_k^T, with Y_k = X W_k.
  void backward_products(MatrixView<const T> x, MatrixView<T> dx) {
    const BlockMatrix<const T> w = parameters_->values(weight_);
    for (Index k = 0; k < w.blocks; ++k) {
      const MatrixView<const T> dy = table(gradient_, k);
      backend_->run(MultiplyTransposed<T>{.a = x, .b = dy, .c = only(parameters_->gradient(weight_), k)});
      backend_->run(Multiply<T>{.a = dy, .b = only(w, k), .transpose = true, .c = dx, .accumulate = k > 0});
    }
  }

  template <class U>
  static BlockMatrix<U> only(const BlockMatrix<U>& m, Index k) {
    return {.data = m.block(k), .blocks = 1, .rows = m.rows, .columns = m.columns, .stride = m.stride};
  }
  BlockMatrix<T> tables(const Matrix<B, T>& m) const {
    const MatrixView<T> all = m.view();
    return {.data = all.data,
            .blocks = all.rows / sources_,
            .rows = sources_,
            .columns = all.columns,
            .stride = all.stride};
  }
  MatrixView<T> table(const Matrix<B, T>& m, Index k) const {
    const MatrixView<T> all = m.view();
    return {.data = all.row(Offset{k} * sources_), .rows = sources_, .columns = all.columns, .stride = all.stride};
  }

  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_;
  MessagePassing<B, T> passing_;
  Matrix<B, T> products_, gradient_;
  Index sources_;
};

}  // namespace gcmc
