// A batch of pairs, one a vector lane: their scores, softmax and sums. Shared by the decoder with and without
// gradients.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// One user's pairs, copied out of the adjacency's rows: items, and levels as vector lanes; padded to whole batches.
template <class T>
struct UserPairs {
  Index* items = nullptr;
  Element<Integers<T>>* levels = nullptr;
  Offset count = 0;

  void collect(const Adjacency& pairs, Offset user) {
    count = 0;
    for (Index r = 0; r < pairs.levels; ++r) {
      const Offset row = user * pairs.levels + r;
      for (Offset e = pairs.begin[row]; e < pairs.end[row]; ++e) {
        items[count] = pairs.source[e];
        levels[count++] = r;
      }
    }
    for (int i = 0; i < lanes<T>; ++i) {
      items[count + i] = count ? items[0] : 0;
      levels[count + i] = 0;
    }
  }
};

/// acc[j][s] = elementwise products of user_basis block s and item row j, summed over the row's vectors.
template <class T, int n_bases, int n_items>
GCMC_INLINE void partial_dots(const T* basis, Index block_stride, const T* const* rows, int vectors,
                              Vector<T> (&acc)[n_bases][n_items]) {
  for (int s = 0; s < n_bases; ++s)
    for (int j = 0; j < n_items; ++j) acc[s][j] = Vector<T>{};
  for (int v = 0; v < vectors; ++v) {
    Vector<T> q[n_bases];
    for (int s = 0; s < n_bases; ++s) q[s] = load(basis + s * block_stride + v * lanes<T>);
    for (int j = 0; j < n_items; ++j) {
      const Vector<T> z = load(rows[j] + v * lanes<T>);
      for (int s = 0; s < n_bases; ++s) acc[s][j] += q[s] * z;
    }
  }
}

/// x[s][lane] = user_basis block s . item of the lane, for two bases (or one) at once.
template <class T, int n_bases>
GCMC_INLINE void dots(const T* basis, Index block_stride, const T* const* rows, int vectors, Vector<T>* x) {
  constexpr int n = lanes<T>, step = n < 4 ? n : 4;
  Vector<T> products[n_bases][n];
  for (int j = 0; j < n; j += step) {
    Vector<T> acc[n_bases][step];
    partial_dots<T, n_bases, step>(basis, block_stride, rows + j, vectors, acc);
    for (int s = 0; s < n_bases; ++s)
      for (int i = 0; i < step; ++i) products[s][j + i] = acc[s][i];
  }
  for (int s = 0; s < n_bases; ++s) x[s] = sum_each<T>(products[s]);
}

/// What scoring one batch yields: p_r before division by `total`, and the sums' terms.
template <class T>
struct Softmax {
  Vector<T> total, inverse_total, label_logit, prediction, value;
};

/// Scores one batch. x: [bases]; p: [levels], left as exp(logit - max).
template <class T>
GCMC_INLINE Softmax<T> softmax(const T* coefficients, Index bases, Index coefficient_stride, Index levels,
                               const T* values, const Vector<T>* x, Integers<T> label, Vector<T>* p) {
  Vector<T> largest = broadcast(T{0});
  for (Index r = 0; r < levels; ++r) {
    Vector<T> logit = coefficients[r] * x[0];
    for (Index s = 1; s < bases; ++s) logit += coefficients[Offset{s} * coefficient_stride + r] * x[s];
    p[r] = logit;
    largest = r ? maximum<T>(largest, logit) : logit;
  }
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
  void flush() {
    for (int i = 0; i < lanes<T>; ++i)
      cross_entropy += std::log(static_cast<double>(product_[i])) - static_cast<double>(label_[i]);
    squared_error += static_cast<double>(sum_lanes<T>(squared_));
    product_ = Vector<T>{} + T{1};
    label_ = squared_ = Vector<T>{};
    added_ = 0;
  }
  double cross_entropy = 0, squared_error = 0;

 private:
  Vector<T> product_ = Vector<T>{} + T{1}, label_{}, squared_{};
  int batches_ = 1, added_ = 0;
};

template <class T>
GCMC_INLINE Integers<T> first_lanes(Offset n) {
  Integers<T> number{};
  for (int i = 0; i < lanes<T>; ++i) number[i] = i;
  return number < static_cast<Element<Integers<T>>>(smaller(n, lanes<T>));
}

/// All dots of one batch: x[s] for every basis.
template <class T>
inline void all_dots(const T* basis, Index block_stride, Index bases, const T* const* rows, int vectors, Vector<T>* x) {
  Index s = 0;
  for (; s + 2 <= bases; s += 2) dots<T, 2>(basis + Offset{s} * block_stride, block_stride, rows, vectors, x + s);
  if (s < bases) dots<T, 1>(basis + Offset{s} * block_stride, block_stride, rows, vectors, x + s);
}

}  // namespace
}  // namespace gcmc
