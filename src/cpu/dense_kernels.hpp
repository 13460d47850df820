// Dense products: a register-tiled micro-kernel over packed panels of B, with epilogues.
#pragma once

#include "activation.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "sparse_rows.hpp"

namespace gcmc {
namespace {

/// Rows of A and vectors of B that one micro-kernel holds: rows * vectors accumulators, vectors of B, one of A.
constexpr int tile_rows = vector_bytes == 64 ? 5 : 6;
constexpr int tile_vectors = vector_bytes == 64 ? 5 : 2;

/// acc[i][v] = sum over k < depth of a[i][k] * panel[k][v]. On the way, asks for the rows of A that are next.
template <class T, int rows, int vectors>
GCMC_INLINE void multiply_tile(const T* a, Offset a_stride, const T* panel, Index depth,
                               Vector<T> (&acc)[rows][vectors]) {
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 5
    for (int v = 0; v < vectors; ++v) acc[i][v] = Vector<T>{};
  constexpr Offset line = 64 / static_cast<Offset>(sizeof(T));
  for (Offset start = 0; start < depth; start += line) {
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i) __builtin_prefetch(a + (i + rows) * a_stride + start);
    for (Offset k = start; k < smaller(start + line, depth); ++k) {
      Vector<T> b[vectors];
#pragma GCC unroll 5
      for (int v = 0; v < vectors; ++v) b[v] = load(panel + (k * vectors + v) * lanes<T>);
#pragma GCC unroll 6
      for (int i = 0; i < rows; ++i) {
        const Vector<T> x = broadcast(a[i * a_stride + k]);
#pragma GCC unroll 5
        for (int v = 0; v < vectors; ++v) acc[i][v] += x * b[v];
      }
    }
  }
}

/// B packed into panels: for each group of columns (a block of C), panels of at most `most` vectors, each
/// [depth][vectors].
template <class T, int most = tile_vectors>
struct Panels {
  const T* data = nullptr;
  Index depth = 0, groups = 0, columns = 0;  ///< columns of a group, unpadded
  int group_vectors = 0;

  int panels() const { return (group_vectors + most - 1) / most; }
  /// Vectors of each panel but the last: panels are about as wide as each other.
  int widest() const { return group_vectors ? (group_vectors + panels() - 1) / panels() : 1; }
  int vectors_of(int panel) const { return static_cast<int>(smaller(widest(), group_vectors - panel * widest())); }
  const T* panel(Index group, int number) const {
    return data + (Offset{group} * group_vectors + number * widest()) * depth * lanes<T>;
  }
};

/// One row of B within a group: its elements lie `step` apart; nullptr: all are 0.
template <class T>
struct StridedRow {
  const T* first = nullptr;
  Offset step = 1;
};

/// Fills `packed`, whose data is `to`. row_of(k, group) tells where row k of B lies.
template <class T, int most, class RowOf>
void pack(T* to, const Panels<T, most>& packed, CpuContext& context, const RowOf& row_of) {
  for_each_task(context, Offset{packed.groups} * packed.panels(), [&](Offset task) {
    const auto group = static_cast<Index>(task / packed.panels());
    const auto number = static_cast<int>(task % packed.panels());
    const Index width = packed.vectors_of(number) * lanes<T>, first = number * packed.widest() * lanes<T>;
    const auto filled = static_cast<Index>(smaller(width, packed.columns - first));
    T* out = to + (packed.panel(group, number) - to);
    for (Index k = 0; k < packed.depth; ++k, out += width) {
      const StridedRow<T> row = row_of(k, group);
      Index c = 0;
      if (row.first)
        for (; c < filled; ++c) out[c] = row.first[(first + c) * row.step];
      for (; c < width; ++c) out[c] = T{0};
    }
  });
}

/// Runs rows [first, first + rows) of A against one panel and hands each row's vectors to `finish`, from registers.
template <class T, int rows, int vectors, class Finish>
inline void run_tile(const MatrixView<const T>& a, Offset first, const T* panel, Index depth, Index group, Index column,
                     const Finish& finish) {
  Vector<T> acc[rows][vectors];
  multiply_tile<T, rows, vectors>(a.row(first), a.stride, panel, depth, acc);
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i) finish(first + i, group, column, acc[i]);
}

/// Rows of A against a panel of B: what multiply_by asks of a kernel.
template <class T>
struct DenseRows {
  static constexpr int most_vectors = tile_vectors;
  static constexpr Offset strip = tile_rows;

  template <int vectors, class Finish>
  static void run(const MatrixView<const T>& a, Offset first, Offset last, const T* panel, Index depth, Index group,
                  Index column, const Finish& finish) {
    Offset i = first;
    for (; i + tile_rows <= last; i += tile_rows)
      run_tile<T, tile_rows, vectors>(a, i, panel, depth, group, column, finish);
    for (; i < last; ++i) run_tile<T, 1, vectors>(a, i, panel, depth, group, column, finish);
  }
};

/// finish(row, group, column, vectors) for rows [first, last) of A * B, at most Rows::strip of them: an array of
/// vectors that lie side by side from `column` on.
template <class Rows, class T, class Finish>
GCMC_INLINE void multiply_strip(const MatrixView<const T>& a, Offset first, Offset last,
                                const Panels<T, Rows::most_vectors>& packed, const Finish& finish) {
  for (Index group = 0; group < packed.groups; ++group)
    for (int number = 0; number < packed.panels(); ++number)
      with_constant<Rows::most_vectors>(
          packed.vectors_of(number), [&](auto constant) __attribute__((always_inline)) {
            Rows::template run<decltype(constant)::value>(a, first, last, packed.panel(group, number), packed.depth,
                                                          group, number * packed.widest() * lanes<T>, finish);
          });
}

/// function(first, last) for all rows, a strip at a time.
template <class Function>
void for_each_strip(Offset rows, Offset strip, CpuContext& context, const Function& function) {
  constexpr Offset rows_of_task = 80;
  for_each_piece(context, rows, round_up(rows_of_task, strip), [&](Offset first, Offset last) {
    for (Offset i = first; i < last; i += strip) function(i, smaller(last, i + strip));
  });
}

template <class Rows, class T>
void multiply_by(const Multiply<T>& op, CpuContext& context) {
  const auto& b = op.b;
  const Index block_depth = op.transpose ? b.columns : b.rows, columns = op.transpose ? b.rows : b.columns;
  const Index padded_depth = op.sum_blocks && b.blocks > 1 ? row_stride<T>(block_depth) : block_depth;
  const Index depth = op.sum_blocks ? (b.blocks - 1) * padded_depth + block_depth : block_depth;
  const Index groups = op.sum_blocks ? 1 : b.blocks;
  const Index group_stride = row_stride<T>(columns);
  T* memory = context.scratch_of<T>(0, Offset{depth} * groups * group_stride);
  const Panels<T, Rows::most_vectors> packed{memory, depth, groups, columns, group_stride / lanes<T>};
  pack(memory, packed, context, [&](Index k, Index group) -> StridedRow<T> {
    const Index block = op.sum_blocks ? k / padded_depth : group, row = op.sum_blocks ? k % padded_depth : k;
    if (row >= block_depth) return {};
    return op.transpose ? StridedRow<T>{b.block(block) + row, b.stride}
                        : StridedRow<T>{b.block(block) + Offset{row} * b.stride, 1};
  });
  const auto finish = [ =, bias = op.bias, c = op.c, accumulate = op.accumulate ](
      Offset i, Index group, Index column, const auto& values) __attribute__((always_inline)) {
    const Index at = group * group_stride + column;
    T* to = c.row(i) + at;
    constexpr int vectors = std::extent_v<std::remove_reference_t<decltype(values)>>;
#pragma GCC unroll 6
    for (int v = 0; v < vectors; ++v) {
      Vector<T> value = values[v];
      if (bias) value += load(bias + at + v * lanes<T>);
      store(to + v * lanes<T>, accumulate ? load(to + v * lanes<T>) + value : value);
    }
  };
  for_each_strip(op.a.rows, Rows::strip, context,
                 [&](Offset first, Offset last) { multiply_strip<Rows>(op.a, first, last, packed, finish); });
}

template <class T>
void multiply(const Multiply<T>& op, CpuContext& context) {
  is_sparse(op.a) ? multiply_by<SparseRows<T>>(op, context) : multiply_by<DenseRows<T>>(op, context);
}

}  // namespace
}  // namespace gcmc
