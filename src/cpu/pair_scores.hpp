// Pairs in vectors, one a lane: their scores, softmax and sums. Shared by the decoder with and without gradients.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Pairs whose gradients are added at once: as many on every instruction set, since what a batch costs apart from its
/// pairs weighs more the fewer they are.
template <class T>
constexpr int batch_pairs = 64 / static_cast<int>(sizeof(T));

/// One user's pairs, copied out of the adjacency's rows: where each item's row begins, and levels as vector lanes;
/// padded by two batches, so that the batch behind a batch may be prefetched.
template <class T>
struct UserPairs {
  Offset* rows = nullptr;
  Element<Integers<T>>* levels = nullptr;
  Offset count = 0, stride = 0;  ///< of the items

  /// All pairs of the user. Copies whole vectors: what overruns a level's row is overwritten by the next.
  void collect(const Adjacency& pairs, Offset user) {
    count = 0;
    for (Index r = 0; r < pairs.levels; ++r) {
      const Offset row = user * pairs.levels + r, begin = pairs.begin[row], n = pairs.end[row] - begin;
      const Integers<T> level = Integers<T>{} + static_cast<Element<Integers<T>>>(r);
      for (Offset k = 0; k < n; k += lanes<T>) std::memcpy(levels + count + k, &level, sizeof level);
      for (Offset k = 0; k < n; k += lanes<Offset>) {
        const Vector<Offset> at = load_indices(pairs.source + begin + k) * stride;
        std::memcpy(rows + count + k, &at, sizeof at);
      }
      count += n;
    }
    const Vector<Offset> padding = Vector<Offset>{} + (count ? rows[0] : 0);
    for (int k = 0; k < 2 * batch_pairs<T>; k += lanes<Offset>) std::memcpy(rows + count + k, &padding, sizeof padding);
    std::memset(levels + count, 0, 2 * batch_pairs<T> * sizeof(T));
  }
  Integers<T> labels(Offset first) const {
    Integers<T> label;
    std::memcpy(&label, levels + first, sizeof label);
    return label;
  }
};

template <class T, class Function>
GCMC_INLINE void with_vectors(Index stride, const Function& function) {
  constexpr int usual = static_cast<int>(row_stride<T>(75)) / lanes<T>;
  const int vectors = stride / lanes<T>;
  if (vectors == usual) return function(std::integral_constant<int, usual>{});
  function(vectors);
}
template <class Function>
GCMC_INLINE void with_levels(Index levels, const Function& function) {
  if (levels == 5) return function(std::integral_constant<Index, 5>{});
  if (levels == 10) return function(std::integral_constant<Index, 10>{});
  function(levels);
}

/// Calls function(first, constant number) for the bases by twos, and for the last one of an odd number.
template <class Function>
GCMC_INLINE void for_bases_by_twos(Index bases, const Function& function) {
  Index s = 0;
  for (; s + 2 <= bases; s += 2) function(s, std::integral_constant<int, 2>{});
  if (s < bases) function(s, std::integral_constant<int, 1>{});
}

/// acc[s][j] = elementwise products of user_basis block s and item row j, summed over the row's vectors.
template <class T, int n_bases, int n_items, class Vectors>
GCMC_INLINE void partial_dots(const T* basis, Index block_stride, const T* items, const Offset* rows, Vectors vectors,
                              Vector<T> (&acc)[n_bases][n_items]) {
  const T* row[n_items];
  for (int j = 0; j < n_items; ++j) {
    row[j] = items + rows[j];
    // Else GCC works out the addresses of all vectors of all lanes beforehand, and spills them to the stack.
    asm volatile("" : "+r"(row[j]));
  }
  for (int s = 0; s < n_bases; ++s)
    for (int j = 0; j < n_items; ++j) acc[s][j] = Vector<T>{};
  for (int v = 0; v < vectors; ++v) {
    Vector<T> q[n_bases];
    for (int s = 0; s < n_bases; ++s) q[s] = load(basis + s * block_stride + v * lanes<T>);
    for (int j = 0; j < n_items; ++j) {
      Vector<T> z = load(row[j] + v * lanes<T>);
      if constexpr (n_bases > 1) load_once(z);
      for (int s = 0; s < n_bases; ++s) acc[s][j] += q[s] * z;
    }
  }
}

/// x[s][lane] = user_basis block s . item of the lane, for two bases (or one) at once. `ahead(j)` is called for each
/// lane on the way: a place for prefetches.
template <class T, int n_bases, class Vectors, class Ahead>
GCMC_INLINE void dots(const T* basis, Index block_stride, const T* items, const Offset* rows, Vectors vectors,
                      Vector<T>* x, const Ahead& ahead) {
  constexpr int group = sum_group_size<T>, groups = lanes<T> / group;
  Vector<T> sums[n_bases][groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) {
    Vector<T> acc[n_bases][group];
    for (int i = 0; i < group; ++i) ahead(g * group + i);
    partial_dots<T, n_bases, group>(basis, block_stride, items, rows + g * group, vectors, acc);
    for (int s = 0; s < n_bases; ++s) sums[s][g] = sum_group<T>(acc[s]);
  }
  for (int s = 0; s < n_bases; ++s) x[s] = sum_groups<T>(sums[s]);
}

/// All dots of one batch: x[s] for every basis.
template <class T, class Vectors, class Ahead>
GCMC_INLINE void all_dots(const T* basis, Index block_stride, Index bases, const T* items, const Offset* rows,
                          Vectors vectors, Vector<T>* x, const Ahead& ahead) {
  const auto nothing = [](int) {};
  for_bases_by_twos(
      bases, [&](Index s, auto n) __attribute__((always_inline)) {
        const T* from = basis + Offset{s} * block_stride;
        if (s == 0)
          dots<T, decltype(n)::value>(from, block_stride, items, rows, vectors, x, ahead);
        else
          dots<T, decltype(n)::value>(from, block_stride, items, rows, vectors, x + s, nothing);
      });
}

/// What scoring one batch yields: p_r before division by `total`, and the sums' terms.
template <class T>
struct Softmax {
  Vector<T> total, inverse_total, label_logit, prediction, value;
};

/// Scores one batch. x: [bases]; p: [levels], left as exp(logit - max).
template <class T, class Levels>
GCMC_INLINE Softmax<T> softmax(const T* coefficients, Index bases, Index coefficient_stride, Levels levels,
                               const T* values, const Vector<T>* x, Integers<T> label, Vector<T>* p) {
  for_bases_by_twos(
      bases, [&](Index first, auto n) __attribute__((always_inline)) {
        const T* of_bases = coefficients + Offset{first} * coefficient_stride;
        for (Index r = 0; r < levels; ++r) {
          Vector<T> logit = first ? p[r] + of_bases[r] * x[first] : of_bases[r] * x[first];
          if constexpr (n > 1) logit += of_bases[coefficient_stride + r] * x[first + 1];
          p[r] = logit;
        }
      });
  Vector<T> largest = p[0];
  for (Index r = 1; r < levels; ++r) largest = maximum<T>(largest, p[r]);
  Softmax<T> result{};
  for (Index r = 0; r < levels; ++r) {
    const Vector<T> shifted = p[r] - largest;
    const Integers<T> is_label = label == static_cast<Element<Integers<T>>>(r);
    result.label_logit = select<T>(is_label, shifted, result.label_logit);
    result.value = select<T>(is_label, broadcast(values[r]), result.value);
    p[r] = exponential(shifted);
    result.total += p[r];
    result.prediction += p[r] * values[r];
  }
  result.inverse_total = T{1} / result.total;
  result.prediction *= result.inverse_total;
  return result;
}

/// Sums of one chunk. The logarithms of the softmax's totals are taken of products of many, which stay far from
/// overflow since a total lies in [1, levels].
template <class T>
class ChunkSums {
 public:
  explicit ChunkSums(Index levels) {
    const double largest = sizeof(T) == 4 ? 80 : 600;
    batches_ = levels > 1 ? static_cast<int>(largest / std::log(static_cast<double>(levels))) : 1000;
    if (batches_ < 1) batches_ = 1;
  }
  GCMC_INLINE void add(const Softmax<T>& s, Integers<T> valid) {
    const Vector<T> zero{}, error = s.prediction - s.value;
    product_ *= select<T>(valid, s.total, zero + T{1});
    label_ += select<T>(valid, s.label_logit, zero);
    squared_ += select<T>(valid, error * error, zero);
    if (++added_ >= batches_) flush();
  }
  /// What only a pass without gradients counts, called before add: absolute errors, and whether the most likely level
  /// is the label.
  GCMC_INLINE void add_guess(const Softmax<T>& s, Integers<T> hit, Integers<T> valid) {
    const Vector<T> zero{}, error = s.prediction - s.value;
    absolute_ += select<T>(valid, maximum<T>(error, -error), zero);
    correct_ += select<T>(hit & valid, zero + T{1}, zero);
  }
  void flush() {
    for (int i = 0; i < lanes<T>; ++i)
      cross_entropy += std::log(static_cast<double>(product_[i])) - static_cast<double>(label_[i]);
    squared_error += static_cast<double>(sum_lanes<T>(squared_));
    absolute_error += static_cast<double>(sum_lanes<T>(absolute_));
    correct += static_cast<double>(sum_lanes<T>(correct_));
    product_ = Vector<T>{} + T{1};
    label_ = squared_ = absolute_ = correct_ = Vector<T>{};
    added_ = 0;
  }
  double cross_entropy = 0, squared_error = 0, absolute_error = 0, correct = 0;

 private:
  Vector<T> product_ = Vector<T>{} + T{1}, label_{}, squared_{}, absolute_{}, correct_{};
  int batches_ = 1, added_ = 0;
};

/// Memory of one thread, carved from one allocation.
template <class T>
struct PairScratch {
  static constexpr int batch_vectors = batch_pairs<T> / lanes<T>;
  static Offset room(Index largest_row) { return round_up(largest_row + 3 * batch_pairs<T>, 64); }
  static Offset size(Index levels, Index bases, Index largest_row) {
    const Offset vectors = levels + (1 + batch_vectors) * Offset{bases} + Offset{bases} * levels;
    return round_up(vectors * vector_bytes + room(largest_row) * static_cast<Offset>(sizeof(Offset) + sizeof(T)), 64);
  }
  PairScratch(std::byte* memory, Index levels, Index bases, Index largest_row, Index item_stride) {
    p = reinterpret_cast<Vector<T>*>(memory);
    x = p + levels;
    y = x + bases;
    coefficient_gradient = y + batch_vectors * Offset{bases};
    pairs.rows = reinterpret_cast<Offset*>(coefficient_gradient + Offset{bases} * levels);
    pairs.levels = reinterpret_cast<Element<Integers<T>>*>(pairs.rows + room(largest_row));
    pairs.stride = item_stride;
  }
  Vector<T>*p, *x, *y;  ///< [levels], [bases] of one vector of pairs; [bases][batch_vectors]
  Vector<T>* coefficient_gradient;
  UserPairs<T> pairs;
};

}  // namespace
}  // namespace gcmc
