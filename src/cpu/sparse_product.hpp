// Products of weighted sparse rows, as side features have them.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Columns [column, column + vectors) of row i of C: the row's entries are added in order, in registers.
template <int vectors, class T>
GCMC_INLINE void multiply_sparse_row(const MultiplySparse<T>& op, Offset i, Offset column) {
  constexpr Offset ahead = 8;
  Vector<T> acc[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) acc[v] = Vector<T>{};
  for (Offset level = i * op.a.levels; level < (i + 1) * op.a.levels; ++level)
    for (Offset e = op.a.begin[level], end = op.a.end[level]; e < end; ++e) {
      if (e + ahead < end) prefetch_row(op.b.row(op.a.source[e + ahead]) + column, vectors);
      const T* row = op.b.row(op.a.source[e]) + column;
      const Vector<T> factor = broadcast(op.values[e]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) acc[v] += factor * load(row + v * lanes<T>);
    }
  T* to = op.c.row(i) + column;
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    if (op.bias) acc[v] += load(op.bias + column + v * lanes<T>);
    store(to + v * lanes<T>, op.accumulate ? load(to + v * lanes<T>) + acc[v] : acc[v]);
  }
}

template <class T>
void multiply_sparse(const MultiplySparse<T>& op, CpuContext& context) {
  constexpr int most = 8;
  const int all = row_stride<T>(op.c.columns) / lanes<T>;
  for_each_piece(context, op.a.receivers, 64, [&](Offset first, Offset last) {
    for (int at = 0; at < all; at += most)
      with_constant<most>(static_cast<int>(smaller(most, all - at)), [&](auto constant) {
        for (Offset i = first; i < last; ++i)
          multiply_sparse_row<decltype(constant)::value>(op, i, Offset{at} * lanes<T>);
      });
  });
}

}  // namespace
}  // namespace gcmc
