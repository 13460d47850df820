// Scaled sums of matrices, element by element.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

template <class T>
void add_scaled(const AddScaled<T>& op, CpuContext& context) {
  for_each_piece(context, op.a.rows, 256, [&](Offset first, Offset last) {
    for (Offset i = first; i < last; ++i) {
      const T scale = op.row_scale ? op.alpha * op.row_scale[i] : op.alpha;
      T* to = op.c.row(i);
      for (Index c = 0; c < op.a.columns; c += lanes<T>) {
        Vector<T> sum = load(op.a.row(i) + c) * scale;
        if (op.beta != 0) sum += load(to + c) * op.beta;
        if (c + lanes<T> <= op.a.columns)
          store(to + c, sum);
        else
          store_some(to + c, sum, op.a.columns - c);
      }
    }
  });
}

}  // namespace
}  // namespace gcmc
