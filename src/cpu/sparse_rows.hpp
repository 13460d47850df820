// Products that skip the zeros of their left operand, as dropout leaves them: 64 columns at a time, of which only those
// are added that are not 0.
#pragma once

#include <bit>

#include "simd.hpp"

namespace gcmc {
namespace {

/// Vectors of sums that one row keeps in registers.
constexpr int sparse_vectors = vector_bytes == 64 ? 12 : 10;
/// Elements of which one word says whether they are 0. So many rows of B, and what is multiplied with them, stay in the
/// nearest cache.
constexpr Offset word_bits = 64;

/// Vectors that hold `count` elements.
template <class T>
constexpr int vectors_of(Offset count) {
  return static_cast<int>((count + lanes<T> - 1) / lanes<T>);
}

/// Bit i: row[i] is not 0, for i < count <= word_bits. Reads whole vectors.
template <class T>
GCMC_INLINE std::uint64_t nonzero_bits(const T* row, Offset count) {
  std::uint64_t bits = 0;
  for (Offset i = 0; i < count; i += lanes<T>) bits |= std::uint64_t{nonzero_lanes<T>(load(row + i))} << i;
  return count < word_bits ? bits & ((std::uint64_t{1} << count) - 1) : bits;
}

/// Whether so many elements are 0 that it pays to skip them: by up to 32 rows that lie evenly. Where fewer are, the
/// words' loops, whose ends no processor foresees, cost more than multiplying by 0.
template <class T>
bool is_sparse(const MatrixView<const T>& a) {
  const Offset step = a.rows / 32 + 1;
  Offset all = 0, nonzero = 0;
  for (Offset i = 0; i < a.rows; i += step, all += a.columns)
    for (Offset k = 0; k < a.columns; k += word_bits)
      nonzero += std::popcount(nonzero_bits(a.row(i) + k, smaller(word_bits, a.columns - k)));
  return 10 * nonzero < 6 * all;
}

/// acc += the sum over k of `set`, ascending, of factors[k * step] * (row k of `rows`).
template <class T, int vectors>
GCMC_INLINE void add_rows(std::uint64_t set, const T* factors, Offset step, const T* rows, Offset stride,
                          Vector<T> (&acc)[vectors]) {
  for (; set; set &= set - 1) {
    const Offset k = std::countr_zero(set);
    const Vector<T> factor = broadcast(factors[k * step]);
#pragma GCC unroll 12
    for (int v = 0; v < vectors; ++v) acc[v] += factor * load(rows + k * stride + v * lanes<T>);
  }
}

/// Rows of A against a panel of B ([depth][vectors]): what multiply_by asks of a kernel (dense_kernels.hpp).
template <class T>
struct SparseRows {
  static constexpr int most_vectors = sparse_vectors;
  static constexpr Offset strip = 32;

  template <int vectors, class Finish>
  static void run(const MatrixView<const T>& a, Offset first, Offset last, const T* panel, Index depth, Index group,
                  Index column, const Finish& finish) {
    constexpr Offset width = vectors * lanes<T>;
    alignas(64) T sums[strip * width];
    for (Offset k = 0; k < depth; k += word_bits)
      for (Offset i = first; i < last; ++i) {
        const T* row = a.row(i) + k;
        const Offset count = smaller(word_bits, depth - k);
        T* sum = sums + (i - first) * width;
        Vector<T> acc[vectors];
#pragma GCC unroll 12
        for (int v = 0; v < vectors; ++v) acc[v] = k ? load(sum + v * lanes<T>) : Vector<T>{};
        prefetch_row<2>(a.row(i + strip) + k, vectors_of<T>(count));
        add_rows(nonzero_bits(row, count), row, 1, panel + k * width, width, acc);
        if (k + word_bits >= depth) {
          finish(i, group, column, acc);
        } else {
#pragma GCC unroll 12
          for (int v = 0; v < vectors; ++v) store(sum + v * lanes<T>, acc[v]);
        }
      }
  }
};

/// Bit j of word i becomes bit i of word j: halves swap, then halves of halves, and so on.
inline void transpose_bits(std::uint64_t (&words)[word_bits]) {
  std::uint64_t low = 0xFFFFFFFFu;
  for (int width = 32; width > 0; width /= 2, low ^= low << width)
    for (int start = 0; start < word_bits; start += 2 * width)
      for (int i = start; i < start + width; ++i) {
        const std::uint64_t swapped = (words[i] >> width ^ words[i + width]) & low;
        words[i] ^= swapped << width;
        words[i + width] ^= swapped;
      }
}

/// c (x.columns by y.stride) += x^T y over rows [first, last).
template <class T>
void cross_chunk_sparse(const MatrixView<const T>& x, const MatrixView<const T>& y, Offset first, Offset last, T* c) {
  const int all_vectors = row_stride<T>(y.columns) / lanes<T>;
  for (Offset k = first; k < last; k += word_bits)
    for (Offset column = 0; column < x.columns; column += word_bits) {
      const Offset depth = smaller(word_bits, last - k), width = smaller(word_bits, x.columns - column);
      std::uint64_t words[word_bits] = {};
      for (Offset i = 0; i < depth; ++i) {
        const T* row = x.row(k + i) + column;
        prefetch_row<2>(x.row(k + i + word_bits) + column, vectors_of<T>(width));
        words[i] = nonzero_bits(row, width);
      }
      transpose_bits(words);
      for (int at = 0; at < all_vectors; at += sparse_vectors)
        with_constant<sparse_vectors>(static_cast<int>(smaller(sparse_vectors, all_vectors - at)), [&](auto constant) {
          constexpr int vectors = decltype(constant)::value;
          for (Offset j = 0; j < width; ++j) {
            T* to = c + (column + j) * y.stride + at * lanes<T>;
            Vector<T> acc[vectors];
#pragma GCC unroll 12
            for (int v = 0; v < vectors; ++v) acc[v] = load(to + v * lanes<T>);
            add_rows(words[j], x.row(k) + column + j, x.stride, y.row(k) + at * lanes<T>, y.stride, acc);
#pragma GCC unroll 12
            for (int v = 0; v < vectors; ++v) store(to + v * lanes<T>, acc[v]);
          }
        });
    }
}

}  // namespace
}  // namespace gcmc
