// The operations that a backend runs: plain structs of sizes and pointers, includable from any compiler.
// Pointers are the backend's memory, but for lists of ParameterRows, which are the host's. Every operation overwrites
// its results; no operation allocates what it returns.
#pragma once

#include "gcmc/options.hpp"
#include "gcmc/random.hpp"
#include "gcmc/views.hpp"

namespace gcmc {

/// One direction of the rating graph. Row (i, r) = i * levels + r holds the sources that rated, or were rated by,
/// receiver i at level r: source[begin[row]] .. source[end[row] - 1], ascending.
struct Adjacency {
  Index receivers = 0, sources = 0, levels = 0;
  Index largest_row = 0;  ///< bound on the entries of one receiver over all levels
  const Offset* begin = nullptr;
  const Offset* end = nullptr;
  const Index* source = nullptr;
};

/// `blocks` matrices of equal shape, one behind the other: block b starts at data + b * rows * stride.
template <class T>
struct BlockMatrix {
  T* data = nullptr;
  Index blocks = 1, rows = 0, columns = 0, stride = 0;

  constexpr T* block(Index b) const { return data + Offset{b} * rows * stride; }
  constexpr operator BlockMatrix<const T>() const { return {data, blocks, rows, columns, stride}; }
};

/// bits[i / 8] bit i % 8 = kept(mask, i) for i < count; count is a multiple of 64.
struct DrawMask {
  Mask mask;
  Offset count = 0;
  std::uint8_t* bits = nullptr;
};

/// Numbers the kept (table, source) pairs: row_of[table * sources + j] is the row of pair (table, j) in the compacted
/// table, or -1 if it is dropped; pair_of is the inverse; *count is the number of kept pairs.
/// Pair (k, j) is bit (all_levels ? 0 : k) * round_up(sources, 64) + j.
struct SelectSources {
  Index tables = 0, sources = 0;
  bool all_levels = false;
  const std::uint8_t* bits = nullptr;
  Index* row_of = nullptr;
  Index* pair_of = nullptr;
  Index* count = nullptr;
};

/// Tables of messages, compacted to the kept pairs and scaled: table[row_of[k, j]] = scale * source_scale[j] * W_k[j],
/// with W_k = weights block k, or the sum of blocks 0 .. k when `ordinal` and k < levels.
/// row_of == nullptr: every pair is kept, in order.
template <class T>
struct BuildTable {
  BlockMatrix<const T> weights;  ///< [tables][sources][width]
  bool ordinal = false;
  Index levels = 0;
  const Index* row_of = nullptr;
  const Index* pair_of = nullptr;
  const Index* count = nullptr;
  const T* source_scale = nullptr;  ///< nullptr: 1
  T scale = 1;
  MatrixView<T> table;  ///< room for tables * sources rows; columns as the weights
};

/// Graph convolution from compacted tables (eq. 1 and 2 of van den Berg, Kipf and Welling 2017):
///   H[i, block] = dropout(act(receiver_scale[i] * sum over the block's tables k, levels r of k, sources j of (i, r)
///                 of table[row_of[k, j]]))
/// Table k < levels serves level k, table `levels` (the implicit one) serves all. stack: block k is table k, at columns
/// k * width. sum: one block of all tables. Sums run in the order written: table, level, source.
template <class T>
struct Aggregate {
  Adjacency adjacency;
  Index tables = 0, width = 0;
  bool stack = false;
  const Index* row_of = nullptr;  ///< nullptr: pair (k, j) is row k * sources + j
  MatrixView<const T> table;
  const T* receiver_scale = nullptr;
  Activation activation = Activation::leaky_relu;
  const std::uint8_t* bits = nullptr;  ///< of unit (i, c): i * round_up(hidden.columns, 64) + c; nullptr: all kept
  T dropout_scale = 1;
  MatrixView<T> hidden;
};

/// The gradient of Aggregate with respect to the weights, given the blocks' gradients as DenseBackward leaves them:
///   dW_k[j] = scale * source_scale[j] * sum over levels r of k, receivers i of (j, r) of blocks[block of k][i]
/// `adjacency` is the other direction: its receivers are the sources j. Rows of dropped pairs are not written, unless
/// `ordinal`: then dT_s = sum over r >= s of dW_r, and every row is written.
template <class T>
struct AggregateBackward {
  Adjacency adjacency;
  Index tables = 0;
  bool stack = false, ordinal = false;
  const Index* row_of = nullptr;
  BlockMatrix<const T> blocks;  ///< [1 or tables][receivers][width]
  const T* source_scale = nullptr;
  T scale = 1;
  BlockMatrix<T> gradient;  ///< [tables][sources][width]
};

/// C = A B (+ bias) (+ C). B is a row of blocks side by side, or, with `sum_blocks`, C = sum over b of A_b B_b where A
/// holds its blocks side by side. transpose: each block of B is used transposed. Blocks side by side are
/// row_stride<T>(columns of a block) apart.
template <class T>
struct Multiply {
  MatrixView<const T> a;
  BlockMatrix<const T> b;
  bool transpose = false, sum_blocks = false;
  MatrixView<T> c;
  const T* bias = nullptr;
  bool accumulate = false;
};

/// C = A^T B (+ C), summed over the rows in a fixed order. C has `blocks` blocks side by side in B, stored one behind
/// the other.
template <class T>
struct MultiplyTransposed {
  MatrixView<const T> a, b;
  BlockMatrix<T> c;
  bool accumulate = false;
};

/// sums[c] = sum over rows of x[., c] (+ sums[c]), in a fixed order.
template <class T>
struct ColumnSums {
  MatrixView<const T> x;
  T* sums = nullptr;
  bool accumulate = false;
};

/// x = dropout(act(x)), in place; bits as in Aggregate.
template <class T>
struct Activate {
  MatrixView<T> x;
  Activation activation = Activation::leaky_relu;
  const std::uint8_t* bits = nullptr;
  T dropout_scale = 1;
};

/// Back through a dense layer, dropout and activation in one pass: with G = dZ W^T and H the layer's input,
///   blocks[b][i, c] = G[i, b * width + c] * act'(H) * (kept ? dropout_scale : 0) * receiver_scale[i]
/// act' is taken from the activation's value, H / dropout_scale.
template <class T>
struct DenseBackward {
  MatrixView<const T> dz;
  MatrixView<const T> weight;  ///< hidden x output
  MatrixView<const T> hidden;
  Activation activation = Activation::leaky_relu;
  const std::uint8_t* bits = nullptr;
  T dropout_scale = 1;
  const T* receiver_scale = nullptr;  ///< nullptr: 1
  BlockMatrix<T> blocks;              ///< [blocks][rows][width], blocks * width = hidden.columns
};

/// Sums over the pairs of one pass: Metrics, as the backend writes them.
struct DecodeSums {
  double count = 0, cross_entropy = 0, squared_error = 0, absolute_error = 0, correct = 0;
};

/// The bilinear decoder. user_basis[i] = (z_i^T P_0, ..., z_i^T P_{B-1}), side by side in padded blocks; then
///   x_s = user_basis[i, s] . z_j,  logit_r = sum over s of coefficients[s, r] x_s,  p = softmax(logit)
/// with loss = mean over the pairs of -log p_level, and its gradients. Pairs are the entries of `pairs`
/// (receivers = users, sources = items); chunk c is users chunk_begin[c] .. chunk_begin[c+1]-1, and sums over users run
/// chunk by chunk, so the bits do not depend on the number of threads.
template <class T>
struct Decode {
  Adjacency pairs;
  const Index* chunk_begin = nullptr;
  Index chunks = 0;
  Index bases = 0;
  MatrixView<const T> user_basis;   ///< users x (bases * row_stride<T>(D))
  MatrixView<const T> items;        ///< items x D
  const T* coefficients = nullptr;  ///< [bases][row_stride<T>(levels)]
  const T* values = nullptr;        ///< [levels]
  const Offset* count = nullptr;    ///< number of pairs, the mean's denominator
  MatrixView<T> user_basis_gradient, item_gradient;
  T* coefficient_gradient = nullptr;
  DecodeSums* sums = nullptr;  ///< absolute_error and correct are not computed here
};

/// The decoder without gradients: sums over the pairs and, where asked for, each pair's prediction and probabilities.
/// A user's rows lie one behind the other (end of a row is begin of the next), and entry e is output e.
template <class T>
struct Predict {
  Adjacency pairs;
  const Index* chunk_begin = nullptr;
  Index chunks = 0;
  Index bases = 0;
  MatrixView<const T> user_basis, items;
  const T* coefficients = nullptr;
  const T* values = nullptr;
  DecodeSums* sums = nullptr;  ///< nullptr: not wanted
  T* predictions = nullptr;    ///< [entries], sum over r of values[r] p_r; nullptr: not wanted
  T* probabilities = nullptr;  ///< [entries][levels]; nullptr: not wanted
};

/// Splits the entries of every row into those that carry messages (first) and those that are predicted (behind them):
/// entry (user, item) carries messages unless kept(mask, user * items + item). middle[row] is the first predicted one.
/// `carried` is each receiver's degree among what carries. Rows lie one behind the other.
struct SplitEdges {
  Adjacency adjacency;  ///< the whole graph's
  bool sources_are_items = true;
  Mask mask;
  Index* source = nullptr;
  Offset* middle = nullptr;
  Offset* carried = nullptr;    ///< [receivers]
  Offset* predicted = nullptr;  ///< their number in all; nullptr: not wanted
};

/// scale[i] = degree[i]^-1/2 (symmetric) or 1 / degree[i] (left); 0 where the degree is 0.
template <class T>
struct DegreeScale {
  const Offset* degree = nullptr;
  Index count = 0;
  Normalization normalization = Normalization::symmetric;
  T* scale = nullptr;
};

/// A part of the flat parameter buffer, as rows; row_of[i] < 0 says that row i of the gradient is zero and not stored.
struct ParameterRows {
  Offset begin = 0;
  Index rows = 0, stride = 0;
  const Index* row_of = nullptr;
};

/// *sum = sum over parts of squares of the gradient, in a fixed order.
template <class T>
struct SquareSum {
  const ParameterRows* parts = nullptr;
  Index count = 0;
  const T* gradient = nullptr;
  double* sum = nullptr;
};

/// Adam (Kingma and Ba 2015, algorithm 1) on gradient * min(1, clip / (norm + 1e-6)), norm = sqrt(*square_sum):
///   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  w -= rate m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)
/// SGD where first == nullptr: w -= rate g. clip <= 0: no clipping.
template <class T>
struct Update {
  const ParameterRows* parts = nullptr;
  Index count = 0;
  T* values = nullptr;
  const T* gradient = nullptr;
  T* first = nullptr;
  T* second = nullptr;
  const double* square_sum = nullptr;
  double clip = 0, rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Offset step = 1;  ///< t, from 1
};

/// average = decay * average + (1 - decay) * values.
template <class T>
struct Average {
  Offset count = 0;
  const T* values = nullptr;
  T* average = nullptr;
  double decay = 0;
};

}  // namespace gcmc
