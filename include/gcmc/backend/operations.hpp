// The operations that a backend runs: plain structs of sizes and pointers, for any C++20 compiler, nvcc among them.
// Pointers are the backend's memory, but for lists of ParameterRows, which are the host's. Every operation overwrites
// its results; no operation allocates what it returns.
#pragma once

#include "gcmc/backend/formulas.hpp"
#include "gcmc/base/mask.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

enum class Normalization { symmetric, left };
/// One direction of the rating graph. Row (i, r) = i * levels + r holds the sources that rated, or were rated by,
/// receiver i at level r: source[begin[row]] .. source[end[row] - 1], ascending. Rows lie there in order.
struct Adjacency {
  Index receivers = 0, sources = 0, levels = 0;
  Index largest_row = 0;  ///< bound on the entries of one receiver over all levels
  const Offset* begin = nullptr;
  const Offset* end = nullptr;
  const Index* source = nullptr;
  Offset entries = 0;  ///< bound on what begin and end hold: the size of source
};

/// Does table `table` of a graph convolution serve all levels, and not level `table` alone? The one behind the levels'
/// (the implicit one) does, and one that stands alone.
constexpr bool serves_all_levels(Index table, Index tables, Index levels) {
  return table == levels || (tables == 1 && levels > 1);
}

/// What one backend profits from, and others need not look at.
struct Hints {
  bool bf16 = false;  ///< BuildTable, Aggregate: T_k[j] may be stored rounded to bfloat16, ties to even; Cpu, of float
  Adjacency by_item = {};  ///< Decode: the same pairs with receivers = items; Cuda, which gathers by item
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

/// The (table, source) pairs whose messages are kept, as bits and as an ascending list of k * sources + j. Pair (k, j)
/// is bit (all_tables ? 0 : k) * round_up(sources, 64) + j. bits == nullptr: all are kept.
struct KeptPairs {
  const std::uint8_t* bits = nullptr;
  bool all_tables = false;
  const Index* list = nullptr;
  const Index* count = nullptr;  ///< of the list

  constexpr explicit operator bool() const { return bits != nullptr; }
  /// The bits of a table's sources.
  constexpr const std::uint8_t* of_table(Index table, Index sources) const {
    return all_tables ? bits : bits + Offset{table} * round_up(sources, 64) / 8;
  }
  constexpr bool keeps(Index table, Index sources, Index j) const {
    return !bits || (of_table(table, sources)[j / 8] >> (j % 8) & 1);
  }
};

/// Lists the kept pairs: list[0 .. *count) = k * sources + j of every pair whose bit is set (KeptPairs), ascending.
struct SelectSources {
  Index tables = 0, sources = 0;
  bool all_tables = false;
  const std::uint8_t* bits = nullptr;
  Index* list = nullptr;
  Index* count = nullptr;
};

/// Tables of the kept pairs' messages, scaled: T_k[j] = scale * source_scale[j] * W_k[j], with W_k = weights block k,
/// or the sum of blocks 0 .. k when `ordinal` and k < levels. Which row of `table` a pair has is the backend's choice,
/// by `kept` alone: its Aggregate, given the same `kept`, finds it.
template <class T>
struct BuildTable {
  BlockMatrix<const T> weights;  ///< [tables][sources][width]
  bool ordinal = false;
  Index levels = 0;
  KeptPairs kept = {};
  const T* source_scale = nullptr;  ///< nullptr: 1
  T scale = 1;
  MatrixView<T> table;  ///< tables * sources rows; columns and stride as the weights
  Hints hints = {};
};

/// Graph convolution from tables of messages (eq. 1 and 2 of van den Berg, Kipf and Welling 2017):
///   H[i, block] = dropout(act(receiver_scale[i] * sum over the block's tables k, levels r of k, kept sources j of
///                 (i, r) of T_k[j]))
/// Table k serves level k, or all (serves_all_levels); there are 1, `levels` or, with the implicit one, levels + 1.
/// stack: block k is table k, at columns k * width. sum: one block of all tables. Sums run in the order written: table,
/// level, source.
template <class T>
struct Aggregate {
  Adjacency adjacency;
  Index tables = 0, width = 0;
  bool stack = false;
  KeptPairs kept = {};
  MatrixView<const T> table;  ///< as BuildTable left it
  const T* receiver_scale = nullptr;
  Activation activation = Activation::leaky_relu;
  const std::uint8_t* bits = nullptr;  ///< of unit (i, c): i * round_up(hidden.columns, 64) + c; nullptr: all kept
  T dropout_scale = 1;
  MatrixView<T> hidden;
  Hints hints = {};  ///< BuildTable's
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
  KeptPairs kept = {};
  BlockMatrix<const T> blocks;  ///< [1 or tables][receivers][width]
  const T* source_scale = nullptr;
  T scale = 1;
  BlockMatrix<T> gradient;  ///< [tables][sources][width]
};

/// C = A B (+ bias) (+ C). B is a row of blocks side by side, or, with `sum_blocks`, C = sum over b of A_b B_b where A
/// holds its blocks side by side. transpose: each block of B is used transposed. Blocks side by side are
/// row_stride<T>(columns of a block) apart. Zeros of A may be skipped: 0 times what is not finite may count as 0.
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
/// the other. Zeros of A may be skipped, as in Multiply.
template <class T>
struct MultiplyTransposed {
  MatrixView<const T> a, b;
  BlockMatrix<T> c;
  bool accumulate = false;
};

/// C = A B (+ bias) (+ C) for a sparse A, whose row i holds values[e] at column source[e] of each entry e of receiver
/// i, over all levels. A row's entries are added in order; of a long row, a backend may add up several parts first.
template <class T>
struct MultiplySparse {
  Adjacency a;  ///< receivers = rows of C, sources = rows of B; entries may repeat a column
  const T* values = nullptr;
  MatrixView<const T> b;
  MatrixView<T> c;
  const T* bias = nullptr;
  bool accumulate = false;
};

/// Sums over the pairs of one pass: Metrics, as the backend writes them.
struct DecodeSums {
  double count = 0, cross_entropy = 0, squared_error = 0, absolute_error = 0, correct = 0;
};

/// The dot product of every pair (SDDMM: a product of dense matrices where a sparse one has entries) and, where asked
/// for, its squared error against its level's value. Entry e of row (i, r):
///   dots[e] = shift + a_i . b_source[e],  slopes[e] = 2 (dots[e] - values[r]) / *count
/// The slopes are the gradient of the mean squared error with respect to the dots: MultiplySparse of them and b gives
/// that of a, and the same two operations on the other direction's adjacency that of b.
template <class T>
struct PairDots {
  Adjacency pairs;
  MatrixView<const T> a, b;  ///< receivers x width, sources x width
  T shift = 0;
  T* dots = nullptr;              ///< [entries]; nullptr: not wanted
  const T* values = nullptr;      ///< [levels], for slopes and sums
  const Offset* count = nullptr;  ///< the mean's denominator, for slopes
  T* slopes = nullptr;            ///< [entries]; nullptr: not wanted
  DecodeSums* sums = nullptr;     ///< cross_entropy and correct are 0; nullptr: not wanted
};

/// First values: x_ic = (2 u - 1) bound, with u the (i * columns + c)-th number of Random(seed, stream).uniform(); i
/// counts the rows of all blocks. Computed in double, then rounded. bound == 0: 0.
template <class T>
struct DrawUniform {
  BlockMatrix<T> x;
  double bound = 0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

/// C = alpha diag(s) A + beta C: row i of A times alpha * s[i]. beta == 0 does not read C. A may be C.
template <class T>
struct AddScaled {
  MatrixView<const T> a;
  const T* row_scale = nullptr;  ///< s; nullptr: 1
  T alpha = 1, beta = 0;
  MatrixView<T> c;
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

/// The bilinear decoder. user_basis[i] = (z_i^T P_0, ..., z_i^T P_{B-1}), side by side in padded blocks; then
///   x_s = user_basis[i, s] . z_j,  logit_r = sum over s of coefficients[s, r] x_s,  p = softmax(logit)
/// with loss = mean over the pairs of - sum over r of level_weight(r, level) log p_r, and its gradients. Pairs are the
/// entries of `pairs` (receivers = users, sources = items); chunk c is users chunk_begin[c] .. chunk_begin[c+1]-1, and
/// sums over users run chunk by chunk, so the bits do not depend on the number of threads.
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
  T smoothing = 0;             ///< of level_weight
  Hints hints = {};
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

/// A part of the flat parameter buffer, as rows. Where there is a list, its gradient is stored in the rows list[0 ..
/// *list_count) alone and zero in all others.
/// A part that is deferred knows for each row how many steps it has been through, and which step its stored gradient
/// belongs to (0: none waits). Without these arrays, every row takes part in every step.
struct ParameterRows {
  Offset begin = 0;
  Index rows = 0, stride = 0;
  const Index* list = nullptr;
  const Index* list_count = nullptr;
  Index* applied = nullptr;
  Index* gradient_step = nullptr;
};

/// *sum = sum over parts of squares of the gradient of `step`, in a fixed order. In deferred parts, gradient_step of
/// the rows that are stored becomes `step`.
template <class T>
struct SquareSum {
  const ParameterRows* parts = nullptr;
  Index count = 0;
  const T* gradient = nullptr;
  Index step = 1;
  double* sum = nullptr;
};

/// What Update needs to know of a step that has been.
template <class T>
struct StepRecord {
  T clip = 1, rate = 0, second_scale = 1, decay = 0, keep = 1;
};

/// *record = {min(1, clip / (norm + 1e-6)), rate / (1 - beta1^step), 1 / sqrt(1 - beta2^step), decay,
/// 1 - rate * weight_decay} with norm = sqrt(*square_sum); clip <= 0: no clipping. Without `adam` the rate is the rate.
template <class T>
struct RecordStep {
  const double* square_sum = nullptr;
  double clip = 0, rate = 0.01, beta1 = 0.9, beta2 = 0.999, decay = 0, weight_decay = 0;
  bool adam = true;
  Index step = 1;  ///< t, from 1
  StepRecord<T>* record = nullptr;
};

/// Brings rows up to step t = `step`: Adam (Kingma and Ba 2015, algorithm 1), with weight decay apart from the gradient
/// (Loshchilov and Hutter 2019, algorithm 2), for each step that a row has not been through, with g = clip * gradient
/// in the step that its stored gradient belongs to, and 0 in the others:
///   m = b1 m + (1 - b1) g,  u = sqrt(b2 u^2 + (1 - b2) g^2),  w = keep w - rate_hat m / (second_scale u + epsilon)
/// `first` holds m and `second` u, the root of Adam's v: a step without gradient is then u *= sqrt(b2). SGD where first
/// == nullptr: w = keep w - rate g. After each step, average = decay * average + (1 - decay) w, if there is one. The
/// record of step s is records[s % ring]: no row may lag by more than `ring` steps. Parts that are not deferred go
/// through step t alone. Bits do not depend on when a row is brought up.
template <class T>
struct Update {
  const ParameterRows* parts = nullptr;
  Index count = 0;
  const Index* rows = nullptr;       ///< of the only part, *row_count of them; nullptr: all rows of all parts
  const Index* row_count = nullptr;  ///< in the backend's memory
  T* values = nullptr;
  const T* gradient = nullptr;
  T* first = nullptr;
  T* second = nullptr;
  T* average = nullptr;
  const StepRecord<T>* records = nullptr;
  Index ring = 1;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Index step = 1;
};

}  // namespace gcmc
