// Dense products: a register-tiled micro-kernel over packed panels of B, with epilogues.
#pragma once

#include "activation.hpp"
#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Rows of A and vectors of B that one micro-kernel holds: rows * vectors accumulators, vectors of B, one of A.
constexpr int tile_rows = vector_bytes == 64 ? 5 : 6;
constexpr int tile_vectors = vector_bytes == 64 ? 5 : 2;

/// acc[i][v] = sum over k < depth of a[i][k] * panel[k][v].
template <class T, int rows, int vectors>
GCMC_INLINE void multiply_tile(const T* a, Offset a_stride, const T* panel, Index depth,
                               Vector<T> (&acc)[rows][vectors]) {
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vectors; ++v) acc[i][v] = Vector<T>{};
  for (Index k = 0; k < depth; ++k) {
    Vector<T> b[vectors];
    for (int v = 0; v < vectors; ++v) b[v] = load(panel + (Offset{k} * vectors + v) * lanes<T>);
    for (int i = 0; i < rows; ++i) {
      const Vector<T> x = broadcast(a[i * a_stride + k]);
      for (int v = 0; v < vectors; ++v) acc[i][v] += x * b[v];
    }
  }
}

/// B packed into panels: for each group of columns (a block of C), panels of at most tile_vectors vectors, each
/// [depth][vectors]. `element(k, group, column)` reads B.
template <class T>
struct Panels {
  const T* data = nullptr;
  Index depth = 0, groups = 0, columns = 0;  ///< columns of a group, unpadded
  int group_vectors = 0;

  int panels() const { return (group_vectors + tile_vectors - 1) / tile_vectors; }
  int vectors_of(int panel) const {
    return static_cast<int>(smaller(tile_vectors, group_vectors - panel * tile_vectors));
  }
  const T* panel(Index group, int number) const {
    return data + (Offset{group} * group_vectors + number * tile_vectors) * depth * lanes<T>;
  }
};

/// One row of B within a group: its elements lie `step` apart; nullptr: all are 0.
template <class T>
struct StridedRow {
  const T* first = nullptr;
  Offset step = 1;
};

/// row_of(k, group) tells where row k of B lies.
template <class T, class RowOf>
Panels<T> pack(T* to, Index depth, Index groups, Index columns, CpuContext& context, const RowOf& row_of) {
  Panels<T> packed{to, depth, groups, columns, static_cast<int>(row_stride<T>(columns)) / lanes<T>};
  for_each_task(context, Offset{groups} * packed.panels(), [&](Offset task) {
    const auto group = static_cast<Index>(task / packed.panels());
    const auto number = static_cast<int>(task % packed.panels());
    const Index width = packed.vectors_of(number) * lanes<T>, first = number * tile_vectors * lanes<T>;
    const auto filled = static_cast<Index>(smaller(width, columns - first));
    T* out = to + (packed.panel(group, number) - to);
    for (Index k = 0; k < depth; ++k, out += width) {
      const StridedRow<T> row = row_of(k, group);
      Index c = 0;
      if (row.first)
        for (; c < filled; ++c) out[c] = row.first[(first + c) * row.step];
      for (; c < width; ++c) out[c] = T{0};
    }
  });
  return packed;
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

template <class T, int vectors, class Finish>
inline void run_rows(const MatrixView<const T>& a, Offset first, Offset last, const T* panel, Index depth, Index group,
                     Index column, const Finish& finish) {
  Offset i = first;
  for (; i + tile_rows <= last; i += tile_rows)
    run_tile<T, tile_rows, vectors>(a, i, panel, depth, group, column, finish);
  for (; i < last; ++i) run_tile<T, 1, vectors>(a, i, panel, depth, group, column, finish);
}

/// finish(row, group, column, vectors) for A * B: an array of vectors that lie side by side from `column` on.
template <class T, class Finish>
void multiply_packed(const MatrixView<const T>& a, const Panels<T>& packed, CpuContext& context, const Finish& finish) {
  constexpr Offset piece = 16 * tile_rows, strip = tile_rows;
  for_each_piece(context, a.rows, piece, [&](Offset first, Offset last) {
    for (Offset i = first; i < last; i += strip)
      for (Index group = 0; group < packed.groups; ++group)
        for (int number = 0; number < packed.panels(); ++number) {
          const Index column = number * tile_vectors * lanes<T>;
          const T* panel = packed.panel(group, number);
          const Offset end = smaller(last, i + strip);
          switch (packed.vectors_of(number)) {
            case 1:
              run_rows<T, 1>(a, i, end, panel, packed.depth, group, column, finish);
              break;
            case 2:
              run_rows<T, 2>(a, i, end, panel, packed.depth, group, column, finish);
              break;
#if GCMC_VECTOR_BYTES == 64
            case 3:
              run_rows<T, 3>(a, i, end, panel, packed.depth, group, column, finish);
              break;
            case 4:
              run_rows<T, 4>(a, i, end, panel, packed.depth, group, column, finish);
              break;
            case 5:
              run_rows<T, 5>(a, i, end, panel, packed.depth, group, column, finish);
              break;
#endif
            default:
              break;
          }
        }
  });
}

template <class T>
void multiply(const Multiply<T>& op, CpuContext& context) {
  const auto& b = op.b;
  const Index block_depth = op.transpose ? b.columns : b.rows, columns = op.transpose ? b.rows : b.columns;
  const Index padded_depth = op.sum_blocks && b.blocks > 1 ? row_stride<T>(block_depth) : block_depth;
  const Index depth = op.sum_blocks ? (b.blocks - 1) * padded_depth + block_depth : block_depth;
  const Index groups = op.sum_blocks ? 1 : b.blocks;
  T* memory = context.scratch_of<T>(0, Offset{depth} * groups * row_stride<T>(columns));
  const Panels<T> packed = pack(memory, depth, groups, columns, context, [&](Index k, Index group) -> StridedRow<T> {
    const Index block = op.sum_blocks ? k / padded_depth : group, row = op.sum_blocks ? k % padded_depth : k;
    if (row >= block_depth) return {};
    return op.transpose ? StridedRow<T>{b.block(block) + row, b.stride}
                        : StridedRow<T>{b.block(block) + Offset{row} * b.stride, 1};
  });
  const Index group_stride = row_stride<T>(columns);
  multiply_packed<T>(
      op.a, packed, context,
      [ =, bias = op.bias, c = op.c, accumulate = op.accumulate ](Offset i, Index group, Index column,
                                                                  const auto& values) __attribute__((always_inline)) {
        const Index at = group * group_stride + column;
        T* to = c.row(i) + at;
        constexpr int vectors = std::extent_v<std::remove_reference_t<decltype(values)>>;
#pragma GCC unroll 6
        for (int v = 0; v < vectors; ++v) {
          Vector<T> value = values[v];
          if (bias) value += load(bias + at + v * lanes<T>);
          store(to + v * lanes<T>, accumulate ? load(to + v * lanes<T>) + value : value);
        }
      });
}

template <class T>
void dense_backward(const DenseBackward<T>& op, CpuContext& context) {
  const Index width = op.blocks.columns, depth = op.weight.columns;
  T* memory = context.scratch_of<T>(0, Offset{depth} * op.blocks.blocks * row_stride<T>(width));
  const Panels<T> packed =
      pack(memory, depth, op.blocks.blocks, width, context, [&](Index k, Index group) -> StridedRow<T> {
        return {op.weight.row(Offset{group} * width) + k, op.weight.stride};
      });
  const Offset bits_stride = round_up(op.hidden.columns, 64);
  const T unscale = op.dropout_scale == T{0} ? T{0} : T{1} / op.dropout_scale;
  with_activation(op.activation, [&](auto constant) {
    multiply_packed<T>(
        op.dz, packed,
        context, [=](Offset i, Index group, Index column, const auto& values) __attribute__((always_inline)) {
          T* to = op.blocks.block(group) + i * op.blocks.stride + column;
          const Offset first_unit = Offset{group} * width + column;
          const T* hidden = op.hidden.row(i) + first_unit;
          const Vector<T> scale =
              broadcast<T>(op.receiver_scale ? op.dropout_scale * op.receiver_scale[i] : op.dropout_scale);
          constexpr int vectors = std::extent_v<std::remove_reference_t<decltype(values)>>;
#pragma GCC unroll 6
          for (int v = 0; v < vectors; ++v) {
            const Offset at = v * lanes<T>, unit = first_unit + at;
            Vector<T> value = values[v];
            if (column + at < width) {
              Vector<T> y{};
              if (unit + lanes<T> <= op.hidden.stride)
                y = load(hidden + at);
              else
                std::memcpy(&y, hidden + at, sizeof(T) * static_cast<std::size_t>(op.hidden.columns - unit));
              value *= derivative_vector<decltype(constant)::value, T>(y * unscale);
              value *= scale;
              if (op.bits) value = select<T>(mask_from_bits<T>(op.bits, i * bits_stride + unit), value, Vector<T>{});
            } else {
              value = Vector<T>{};
            }
            __builtin_prefetch(to + at + tile_rows * op.blocks.stride, 1, 2);
            __builtin_prefetch(hidden + at + tile_rows * op.hidden.stride, 0, 2);
            store(to + at, value);
          }
        });
  });
}

}  // namespace
}  // namespace gcmc
