// Messages of every rating level from one side of the graph to the other, and their gradient: what the graph
// convolutions have in common.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "gcmc/layers/dropout.hpp"
#include "gcmc/layers/graph.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/options/options.hpp"

namespace gcmc {

/// Of one graph convolution.
struct ConvolutionOptions {
  Aggregation aggregation = Aggregation::sum;
  Index units = 0;         ///< of every table with sum, of all tables together with stack
  bool implicit = false;   ///< one more table, which serves all levels
  bool one_table = false;  ///< one table alone, which serves all levels
  bool ordinal = false;    ///< W_r = sum over s <= r of T_s
  Activation activation = Activation::leaky_relu;
  double node_dropout = 0;               ///< probability that a source's message is dropped
  bool node_dropout_all_levels = false;  ///< drop a source's messages of all levels at once
  double hidden_dropout = 0;             ///< after the activation
  Index layer = 0;                       ///< of several convolutions of one side each its own: they draw other masks
  bool bf16_tables = false;              ///< messages stored as bfloat16; Cpu alone, of float alone
  Initialization initialization = Initialization::xavier;
  bool dense_above = true;  ///< whether backward is given a dense layer's dZ and weights, or dH itself
};

/// Sizes that the options and the levels give. With stack, a table is floor(units / tables) wide.
struct ConvolutionShape {
  Index tables = 0, width = 0, hidden = 0;

  ConvolutionShape(const ConvolutionOptions& options, Index levels) {
    require(levels >= 1, [&] { return "graph convolution: " + std::to_string(levels) + " levels"; });
    tables = options.one_table ? 1 : levels + (options.implicit ? 1 : 0);
    const bool stack = options.aggregation == Aggregation::stack;
    width = stack ? options.units / tables : options.units;
    hidden = stack ? width * tables : width;
    require(!options.one_table || (!options.implicit && !options.ordinal),
            "graph convolution: one_table goes with neither implicit nor ordinal");
    require(width >= 1, [&] {
      return "model: " + std::to_string(options.units) +
             (stack ? " units cannot be stacked over " + std::to_string(tables) + " levels: use more units, or sum"
                    : std::string(" units"));
    });
  }
};

/// H = dropout(act(join over r of C A_r W_r)), for one receiving side and W_r of the caller's.
///   A_r  receivers x sources    W_r  sources x width    H  receivers x hidden
/// Work O(width * kept edges), forward and backward: a dropped source costs nothing. Each row of H is summed in the
/// adjacency's order: equal runs give equal bits. Memory: H, and a workspace that several layers may share, since
/// nothing in it outlives a call.
template <class B, class T>
requires Backend<B, T>
class MessagePassing {
 public:
  /// Elements of the workspace, for layers of both directions: the table of messages, or the blocks' gradients.
  static Offset workspace_size(const ConvolutionShape& shape, Index users, Index items) {
    return Offset{shape.tables} * std::max(users, items) * spread_stride<T>(shape.width);
  }

  /// The workspace must outlive it.
  MessagePassing(B& backend, const ConvolutionOptions& options, Side receiving, Index receivers, Index sources,
                 Index levels, Buffer<B, T>& workspace)
      : backend_(&backend),
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
    require(stores_bf16 || !options.bf16_tables,
            "precision bf16-tables is for the processor alone: set device cpu, or precision float");
    const Offset pairs = Offset{shape_.tables} * sources;
    require(pairs < (Offset{1} << 31),
            [&] { return "graph convolution: " + std::to_string(pairs) + " (level, node) pairs exceed 2^31"; });
    if (options.node_dropout > 0) {
      node_bits_ = Buffer<B, std::uint8_t>(backend, mask_rows() * round_up(sources, 64) / 8);
      kept_list_ = Buffer<B, Index>(backend, pairs);
      kept_count_ = Buffer<B, Index>(backend, 1);
    }
    if (options.hidden_dropout > 0)
      hidden_bits_ = Buffer<B, std::uint8_t>(backend, Offset{receivers} * round_up(shape_.hidden, 64) / 8);
    if (!options.dense_above) identity_ = identity(backend, shape_.hidden);
  }

  MatrixView<const T> hidden() const { return hidden_.const_view(); }
  const ConvolutionShape& shape() const { return shape_; }
  /// Of the last draw: rows of the weights that forward reads, and backward writes the gradient of. All with `ordinal`.
  KeptPairs rows() const { return options_.ordinal ? KeptPairs{} : kept_; }

  /// Draws the dropout of the next pass, or none.
  void draw(const std::optional<DropoutStep>& dropout) {
    kept_ = {};
    dropout_hidden_ = dropout && hidden_bits_;
    node_scale_ = hidden_scale_ = 1;
    if (dropout && node_bits_) {
      const Mask mask =
          make_mask(dropout->seed, dropout->step, masked(Masked::user_messages, other(receiving_), options_.layer),
                    options_.node_dropout);
      node_scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{.mask = mask, .count = node_bits_.size() * 8, .bits = node_bits_.data()});
      kept_ = {.bits = node_bits_.data(),
               .all_tables = options_.node_dropout_all_levels,
               .list = kept_list_.data(),
               .count = kept_count_.data()};
      backend_->run(SelectSources{.tables = shape_.tables,
                                  .sources = sources_,
                                  .all_tables = kept_.all_tables,
                                  .bits = node_bits_.data(),
                                  .list = kept_list_.data(),
                                  .count = kept_count_.data()});
    }
    if (dropout_hidden_) {
      const Mask mask = make_mask(dropout->seed, dropout->step, masked(Masked::user_hidden, receiving_, options_.layer),
                                  options_.hidden_dropout);
      hidden_scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{.mask = mask, .count = hidden_bits_.size() * 8, .bits = hidden_bits_.data()});
    }
  }

  /// Fills hidden() from the weights [tables][sources][width], of which it reads rows().
  void forward(const Messages<T>& messages, BlockMatrix<const T> weights) {
    const MatrixView<T> table{.data = workspace_,
                              .rows = shape_.tables * sources_,
                              .columns = shape_.width,
                              .stride = spread_stride<T>(shape_.width)};
    backend_->run(BuildTable<T>{.weights = weights,
                                .ordinal = options_.ordinal,
                                .levels = levels_,
                                .kept = kept_,
                                .source_scale = messages.source_scale[receiving_],
                                .scale = node_scale_,
                                .table = table,
                                .hints = {.bf16 = options_.bf16_tables}});
    backend_->run(Aggregate<T>{.adjacency = messages.to[receiving_],
                               .tables = shape_.tables,
                               .width = shape_.width,
                               .stack = stack(),
                               .kept = kept_,
                               .table = table,
                               .receiver_scale = messages.receiver_scale[receiving_],
                               .activation = options_.activation,
                               .bits = hidden_bits(),
                               .dropout_scale = hidden_scale_,
                               .hidden = hidden_.view(),
                               .hints = {.bf16 = options_.bf16_tables}});
  }

  /// Given dZ of the dense layer with weights `dense` above hidden(), writes rows() of the weights' gradient. Call
  /// after forward with the same messages.
  void backward(const Messages<T>& messages, MatrixView<const T> dz, MatrixView<const T> dense,
                BlockMatrix<T> gradient) {
    const BlockMatrix<T> blocks{.data = workspace_,
                                .blocks = stack() ? shape_.tables : 1,
                                .rows = hidden().rows,
                                .columns = shape_.width,
                                .stride = spread_stride<T>(shape_.width)};
    backend_->run(DenseBackward<T>{.dz = dz,
                                   .weight = dense,
                                   .hidden = hidden(),
                                   .activation = options_.activation,
                                   .bits = hidden_bits(),
                                   .dropout_scale = hidden_scale_,
                                   .receiver_scale = messages.receiver_scale[receiving_],
                                   .blocks = blocks});
    backend_->run(AggregateBackward<T>{.adjacency = messages.to[other(receiving_)],
                                       .tables = shape_.tables,
                                       .stack = stack(),
                                       .ordinal = options_.ordinal,
                                       .kept = kept_,
                                       .blocks = blocks,
                                       .source_scale = messages.source_scale[receiving_],
                                       .scale = node_scale_,
                                       .gradient = gradient});
  }
  /// The same, given dH. Costs hidden^2 a receiver.
  void backward(const Messages<T>& messages, MatrixView<const T> dh, BlockMatrix<T> gradient) {
    require(static_cast<bool>(identity_), "graph convolution: backward from dH needs dense_above = false");
    backward(messages, dh, identity_.const_view(), gradient);
  }

 private:
  static Matrix<B, T> identity(B& backend, Index n) {
    std::vector<T> values(static_cast<std::size_t>(n) * n);
    for (std::size_t c = 0; c < values.size(); c += static_cast<std::size_t>(n) + 1) values[c] = 1;
    Matrix<B, T> matrix(backend, n, n);
    matrix.set(values);
    return matrix;
  }
  bool stack() const { return options_.aggregation == Aggregation::stack; }
  Offset mask_rows() const { return options_.node_dropout_all_levels ? 1 : shape_.tables; }
  const std::uint8_t* hidden_bits() const { return dropout_hidden_ ? hidden_bits_.data() : nullptr; }

  B* backend_;
  Side receiving_;
  Index sources_, levels_;
  ConvolutionOptions options_;
  ConvolutionShape shape_;
  Matrix<B, T> hidden_, identity_;
  T* workspace_;
  Buffer<B, std::uint8_t> node_bits_, hidden_bits_;
  Buffer<B, Index> kept_list_, kept_count_;
  KeptPairs kept_;  ///< of the last draw
  bool dropout_hidden_ = false;
  T node_scale_ = 1, hidden_scale_ = 1;
};

}  // namespace gcmc
