// Tables of messages and sums over their rows: what the graph convolution's kernels are made of.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Where the table has the row of pair k * sources + j: kept rows lie densely, in the order of kept.list. -1: dropped.
inline const Index* kept_positions(const KeptPairs& kept, Offset pairs, CpuContext& context) {
  constexpr Offset piece = 1 << 16;
  auto* position = context.scratch_of<Index>(2, pairs);
  for_each_piece(context, pairs, piece, [&](Offset first, Offset last) {
    std::memset(position + first, 0xFF, sizeof(Index) * static_cast<std::size_t>(last - first));
  });
  for_each_piece(context, *kept.count, piece, [&](Offset first, Offset last) {
    for (Offset row = first; row < last; ++row) position[kept.list[row]] = static_cast<Index>(row);
  });
  return position;
}

/// bfloat16, the upper half of a float. They lie in pairs of vectors: lane i of the first vector in the lower half of
/// word i, of the second in the upper half, so that one load, a shift and a mask make floats of them.
struct Bf16 {
  std::uint16_t half;
};
/// Rounds to the nearest, ties to even: what is left in the upper half.
GCMC_INLINE Words rounded_to_bf16(Vector<float> x) {
  const Words word = reinterpret_cast<Words>(x);
  return word + 0x7FFF + (word >> 16 & 1);
}

/// to = scale * from, `columns` elements in whole vectors.
template <class T>
GCMC_INLINE void copy_scaled(const T* from, Vector<T> scale, Index columns, T* to) {
  for (Index c = 0; c < columns; c += lanes<T>) store(to + c, load(from + c) * scale);
}
GCMC_INLINE void copy_scaled(const float* from, Vector<float> scale, Index columns, Bf16* to) {
  for (Index c = 0; c < columns; c += 2 * lanes<float>) {
    const bool two = c + lanes<float> < columns;
    const Vector<float> second = two ? load(from + c + lanes<float>) : Vector<float>{};
    const Words pair = rounded_to_bf16(load(from + c) * scale) >> 16 | (rounded_to_bf16(second * scale) & 0xFFFF0000u);
    std::memcpy(to + c, &pair, sizeof pair);
  }
}

/// sum += a row of n vectors.
template <class T, int n>
GCMC_INLINE void add_row(const T* row, Vector<T> (&sum)[n]) {
#pragma GCC unroll 28
  for (int v = 0; v < n; ++v) sum[v] += load(row + v * lanes<T>);
}
template <int n>
GCMC_INLINE void add_row(const Bf16* row, Vector<float> (&sum)[n]) {
#pragma GCC unroll 14
  for (int v = 0; v < n; v += 2) {
    Words pair;
    std::memcpy(&pair, row + v * lanes<float>, sizeof pair);
    sum[v] += reinterpret_cast<Vector<float>>(pair << 16);
    if (v + 1 < n) sum[v + 1] += reinterpret_cast<Vector<float>>(pair & 0xFFFF0000u);
  }
}

/// A table's rows, of elements as they are stored: T, or Bf16 in the same memory.
template <class Stored>
struct TableRows {
  Stored* data;
  Offset stride;

  template <class T>
  explicit TableRows(MatrixView<T> table) : data(reinterpret_cast<Stored*>(table.data)), stride(table.stride) {
    if constexpr (sizeof(Stored) != sizeof(T)) stride = spread_stride<Bf16>(table.columns);
  }
  Stored* row(Offset i) const { return data + i * stride; }
};

/// Calls function(a value of the type in which a table of T is stored).
template <class T, class Function>
void with_stored(bool bf16, const Function& function) {
  if constexpr (std::is_same_v<T, float>)
    if (bf16) return function(Bf16{});
  function(T{});
}

template <class T, class Stored>
void build_table_of(const BuildTable<T>& op, CpuContext& context) {
  const Index sources = op.weights.rows, stride = op.weights.stride, columns = row_stride<T>(op.weights.columns);
  const TableRows<Stored> table(op.table);
  const auto copy = [&](Stored* to, const T* from, Index j) {
    copy_scaled(from, broadcast<T>(op.source_scale ? op.scale * op.source_scale[j] : op.scale), columns, to);
  };
  if (op.ordinal) {
    const Index* position = op.kept ? kept_positions(op.kept, Offset{op.weights.blocks} * sources, context) : nullptr;
    const PerThread<T> sums = context.scratch_per_thread<T>(0, stride);
    constexpr Offset piece = 64;
    for_each_task_with_thread(context, (sources + piece - 1) / piece, [&](Offset task, int thread) {
      T* sum = sums.of(thread);
      for (Offset j = task * piece; j < smaller(sources, (task + 1) * piece); ++j) {
        std::memset(sum, 0, sizeof(T) * static_cast<std::size_t>(stride));
        for (Index k = 0; k < op.weights.blocks; ++k) {
          const T* weight = op.weights.block(k) + j * stride;
          if (k < op.levels)
            for (Index c = 0; c < stride; c += lanes<T>) store(sum + c, load(sum + c) + load(weight + c));
          const Offset pair = Offset{k} * sources + j;
          const Offset row = position ? position[pair] : pair;
          if (row >= 0) copy(table.row(row), k < op.levels ? sum : weight, static_cast<Index>(j));
        }
      }
    });
    return;
  }
  const Offset rows = op.kept ? *op.kept.count : Offset{op.weights.blocks} * sources;
  for_each_piece(context, rows, 256, [&](Offset first, Offset last) {
    for (Offset row = first; row < last; ++row) {
      const Offset pair = op.kept ? op.kept.list[row] : row;
      if (op.kept && row + 6 < last)
        prefetch_row<2>(op.weights.data + op.kept.list[row + 6] * Offset{stride}, stride / lanes<T>);
      copy(table.row(row), op.weights.data + pair * stride, static_cast<Index>(pair % sources));
    }
  });
}

template <class T>
void build_table(const BuildTable<T>& op, CpuContext& context) {
  with_stored<T>(op.hints.bf16, [&](auto stored) { build_table_of<T, decltype(stored)>(op, context); });
}

/// Lists the positions of the kept sources; returns their number. Writes up to 16 more.
inline Offset list_kept(const Index* source, Offset count, const Index* position, Index* rows) {
  Offset n = 0;
#if GCMC_VECTOR_BYTES == 64
  for (Offset e = 0; e < count; e += 16) {
    const auto valid = static_cast<__mmask16>(count - e < 16 ? (1u << (count - e)) - 1 : 0xFFFF);
    const __m512i j = _mm512_maskz_loadu_epi32(valid, source + e);
    const __m512i at = _mm512_mask_i32gather_epi32(_mm512_set1_epi32(-1), valid, j, position, 4);
    const __mmask16 is_kept = _mm512_cmpge_epi32_mask(at, _mm512_setzero_si512());
    _mm512_storeu_si512(rows + n, _mm512_maskz_compress_epi32(is_kept, at));
    n += __builtin_popcount(is_kept);
  }
#else
  for (Offset e = 0; e < count; ++e) {
    rows[n] = position[source[e]];
    n += rows[n] >= 0;
  }
#endif
  return n;
}

/// sums (+)= sum over k < n of n_vectors vectors of table row rows[k]: goes on from `sums`, or begins at 0.
/// Accumulators stay in registers, if every loop over them is unrolled: otherwise GCC clears and copies them in memory.
template <class T, class Stored, int n_vectors>
void sum_rows(const Stored* table, Offset stride, const Index* rows, Offset n, bool goes_on, T* sums) {
  Vector<T> sum[n_vectors];
#pragma GCC unroll 28
  for (int v = 0; v < n_vectors; ++v) sum[v] = goes_on ? load(sums + v * lanes<T>) : Vector<T>{};
  for (Offset k = 0; k < n; ++k) add_row(table + rows[k] * stride, sum);
#pragma GCC unroll 28
  for (int v = 0; v < n_vectors; ++v) store(sums + v * lanes<T>, sum[v]);
}

template <class T, class Stored>
using SumRows = void (*)(const Stored*, Offset, const Index*, Offset, bool, T*);

template <class T, class Stored, int... n>
constexpr std::array<SumRows<T, Stored>, sizeof...(n)> sum_rows_table(std::integer_sequence<int, n...>) {
  return {&sum_rows<T, Stored, n + 1>...};
}

/// Sums rows of `columns` elements (whole vectors) in tiles of at most `widest` vectors, which fit the registers.
template <class T, class Stored = T>
class RowSum {
 public:
  explicit RowSum(Index columns, int widest = accumulators) : columns_(columns) {
    static constexpr auto table = sum_rows_table<T, Stored>(std::make_integer_sequence<int, accumulators>{});
    const int vectors = columns / lanes<T>;
    int wide = (vectors + widest - 1) / widest;
    wide = (vectors + wide - 1) / wide;
    while (2 * wide > widest && vectors % wide != 0) --wide;
    if (!std::is_same_v<T, Stored> && wide < vectors) wide += wide % 2;  // pairs of vectors stay together
    const int rest = vectors % wide;
    width_ = wide * lanes<T>;
    tiles_ = vectors / wide + (rest > 0);
    sum_ = table[static_cast<std::size_t>(wide - 1)];
    sum_last_ = rest ? table[static_cast<std::size_t>(rest - 1)] : sum_;
  }
  int tiles() const { return tiles_; }
  Index begin(int tile) const { return tile * width_; }
  Index end(int tile) const { return static_cast<Index>(smaller(columns_, (tile + 1) * width_)); }

  /// sums[begin(tile) .. end(tile)) for tiles first to last - 1.
  void operator()(const Stored* table, Offset stride, const Index* rows, Offset n, bool goes_on, T* sums, int first,
                  int last) const {
    for (int tile = first; tile < last; ++tile)
      (tile + 1 < tiles_ ? sum_ : sum_last_)(table + begin(tile), stride, rows, n, goes_on, sums + begin(tile));
  }
  void operator()(const Stored* table, Offset stride, const Index* rows, Offset n, T* sums) const {
    (*this)(table, stride, rows, n, false, sums, 0, tiles_);
  }

 private:
  Index columns_, width_ = 0;
  int tiles_ = 0;
  SumRows<T, Stored> sum_ = nullptr, sum_last_ = nullptr;
};

}  // namespace
}  // namespace gcmc
