// The graph convolution: messages of every rating level from one side of the graph to the other, and its gradient.
#pragma once

#include <algorithm>
#include <optional>
#include <type_traits>

#include "gcmc/layers/dropout.hpp"
#include "gcmc/layers/graph.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/options/options.hpp"

namespace gcmc {

inline bool bf16_tables(const ModelOptions& options) { return options.precision == Precision::bf16_tables; }

/// Sizes that the options and the levels give. With stack, a table is floor(units / tables) wide.
struct ConvolutionShape {
  Index tables = 0, width = 0, hidden = 0;

  ConvolutionShape(const ModelOptions& options, Index levels) {
    tables = levels + (options.implicit ? 1 : 0);
    const bool stack = options.aggregation == Aggregation::stack;
    width = stack ? options.units / tables : options.units;
    hidden = stack ? width * tables : width;
    require(width >= 1, [&] {
      return "model: " + std::to_string(options.units) + " units cannot be stacked over " + std::to_string(tables) +
             " levels: use more units, or sum";
    });
  }
};

/// H = dropout(act(join over r of C A_r W_r)): eq. 1 and 2 of van den Berg, Kipf and Welling 2017, for one receiving
/// side.
///   A_r  receivers x sources    W_r  sources x width    H  receivers x hidden
/// Work O(width * kept edges), forward and backward: a dropped source costs nothing. Each row of H is summed in the
/// adjacency's order: equal runs give equal bits. Memory: H, and a workspace that several convolutions may share, since
/// nothing in it outlives a call.
template <Backend B, class T>
class GraphConvolution {
 public:
  /// Elements of the workspace: the table of messages, or the blocks' gradients.
  static Offset workspace_size(const ConvolutionShape& shape, Index receivers, Index sources) {
    const Offset rows = std::max(Offset{shape.tables} * sources, Offset{shape.hidden / shape.width} * receivers);
    return rows * spread_stride<T>(shape.width);
  }

  /// `weight` is the piece of the sources' tables, [tables][sources][width], deferred. The workspace must outlive it.
  GraphConvolution(B& backend, Parameters<B, T>& parameters, int weight, Side receiving, Index receivers, Index sources,
                   Index levels, const ModelOptions& options, Buffer<B, T>& workspace)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(weight),
        receiving_(receiving),
        sources_(sources),
        levels_(levels),
        options_(options),
        shape_(options, levels),
        hidden_(backend, receivers, shape_.hidden, spread_stride<T>(shape_.hidden)),
        workspace_(workspace.data()) {
    require(workspace.size() >= workspace_size(shape_, receivers, sources),
            "graph convolution: its workspace is small");
    constexpr bool stores_bf16 = std::is_same_v<T, float> && requires { requires B::stores_bf16_tables; };
    require(stores_bf16 || !bf16_tables(options),
            "precision bf16-tables is for the processor alone: set device cpu, or precision float");
    const Offset pairs = Offset{shape_.tables} * sources;
    require(pairs < (Offset{1} << 31),
            [&] { return "graph convolution: " + std::to_string(pairs) + " (level, node) pairs exceed 2^31"; });
    if (options.node_dropout > 0) {
      node_bits_ = Buffer<B, std::uint8_t>(backend, mask_rows() * round_up(sources, 64) / 8);
      kept_list_ = Buffer<B, Index>(backend, pairs);
      kept_count_ = Buffer<B, Index>(backend, 1);
    }
    if (options.effective_hidden_dropout() > 0)
      hidden_bits_ = Buffer<B, std::uint8_t>(backend, Offset{receivers} * round_up(shape_.hidden, 64) / 8);
  }

  MatrixView<const T> hidden() const { return hidden_.const_view(); }
  const ConvolutionShape& shape() const { return shape_; }

  /// Fills hidden(). Draws dropout where `dropout` is given.
  void forward(const Messages<T>& messages, const std::optional<DropoutStep>& dropout) {
    draw(dropout);
    if (options_.ordinal)
      parameters_->refresh(weight_);
    else
      parameters_->refresh(weight_, kept_.list, kept_.count);
    const BlockMatrix<T> weight = parameters_->values(weight_);
    backend_->run(BuildTable<T>{weight, options_.ordinal, levels_, kept_, messages.source_scale[receiving_],
                                node_scale_, table(), bf16_tables(options_)});
    backend_->run(Aggregate<T>{messages.to[receiving_], shape_.tables, shape_.width, stack(), kept_, table(),
                               messages.receiver_scale[receiving_], options_.activation,
                               dropout_hidden_ ? hidden_bits_.data() : nullptr, hidden_scale_, hidden_.view(),
                               bf16_tables(options_)});
  }

  /// Given dZ of the dense layer with weights `dense` above hidden(), writes the tables' gradient. Call after forward
  /// with the same messages.
  void backward(const Messages<T>& messages, MatrixView<const T> dz, MatrixView<const T> dense) {
    const BlockMatrix<T> blocks{workspace_, block_count(), hidden_.const_view().rows, shape_.width,
                                spread_stride<T>(shape_.width)};
    backend_->run(DenseBackward<T>{dz, dense, hidden_.const_view(), options_.activation,
                                   dropout_hidden_ ? hidden_bits_.data() : nullptr, hidden_scale_,
                                   messages.receiver_scale[receiving_], blocks});
    backend_->run(AggregateBackward<T>{messages.to[other(receiving_)], shape_.tables, stack(), options_.ordinal, kept_,
                                       blocks, messages.source_scale[receiving_], node_scale_,
                                       parameters_->gradient(weight_)});
    parameters_->set_present(weight_, options_.ordinal ? KeptPairs{} : kept_);
  }

 private:
  bool stack() const { return options_.aggregation == Aggregation::stack; }
  MatrixView<T> table() const {
    return {workspace_, shape_.tables * sources_, shape_.width, spread_stride<T>(shape_.width)};
  }
  Index block_count() const { return stack() ? shape_.tables : 1; }
  Offset mask_rows() const { return options_.node_dropout_all_levels ? 1 : shape_.tables; }

  void draw(const std::optional<DropoutStep>& dropout) {
    kept_ = {};
    dropout_hidden_ = dropout && hidden_bits_;
    node_scale_ = hidden_scale_ = 1;
    if (dropout && node_bits_) {
      const Mask mask = make_mask(dropout->seed, dropout->step, masked(Masked::user_messages, other(receiving_)),
                                  options_.node_dropout);
      node_scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{mask, node_bits_.size() * 8, node_bits_.data()});
      kept_ = {node_bits_.data(), options_.node_dropout_all_levels, kept_list_.data(), kept_count_.data()};
      backend_->run(SelectSources{shape_.tables, sources_, kept_.all_tables, node_bits_.data(), kept_list_.data(),
                                  kept_count_.data()});
    }
    if (dropout_hidden_) {
      const Mask mask = make_mask(dropout->seed, dropout->step, masked(Masked::user_hidden, receiving_),
                                  options_.effective_hidden_dropout());
      hidden_scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{mask, hidden_bits_.size() * 8, hidden_bits_.data()});
    }
  }

  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_;
  Side receiving_;
  Index sources_, levels_;
  ModelOptions options_;
  ConvolutionShape shape_;
  Matrix<B, T> hidden_;
  T* workspace_;
  Buffer<B, std::uint8_t> node_bits_, hidden_bits_;
  Buffer<B, Index> kept_list_, kept_count_;
  KeptPairs kept_;  ///< of the last forward pass
  bool dropout_hidden_ = false;
  T node_scale_ = 1, hidden_scale_ = 1;
};

}  // namespace gcmc
