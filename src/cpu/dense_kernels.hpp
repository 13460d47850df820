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
#pragma GCC unroll 6
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 5
    for (int v = 0; v < vectors; ++v) acc[i][v] = Vector<T>{};
  for (Index k = 0; k < depth; ++k) {
    Vector<T> b[vectors];
#pragma GCC unroll 5
    for (int v = 0; v < vectors; ++v) b[v] = load(panel + (Offset{k} * vectors + v) * lanes<T>);
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i) {
      const Vector<T> x = broadcast(a[i * a_stride + k]);
#pragma GCC unroll 5
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
template <class T, class RowOf>
void pack(T* to, const Panels<T>& packed, CpuContext& context, const RowOf& row_of) {
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

template <class T, int vectors, class Finish>
inline void run_rows(const MatrixView<const T>& a, Offset first, Offset last, const T* panel, Index depth, Index group,
                     Index column, const Finish& finish) {
  Offset i = first;
  for (; i + tile_rows <= last; i += tile_rows)
    run_tile<T, tile_rows, vectors>(a, i, panel, depth, group, column, finish);
  for (; i < last; ++i) run_tile<T, 1, vectors>(a, i, panel, depth, group, column, finish);
}

/// finish(row, group, column, vectors) for rows [first, last) of A * B: an array of vectors that lie side by side from
/// `column` on.
template <class T, class Finish>
GCMC_INLINE void multiply_strip(const MatrixView<const T>& a, Offset first, Offset last, const Panels<T>& packed,
                                const Finish& finish) {
  for (Index group = 0; group < packed.groups; ++group)
    for (int number = 0; number < packed.panels(); ++number) {
      const Index column = number * packed.widest() * lanes<T>;
      const T* panel = packed.panel(group, number);
      switch (packed.vectors_of(number)) {
        case 1:
          run_rows<T, 1>(a, first, last, panel, packed.depth, group, column, finish);
          break;
        case 2:
          run_rows<T, 2>(a, first, last, panel, packed.depth, group, column, finish);
          break;
#if GCMC_VECTOR_BYTES == 64
        case 3:
          run_rows<T, 3>(a, first, last, panel, packed.depth, group, column, finish);
          break;
        case 4:
          run_rows<T, 4>(a, first, last, panel, packed.depth, group, column, finish);
          break;
        case 5:
          run_rows<T, 5>(a, first, last, panel, packed.depth, group, column, finish);
          break;
#endif
        default:
          break;
      }
    }
}

/// function(first, last) for all rows, a strip at a time.
template <class Function>
void for_each_strip(Offset rows, CpuContext& context, const Function& function) {
  constexpr Offset strip = tile_rows;
  for_each_piece(context, rows, 16 * strip, [&](Offset first, Offset last) {
    for (Offset i = first; i < last; i += strip) function(i, smaller(last, i + strip));
  });
}

template <class T>
void multiply(const Multiply<T>& op, CpuContext& context) {
  const auto& b = op.b;
  const Index block_depth = op.transpose ? b.columns : b.rows, columns = op.transpose ? b.rows : b.columns;
  const Index padded_depth = op.sum_blocks && b.blocks > 1 ? row_stride<T>(block_depth) : block_depth;
  const Index depth = op.sum_blocks ? (b.blocks - 1) * padded_depth + block_depth : block_depth;
  const Index groups = op.sum_blocks ? 1 : b.blocks;
  const Index group_stride = row_stride<T>(columns);
  T* memory = context.scratch_of<T>(0, Offset{depth} * groups * group_stride);
  const Panels<T> packed{memory, depth, groups, columns, group_stride / lanes<T>};
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
  for_each_strip(op.a.rows, context,
                 [&](Offset first, Offset last) { multiply_strip(op.a, first, last, packed, finish); });
}

/// What DenseBackward does with a row's sums. Copies of the operation's fields: they stay in registers, where after
/// each store the operation's own might have changed.
template <class T>
struct BackwardEpilogue {
  const T *hidden, *receiver_scale;
  T* blocks;
  const std::uint8_t* bits;
  Offset hidden_stride, bits_stride, row_stride, block_size;
  Index width;
  T dropout_scale, unscale;

  explicit BackwardEpilogue(const DenseBackward<T>& op)
      : hidden(op.hidden.data),
        receiver_scale(op.receiver_scale),
        blocks(op.blocks.data),
        bits(op.bits),
        hidden_stride(op.hidden.stride),
        bits_stride(round_up(op.hidden.columns, 64)),
        row_stride(op.blocks.stride),
        block_size(Offset{op.blocks.rows} * op.blocks.stride),
        width(op.blocks.columns),
        dropout_scale(op.dropout_scale),
        unscale(op.dropout_scale == T{0} ? T{0} : T{1} / op.dropout_scale) {}

  /// Writes row i of a block from `column` on. Padding comes as 0 and stays 0, whatever lies beside the row of H.
  template <Activation activation, int vectors>
  GCMC_INLINE void write(Offset i, Index block, Index column, const Vector<T> (&values)[vectors]) const {
    const Offset unit = Offset{block} * width + column, bit = i * bits_stride + unit;
    const T* y = hidden + i * hidden_stride + unit;
    T* to = blocks + block * block_size + i * row_stride + column;
    const Vector<T> scale = broadcast<T>(receiver_scale ? dropout_scale * receiver_scale[i] : dropout_scale);
    const T* next_y = y + tile_rows * hidden_stride;
    const T* next_to = to + tile_rows * row_stride;
#pragma GCC unroll 6
    for (int v = 0; v < vectors; ++v) {
      const Index at = v * lanes<T>;
      Vector<T> value = values[v];
      value *= derivative_vector<activation, T>(load(y + at) * unscale);
      value *= scale;
      if (bits) value = select<T>(mask_from_bits<T>(bits, bit + at), value, Vector<T>{});
      __builtin_prefetch(next_to + at, 1, 2);
      __builtin_prefetch(next_y + at, 0, 2);
      store(to + at, value);
    }
  }
};

/// The last columns of blocks that do not fill a vector, so many blocks' side by side as one vector holds: stacked
/// blocks of 50 columns take 3 vectors and an eighth of one, where each would take 4.
template <class T>
struct BlockTails {
  Index blocks, width, first, columns, per_vector;  ///< columns [first, first + columns) of each

  explicit BlockTails(const BlockMatrix<T>& of)
      : blocks(of.blocks), width(of.columns), first(width / lanes<T> * lanes<T>), columns(width - first) {
    per_vector = columns > 0 && blocks > 1 ? lanes<T> / columns : 0;
    if (per_vector < 2) first = static_cast<Index>(width), columns = per_vector = 0;
  }
  Index vectors() const { return per_vector ? (blocks + per_vector - 1) / per_vector : 0; }

  /// Rows k * width + first .. of `weight`, transposed.
  Panels<T> pack(T* to, const MatrixView<const T>& weight) const {
    const Index depth = weight.columns;
    const Panels<T> packed{to, depth, 1, vectors() * lanes<T>, vectors()};
    std::memset(to, 0, sizeof(T) * static_cast<std::size_t>(depth) * static_cast<std::size_t>(packed.columns));
    for (Index block = 0; per_vector && block < blocks; ++block)
      for (Index c = 0; c < columns; ++c) {
        const int vector = block / per_vector, number = vector / packed.widest(), wide = packed.vectors_of(number);
        T* out = to + (packed.panel(0, number) - to) + vector % packed.widest() * lanes<T> +
                 block % per_vector * columns + c;
        for (Index k = 0; k < depth; ++k) out[Offset{k} * wide * lanes<T>] = weight.row(block * width + first + c)[k];
      }
    return packed;
  }

  /// write(block, {its tail, then zeros}) for each block of the vectors that lie side by side from `column` on.
  template <int vectors, class Write>
  GCMC_INLINE void unpack(Index column, const Vector<T> (&values)[vectors], const Write& write) const {
    alignas(64) T side_by_side[(vectors + 1) * lanes<T>];
#pragma GCC unroll 6
    for (int v = 0; v < vectors; ++v) store(side_by_side + v * lanes<T>, values[v]);
    store(side_by_side + vectors * lanes<T>, Vector<T>{});
    const Integers<T> valid = first_lanes<T>(columns);
    Index block = column / lanes<T> * per_vector;
    for (int v = 0; v < vectors; ++v)
      for (Index k = 0; k < per_vector && block < blocks; ++k, ++block) {
        const Vector<T> tail[1] = {select<T>(valid, load(side_by_side + v * lanes<T> + k * columns), Vector<T>{})};
        write(block, tail);
      }
  }
};

template <class T>
void dense_backward(const DenseBackward<T>& op, CpuContext& context) {
  const Index width = op.blocks.columns, blocks = op.blocks.blocks, depth = op.weight.columns;
  const BlockTails<T> tails(op.blocks);
  const Index padded = row_stride<T>(width), whole = tails.columns ? tails.first : padded;
  T* memory = context.scratch_of<T>(0, Offset{depth} * (Offset{blocks} * padded + tails.vectors() * lanes<T>));
  const Panels<T> packed{memory, depth, blocks, static_cast<Index>(smaller(whole, width)), whole / lanes<T>};
  pack(memory, packed, context, [&](Index k, Index block) -> StridedRow<T> {
    return {op.weight.row(Offset{block} * width) + k, op.weight.stride};
  });
  const Panels<T> packed_tails = tails.pack(memory + Offset{depth} * blocks * padded, op.weight);
  const BackwardEpilogue<T> epilogue(op);
  with_activation(op.activation, [&](auto constant) {
    constexpr Activation activation = decltype(constant)::value;
    const auto finish = [epilogue](Offset i, Index block, Index column, const auto& values)
        __attribute__((always_inline)) {
      epilogue.template write<activation>(i, block, column, values);
    };
    const auto finish_tails = [=](Offset i, Index, Index column, const auto& values) __attribute__((always_inline)) {
      tails.unpack(
          column, values, [&](Index block, const auto& tail) __attribute__((always_inline)) {
            epilogue.template write<activation>(i, block, tails.first, tail);
            for (Index c = tails.first + lanes<T>; c < padded; c += lanes<T>)
              store(op.blocks.block(block) + i * op.blocks.stride + c, Vector<T>{});
          });
    };
    for_each_strip(op.dz.rows, context, [&](Offset first, Offset last) {
      multiply_strip(op.dz, first, last, packed, finish);
      multiply_strip(op.dz, first, last, packed_tails, finish_tails);
    });
  });
}

}  // namespace
}  // namespace gcmc
