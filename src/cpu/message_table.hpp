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

template <class T>
void build_table(const BuildTable<T>& op, CpuContext& context) {
  const Index sources = op.weights.rows, stride = op.weights.stride;
  const auto copy_scaled = [&](T* to, const T* from, Index j) {
    const Vector<T> scale = broadcast<T>(op.source_scale ? op.scale * op.source_scale[j] : op.scale);
    for (Index c = 0; c < stride; c += lanes<T>) store(to + c, load(from + c) * scale);
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
          if (row >= 0) copy_scaled(op.table.row(row), k < op.levels ? sum : weight, static_cast<Index>(j));
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
        prefetch_row(op.weights.data + op.kept.list[row + 6] * Offset{stride}, stride / lanes<T>);
      copy_scaled(op.table.row(row), op.weights.data + pair * stride, static_cast<Index>(pair % sources));
    }
  });
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
/// Accumulators stay in registers.
template <class T, int n_vectors>
void sum_rows(const T* table, Offset stride, const Index* rows, Offset n, bool goes_on, T* sums) {
  Vector<T> sum[n_vectors];
  for (int v = 0; v < n_vectors; ++v) sum[v] = goes_on ? load(sums + v * lanes<T>) : Vector<T>{};
  for (Offset k = 0; k < n; ++k) {
    const T* row = table + rows[k] * stride;
#pragma GCC unroll 28
    for (int v = 0; v < n_vectors; ++v) sum[v] += load(row + v * lanes<T>);
  }
  for (int v = 0; v < n_vectors; ++v) store(sums + v * lanes<T>, sum[v]);
}

template <class T>
using SumRows = void (*)(const T*, Offset, const Index*, Offset, bool, T*);

template <class T, int... n>
constexpr std::array<SumRows<T>, sizeof...(n)> sum_rows_table(std::integer_sequence<int, n...>) {
  return {&sum_rows<T, n + 1>...};
}

/// Sums rows of `columns` elements (whole vectors) in tiles of at most `widest` vectors, which fit the registers.
template <class T>
class RowSum {
 public:
  explicit RowSum(Index columns, int widest = accumulators) : columns_(columns) {
    static constexpr auto table = sum_rows_table<T>(std::make_integer_sequence<int, accumulators>{});
    const int vectors = columns / lanes<T>;
    int wide = (vectors + widest - 1) / widest;
    wide = (vectors + wide - 1) / wide;
    while (2 * wide > widest && vectors % wide != 0) --wide;
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
  void operator()(const T* table, Offset stride, const Index* rows, Offset n, bool goes_on, T* sums, int first,
                  int last) const {
    for (int tile = first; tile < last; ++tile)
      (tile + 1 < tiles_ ? sum_ : sum_last_)(table + begin(tile), stride, rows, n, goes_on, sums + begin(tile));
  }
  void operator()(const T* table, Offset stride, const Index* rows, Offset n, T* sums) const {
    (*this)(table, stride, rows, n, false, sums, 0, tiles_);
  }

 private:
  Index columns_, width_ = 0;
  int tiles_ = 0;
  SumRows<T> sum_ = nullptr, sum_last_ = nullptr;
};

}  // namespace
}  // namespace gcmc
