// The gradient through a dense layer and the activation below it, written block by block for AggregateBackward.
#pragma once

#include "dense_kernels.hpp"

namespace gcmc {
namespace {

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
    if (per_vector < 2) first = width, columns = per_vector = 0;
  }
  Index vectors() const { return per_vector ? (blocks + per_vector - 1) / per_vector : 0; }

  /// The tails' rows of `weight`, transposed.
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
    for_each_strip(op.dz.rows, DenseRows<T>::strip, context, [&](Offset first, Offset last) {
      multiply_strip<DenseRows<T>>(op.dz, first, last, packed, finish);
      multiply_strip<DenseRows<T>>(op.dz, first, last, packed_tails, finish_tails);
    });
  });
}

}  // namespace
}  // namespace gcmc
