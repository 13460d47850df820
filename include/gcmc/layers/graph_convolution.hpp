// The graph convolution of ids: each node's input is its one-hot number, so that the weights are tables of messages.
#pragma once

#include <optional>
#include <string>

#include "gcmc/layers/message_passing.hpp"

namespace gcmc {

/// The tables of messages that a side's nodes send.
inline ParameterPiece table_piece(const std::string& name, const ConvolutionOptions& options, Index sources,
                                  Index levels) {
  const ConvolutionShape shape(options, levels);
  return {.name = name + ".weight",
          .blocks = shape.tables,
          .rows = sources,
          .columns = shape.width,
          .fan_in = sources,
          .fan_out = options.initialization == Initialization::glorot ? shape.hidden : shape.width,
          .axes = 3,
          .deferred = true};
}

/// H = dropout(act(join over r of C A_r W_r)): eq. 1 and 2 of van den Berg, Kipf and Welling 2017, for one receiving
/// side.
///   A_r  receivers x sources    W_r  sources x width    H  receivers x hidden
/// Work O(width * kept edges), forward and backward.
template <class B, class T>
requires Backend<B, T>
class GraphConvolution {
 public:
  /// Adds name.weight to the parameters. The workspace (MessagePassing::workspace_size) must outlive it.
  GraphConvolution(B& backend, Parameters<B, T>& parameters, const std::string& name, const ConvolutionOptions& options,
                   Side receiving, Index receivers, Index sources, Index levels, Buffer<B, T>& workspace)
      : parameters_(&parameters),
        weight_(parameters.add(table_piece(name, options, sources, levels))),
        passing_(backend, options, receiving, receivers, sources, levels, workspace) {}

  MatrixView<const T> hidden() const { return passing_.hidden(); }

  /// Fills hidden(). Draws dropout where `dropout` is given.
  void forward(const Messages<T>& messages, const std::optional<DropoutStep>& dropout = {}) {
    passing_.draw(dropout);
    const KeptPairs rows = passing_.rows();
    passing_.forward(messages, parameters_->values(weight_, rows.list, rows.count));
  }

  /// Writes dW, given dZ of the dense layer with weights `dense` above hidden(). Call after forward with the same
  /// messages.
  void backward(const Messages<T>& messages, MatrixView<const T> dz, MatrixView<const T> dense) {
    passing_.backward(messages, dz, dense, parameters_->gradient(weight_));
    parameters_->set_present(weight_, passing_.rows());
  }
  /// The same, given dH (option dense_above false).
  void backward(const Messages<T>& messages, MatrixView<const T> dh) {
    passing_.backward(messages, dh, parameters_->gradient(weight_));
    parameters_->set_present(weight_, passing_.rows());
  }

 private:
  Parameters<B, T>* parameters_;
  int weight_;
  MessagePassing<B, T> passing_;
};

}  // namespace gcmc
