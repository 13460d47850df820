// Side features of one side's nodes, beside their ids: two layers, the first of dense and sparse columns.
#pragma once

#include <algorithm>
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
  Index sparse_columns = 0;
  double sparse_dropout = 0;  ///< of the weights of sparse columns
};

/// What is multiplied by columns that are not there is left out.
inline std::vector<ParameterPiece> feature_pieces(const std::string& name, const FeatureOptions& options) {
  const auto weight = [&](const char* kind, Index rows, Index columns) -> ParameterPiece {
    return {.name = name + kind, .rows = rows, .columns = columns, .fan_in = rows, .fan_out = columns};
  };
  std::vector<ParameterPiece> pieces;
  if (options.columns > 0) pieces.push_back(weight(".weight", options.columns, options.units));
  pieces.push_back({.name = name + ".bias", .rows = 1, .columns = options.units, .axes = 1});
  pieces.push_back(weight(".dense", options.units, options.output));
  if (options.sparse_columns > 0) pieces.push_back(weight(".sparse", options.sparse_columns, options.units));
  return pieces;
}

/// Column by column, its entries in ascending order of row. Cost: one pass.
inline SparseFeatures transposed(const SparseFeatures& sparse) {
  SparseFeatures other{.columns = std::max(static_cast<Index>(sparse.begin.size()) - 1, Index{0}),
                       .begin = std::vector<Offset>(static_cast<std::size_t>(sparse.columns) + 1),
                       .column = std::vector<Index>(sparse.column.size()),
                       .value = std::vector<float>(sparse.value.size())};
  for (const Index column : sparse.column) ++other.begin[static_cast<std::size_t>(column) + 1];
  for (std::size_t k = 1; k < other.begin.size(); ++k) other.begin[k] += other.begin[k - 1];
  std::vector<Offset> next(other.begin.begin(), other.begin.end() - 1);
  for (Index row = 0; row < other.columns; ++row)
    for (Offset e = sparse.begin[row]; e < sparse.begin[row + 1]; ++e) {
      const Offset to = next[sparse.column[e]]++;
      other.column[to] = row;
      other.value[to] = sparse.value[e];
    }
  return other;
}

/// Sparse rows in a backend's memory.
template <class B, class T>
class HeldSparse {
 public:
  HeldSparse() = default;
  HeldSparse(B& backend, const SparseFeatures& sparse)
      : rows_(static_cast<Index>(sparse.begin.size()) - 1),
        columns_(sparse.columns),
        begin_(backend, sparse.begin),
        column_(backend, sparse.column),
        values_(backend, std::vector<T>(sparse.value.begin(), sparse.value.end())) {
    for (std::size_t row = 0; row + 1 < sparse.begin.size(); ++row)
      largest_row_ = std::max(largest_row_, static_cast<Index>(sparse.begin[row + 1] - sparse.begin[row]));
  }

  explicit operator bool() const { return static_cast<bool>(begin_); }
  MultiplySparse<T> times(MatrixView<const T> b, MatrixView<T> c) const {
    return {.a = {.receivers = rows_,
                  .sources = columns_,
                  .levels = 1,
                  .largest_row = largest_row_,
                  .begin = begin_.data(),
                  .end = begin_.data() + 1,
                  .source = column_.data(),
                  .entries = column_.size()},
            .values = values_.data(),
            .b = b,
            .c = c};
  }

 private:
  Index rows_ = 0, columns_ = 0, largest_row_ = 0;
  Buffer<B, Offset> begin_;
  Buffer<B, Index> column_;
  Buffer<B, T> values_;
};

/// F = dropout(act(X W1 + S dropout(V) + b1)), Z += F W2 (van den Berg et al. 2017, eq. 10).
///   X  nodes x columns, dense   S  nodes x sparse columns   W1  columns x units   V  sparse columns x units
///   W2  units x output
/// A category's or a friend's weights are a table like those of ids, and memorise what few ratings say unless they are
/// dropped like messages. Work O(units * (nodes * (columns + output) + entries of S)). Memory: X, S both ways, and V
/// once more where it is dropped.
template <class B, class T>
requires Backend<B, T>
class FeatureLayer {
 public:
  /// Adds name.weight (W1), name.bias, name.dense (W2) and name.sparse (V) to the parameters. Throws InputError unless
  /// the features have a value for each node and column.
  FeatureLayer(B& backend, Parameters<B, T>& parameters, const std::string& name, const FeatureOptions& options,
               Side side, Index nodes, const SideFeatures& features)
      : backend_(&backend),
        parameters_(&parameters),
        weight_(parameters.add(feature_pieces(name, options))),
        bias_(weight_ + (options.columns > 0 ? 1 : 0)),
        dense_(bias_ + 1),
        sparse_(bias_ + 2),
        side_(side),
        options_(options),
        x_(backend, nodes, options.columns),
        hidden_(backend, nodes, options.units),
        gradient_(backend, nodes, options.units) {
    x_.set(std::vector<T>(features.values.begin(), features.values.end()));
    if (options.sparse_columns > 0) {
      require(features.sparse.columns == options.sparse_columns &&
                  features.sparse.begin.size() == static_cast<std::size_t>(nodes) + 1,
              [&] {
                return "side features: sparse rows of " + std::to_string(features.sparse.columns) + " columns for " +
                       std::to_string(options.sparse_columns);
              });
      s_ = HeldSparse<B, T>(backend, features.sparse);
      s_transposed_ = HeldSparse<B, T>(backend, transposed(features.sparse));
    }
    if (s_ && options.sparse_dropout > 0) {
      dropped_ = Matrix<B, T>(backend, options.sparse_columns, options.units);
      weight_bits_ = Buffer<B, std::uint8_t>(backend, Offset{options.sparse_columns} * round_up(options.units, 64) / 8);
    }
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
    multiply_input(dropout);
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
    if (options_.columns > 0)
      backend_->run(MultiplyTransposed<T>{
          .a = x_.const_view(), .b = gradient_.const_view(), .c = parameters_->gradient(weight_)});
    if (s_) {
      const BlockMatrix<T> v = parameters_->gradient(sparse_);
      const MatrixView<T> dv{v.data, v.rows, v.columns, v.stride};
      backend_->run(s_transposed_.times(gradient_.const_view(), dv));
      if (dropping_weights_) drop_weights(dv);
    }
    backend_->run(ColumnSums<T>{.x = gradient_.const_view(), .sums = parameters_->gradient(bias_).data});
  }

 private:
  /// X W1 + S dropout(V) + b1.
  void multiply_input(const std::optional<DropoutStep>& dropout) {
    const T* bias = parameters_->values(bias_).data;
    if (options_.columns > 0)
      backend_->run(
          Multiply<T>{.a = x_.const_view(), .b = parameters_->values(weight_), .c = hidden_.view(), .bias = bias});
    if (!s_) return;
    MatrixView<const T> v = parameters_->matrix(sparse_);
    dropping_weights_ = dropout && weight_bits_;
    if (dropping_weights_) {
      const Mask mask = make_mask(dropout->seed, dropout->step, masked(Masked::user_weights, side_, options_.layer),
                                  options_.sparse_dropout);
      weight_scale_ = static_cast<T>(mask.scale());
      backend_->run(DrawMask{.mask = mask, .count = weight_bits_.size() * 8, .bits = weight_bits_.data()});
      backend_->run(AddScaled<T>{.a = v, .c = dropped_.view()});
      drop_weights(dropped_.view());
      v = dropped_.const_view();
    }
    MultiplySparse<T> product = s_.times(v, hidden_.view());
    product.accumulate = options_.columns > 0;
    product.bias = product.accumulate ? nullptr : bias;
    backend_->run(product);
  }

  /// V as it is dropped, and back: dV of what was dropped is 0.
  void drop_weights(MatrixView<T> v) {
    backend_->run(Activate<T>{
        .x = v, .activation = Activation::linear, .bits = weight_bits_.data(), .dropout_scale = weight_scale_});
  }

  const std::uint8_t* bits() const { return dropping_ ? bits_.data() : nullptr; }

  B* backend_;
  Parameters<B, T>* parameters_;
  int weight_, bias_, dense_, sparse_;
  Side side_;
  FeatureOptions options_;
  Matrix<B, T> x_, hidden_, gradient_;
  HeldSparse<B, T> s_, s_transposed_;
  Matrix<B, T> dropped_;  ///< V
  Buffer<B, std::uint8_t> bits_, weight_bits_;
  bool dropping_ = false, dropping_weights_ = false;
  T scale_ = 1, weight_scale_ = 1;
};

}  // namespace gcmc
