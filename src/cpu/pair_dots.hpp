// Dot products of pairs and their squared errors.
#pragma once

#include "pair_scores.hpp"

namespace gcmc {
namespace {

/// The pairs of row (i, r), a batch a vector, added to the sums.
template <class T, class Vectors>
void pair_dots_row(const PairDots<T>& op, Offset i, Index r, Vectors vectors, T per_pair, DecodeSums& sums) {
  const Offset row = i * op.pairs.levels + r, end = op.pairs.end[row];
  for (Offset first = op.pairs.begin[row]; first < end; first += lanes<T>) {
    const Offset n = smaller(lanes<T>, end - first);
    Offset rows[lanes<T>];
    for (Offset j = 0; j < lanes<T>; ++j) rows[j] = Offset{op.pairs.source[first + smaller(j, n - 1)]} * op.b.stride;
    Vector<T> dot;
    dots<T, 1>(op.a.row(i), 0, op.b.data, rows, vectors, &dot, [](int) {});
    dot += op.shift;
    if (op.dots) store_some(op.dots + first, dot, n);
    if (!op.slopes && !op.sums) continue;
    const Vector<T> error = select<T>(first_lanes<T>(n), dot - op.values[r], Vector<T>{});
    if (op.slopes) store_some(op.slopes + first, error * per_pair, n);
    sums.count += static_cast<double>(n);
    sums.squared_error += static_cast<double>(sum_lanes<T>(error * error));
    sums.absolute_error += static_cast<double>(sum_lanes<T>(maximum<T>(error, -error)));
  }
}

template <class T>
void pair_dots(const PairDots<T>& op, CpuContext& context) {
  constexpr Offset piece = 64;
  const Offset pieces = (op.pairs.receivers + piece - 1) / piece;
  auto* sums_of = context.scratch_of<DecodeSums>(0, pieces);
  const T per_pair = op.slopes ? static_cast<T>(2.0 / static_cast<double>(*op.count)) : T{0};
  for_each_piece(context, op.pairs.receivers, piece, [&](Offset first, Offset last) {
    DecodeSums sums;
    with_vectors<T>(op.b.stride, [&](auto vectors) {
      for (Offset i = first; i < last; ++i)
        for (Index r = 0; r < op.pairs.levels; ++r) pair_dots_row(op, i, r, vectors, per_pair, sums);
    });
    sums_of[first / piece] = sums;
  });
  if (!op.sums) return;
  DecodeSums total;
  for (Offset k = 0; k < pieces; ++k) {
    total.count += sums_of[k].count;
    total.squared_error += sums_of[k].squared_error;
    total.absolute_error += sums_of[k].absolute_error;
  }
  *op.sums = total;
}

}  // namespace
}  // namespace gcmc
