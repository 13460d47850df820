// C = A^T B over chunks of rows: gradients of dense layers; and sums of columns.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"
#include "sparse_rows.hpp"

namespace gcmc {
namespace {

/// Columns of the broadcast operand in one micro-kernel of A^T B.
constexpr int cross_rows = 6;
constexpr int cross_vectors = vector_bytes == 64 ? 4 : 2;

/// c[i][v] += sum over k < depth of x[k][i] * y[k][v]
template <class T, int rows, int vectors>
void cross_tile(const T* x, Offset x_stride, const T* y, Offset y_stride, Offset depth, T* c, Offset c_stride) {
  Vector<T> acc[rows][vectors];
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) acc[i][v] = load(c + i * c_stride + v * lanes<T>);
  for (Offset k = 0; k < depth; ++k) {
    Vector<T> b[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) b[v] = load(y + k * y_stride + v * lanes<T>);
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i) {
      const Vector<T> a = broadcast(x[k * x_stride + i]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) acc[i][v] += a * b[v];
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(c + i * c_stride + v * lanes<T>, acc[i][v]);
}

/// Rows of x and y that are multiplied before the next: what tiles read again and again stays in the nearest cache.
constexpr Offset cross_depth = 64;

/// c (x.columns by y.stride) += x^T y over `depth` rows and the width of some vectors. On the way, asks for the rows of
/// y that are next.
template <class T, int vectors>
void cross_strip(const T* x, Index columns, Offset x_stride, const T* y, Offset y_stride, Offset depth, const T* next_y,
                 T* c) {
  Offset asked = 0;
  const auto tile = [&](Index i, auto rows) {
    constexpr int n = decltype(rows)::value;
    for (const Offset until = (i + n) * cross_depth / columns; asked < until; ++asked)
      prefetch_row(next_y + asked * y_stride, vectors);
    cross_tile<T, n, vectors>(x + i, x_stride, y, y_stride, depth, c + i * y_stride, y_stride);
    return static_cast<Index>(i + n);
  };
  Index i = 0;
  while (i + cross_rows <= columns) i = tile(i, std::integral_constant<int, cross_rows>{});
  while (i + cross_rows / 2 <= columns) i = tile(i, std::integral_constant<int, cross_rows / 2>{});
  while (i < columns) i = tile(i, std::integral_constant<int, 1>{});
}

/// c (x.columns by y.stride) += x^T y over rows [first, last).
template <class T>
void cross_chunk(const MatrixView<const T>& x, const MatrixView<const T>& y, Offset first, Offset last, T* c) {
  const int vectors = row_stride<T>(y.columns) / lanes<T>;
  const auto strip = [&](Offset k, int v, auto width) {
    constexpr int n = decltype(width)::value;
    const Offset at = v * lanes<T>;
    const T* next = v + n < vectors ? y.row(k) + at + n * lanes<T> : y.row(k + cross_depth);
    cross_strip<T, n>(x.row(k), x.columns, x.stride, y.row(k) + at, y.stride, smaller(cross_depth, last - k), next,
                      c + at);
    return v + n;
  };
  for (Offset k = first; k < last; k += cross_depth) {
    int v = 0;
    while (v + cross_vectors <= vectors) v = strip(k, v, std::integral_constant<int, cross_vectors>{});
    while (v + 2 <= vectors) v = strip(k, v, std::integral_constant<int, 2>{});
    if (v < vectors) strip(k, v, std::integral_constant<int, 1>{});
  }
}

/// Chunks into which a sum over `rows` rows is cut: a function of the size alone, so bits do not depend on threads.
inline Offset chunks_of(Offset rows) { return rows < 1024 ? 2 : smaller(16, (rows + 511) / 512); }

/// The chunks' products, one behind the other.
template <class T>
struct ChunkProducts {
  const T* data = nullptr;
  Offset stride = 0, size = 0, chunks = 0;  ///< elements of a row and of a product; their number

  /// start + the sum of the products' vectors at `at`.
  Vector<T> sum(Offset at, Vector<T> start) const {
    for (Offset chunk = 0; chunk < chunks; ++chunk) start += load(data + chunk * size + at);
    return start;
  }
};

/// Rows [first, last) of C (+)= the sum of the products, or of the transposed ones.
template <class T>
void add_chunks(const MultiplyTransposed<T>& op, const ChunkProducts<T>& products, Offset first, Offset last) {
  const Index block_stride = row_stride<T>(op.c.columns);
  for (Offset i = first; i < last; ++i)
    for (Index block = 0; block < op.c.blocks; ++block)
      for (Index c = 0; c < block_stride; c += lanes<T>) {
        T* to = op.c.block(block) + i * op.c.stride + c;
        const Offset at = i * products.stride + Offset{block} * block_stride + c;
        store(to, products.sum(at, op.accumulate ? load(to) : Vector<T>{}));
      }
}
template <class T>
void add_chunks_transposed(const MultiplyTransposed<T>& op, const ChunkProducts<T>& products, Offset first,
                           Offset last) {
  for (Offset i = first; i < last; i += lanes<T>)
    for (Index block = 0; block < op.c.blocks; ++block)
      for (Index column = 0; column < op.c.columns; ++column) {
        T* to = op.c.block(block) + i * op.c.stride + column;
        const auto n = static_cast<int>(smaller(lanes<T>, last - i));
        Vector<T> sum{};
        if (op.accumulate)
          for (int l = 0; l < n; ++l) sum[l] = to[l * op.c.stride];
        sum = products.sum((Offset{block} * row_stride<T>(op.c.columns) + column) * products.stride + i, sum);
        for (int l = 0; l < n; ++l) to[l * op.c.stride] = sum[l];
      }
}

template <class T>
void multiply_transposed(const MultiplyTransposed<T>& op, CpuContext& context) {
  // The wider operand is the vector one: its columns fill the registers. Where zeros of A are skipped, B is.
  const bool sparse = is_sparse(op.a), swap = !sparse && op.a.columns > op.b.columns;
  const MatrixView<const T>&x = swap ? op.b : op.a, &y = swap ? op.a : op.b;
  const Offset chunks = chunks_of(y.rows), size = Offset{x.columns} * y.stride;
  T* partial = context.scratch_of<T>(0, chunks * size);
  for_each_task(context, chunks, [&](Offset chunk) {
    std::memset(partial + chunk * size, 0, sizeof(T) * static_cast<std::size_t>(size));
    const Offset first = y.rows * chunk / chunks, last = y.rows * (chunk + 1) / chunks;
    sparse ? cross_chunk_sparse(x, y, first, last, partial + chunk * size)
           : cross_chunk(x, y, first, last, partial + chunk * size);
  });
  const ChunkProducts<T> products{partial, y.stride, size, chunks};
  for_each_piece(context, op.c.rows, 16, [&](Offset first, Offset last) {
    swap ? add_chunks_transposed(op, products, first, last) : add_chunks(op, products, first, last);
  });
}

template <class T>
void column_sums(const ColumnSums<T>& op, CpuContext& context) {
  const Offset chunks = chunks_of(op.x.rows), stride = op.x.stride;
  T* partial = context.scratch_of<T>(0, chunks * stride);
  for_each_task(context, chunks, [&](Offset chunk) {
    T* sums = partial + chunk * stride;
    std::memset(sums, 0, sizeof(T) * static_cast<std::size_t>(stride));
    for (Offset i = op.x.rows * chunk / chunks; i < op.x.rows * (chunk + 1) / chunks; ++i)
      for (Offset c = 0; c < stride; c += lanes<T>) store(sums + c, load(sums + c) + load(op.x.row(i) + c));
  });
  for (Index c = 0; c < op.x.columns; ++c) {
    T sum = op.accumulate ? op.sums[c] : T{0};
    for (Offset chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * stride + c];
    op.sums[c] = sum;
  }
}

}  // namespace
}  // namespace gcmc
