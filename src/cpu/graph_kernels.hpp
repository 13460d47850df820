// The graph convolution: tables of messages, the gather-sum forward with its epilogue, and its gradient.
#pragma once

#include "activation.hpp"
#include "parallel.hpp"

namespace gcmc {
namespace {

template <class T>
void build_table(const BuildTable<T>& op, CpuContext& context) {
  const Index sources = op.weights.rows, stride = op.weights.stride;
  const auto copy_scaled = [&](T* to, const T* from, Index j) {
    const Vector<T> scale = broadcast<T>(op.source_scale ? op.scale * op.source_scale[j] : op.scale);
    for (Index c = 0; c < stride; c += lanes<T>) store(to + c, load(from + c) * scale);
  };
  if (op.ordinal) {
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
          if (op.kept.keeps(k, sources, static_cast<Index>(j)))
            copy_scaled(op.table.row(pair), k < op.levels ? sum : weight, static_cast<Index>(j));
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
      copy_scaled(op.table.row(pair), op.weights.data + pair * stride, static_cast<Index>(pair % sources));
    }
  });
}

/// sums = sum over k < n of n_vectors vectors of table row rows[k]. Accumulators stay in registers.
template <class T, int n_vectors>
void sum_rows(const T* table, Offset stride, const Index* rows, Offset n, T* sums) {
  Vector<T> sum[n_vectors];
  for (int v = 0; v < n_vectors; ++v) sum[v] = Vector<T>{};
  for (Offset k = 0; k < n; ++k) {
    const T* row = table + rows[k] * stride;
#pragma GCC unroll 28
    for (int v = 0; v < n_vectors; ++v) sum[v] += load(row + v * lanes<T>);
  }
  for (int v = 0; v < n_vectors; ++v) store(sums + v * lanes<T>, sum[v]);
}

template <class T>
using SumRows = void (*)(const T*, Offset, const Index*, Offset, T*);

template <class T, int... n>
constexpr std::array<SumRows<T>, sizeof...(n)> sum_rows_table(std::integer_sequence<int, n...>) {
  return {&sum_rows<T, n + 1>...};
}

/// Sums rows of `columns` elements (whole vectors) in tiles of columns that fit the registers.
template <class T>
class RowSum {
 public:
  explicit RowSum(Index columns) : columns_(columns) {
    static constexpr auto table = sum_rows_table<T>(std::make_integer_sequence<int, accumulators>{});
    const int vectors = columns / lanes<T>;
    int wide = (vectors + accumulators - 1) / accumulators;
    wide = (vectors + wide - 1) / wide;
    while (wide > accumulators / 2 && vectors % wide != 0) --wide;
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
  void operator()(const T* table, Offset stride, const Index* rows, Offset n, T* sums, int first, int last) const {
    for (int tile = first; tile < last; ++tile)
      (tile + 1 < tiles_ ? sum_ : sum_last_)(table + begin(tile), stride, rows, n, sums + begin(tile));
  }
  void operator()(const T* table, Offset stride, const Index* rows, Offset n, T* sums) const {
    (*this)(table, stride, rows, n, sums, 0, tiles_);
  }

 private:
  Index columns_, width_ = 0;
  int tiles_ = 0;
  SumRows<T> sum_ = nullptr, sum_last_ = nullptr;
};

/// Levels that table k serves.
inline Index first_level(Index table, Index levels) { return table < levels ? table : 0; }
inline Index last_level(Index table, Index levels) { return table < levels ? table + 1 : levels; }

/// Asks for the first sources of a row that comes soon, and for where a later one begins: rows of one level do not lie
/// behind each other. Does not look where the row ends, which would be waited for. Always inlined: GCC takes a function
/// of nothing but prefetches for pure, and drops its calls.
GCMC_INLINE void prefetch_sources(const Adjacency& graph, Offset receiver, Index level) {
  constexpr Offset later = 24, line = 64 / sizeof(Index);
  if (receiver >= graph.receivers) return;
  const Offset row = receiver * graph.levels + level;
  __builtin_prefetch(graph.begin + row + later * graph.levels);
  const Index* source = graph.source + graph.begin[row];
  __builtin_prefetch(source);
  __builtin_prefetch(source + line);
}

/// rows = base + source, for the sources whose bit is set; returns their number. Writes up to 16 rows more.
inline Offset list_kept(const Index* source, Offset count, const std::uint8_t* bits, Index base, Index* rows) {
  Offset n = 0;
#if GCMC_VECTOR_BYTES == 64
  typedef Integers<float> Words;  // 16 sources
  for (Offset e = 0; e < count; e += 16) {
    const auto valid = static_cast<__mmask16>(count - e < 16 ? (1u << (count - e)) - 1 : 0xFFFF);
    const Words j = reinterpret_cast<Words>(_mm512_maskz_loadu_epi32(valid, source + e));
    const __m512i word = reinterpret_cast<__m512i>(j >> 5), bit = reinterpret_cast<__m512i>(1 << (j & 31));
    const __m512i words = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), valid, word, bits, 4);
    const __mmask16 is_kept = _mm512_test_epi32_mask(words, bit);
    _mm512_storeu_si512(rows + n, _mm512_maskz_compress_epi32(is_kept, reinterpret_cast<__m512i>(j + base)));
    n += __builtin_popcount(is_kept);
  }
#else
  for (Offset e = 0; e < count; ++e) {
    const auto j = static_cast<std::uint32_t>(source[e]);
    rows[n] = base + source[e];
    n += bits[j / 8] >> (j % 8) & 1;
  }
#endif
  return n;
}

/// Appends to `rows` the table rows of receiver i's kept messages for one table; returns their number.
inline Offset collect_rows(const Adjacency& graph, Offset i, Index table, const KeptPairs& kept, Index* rows) {
  Offset n = 0;
  const Index base = table * graph.sources;
  for (Index r = first_level(table, graph.levels); r < last_level(table, graph.levels); ++r) {
    const Offset row = i * graph.levels + r, end = graph.end[row];
    prefetch_sources(graph, i + 4, r);
    if (kept) {
      n += list_kept(graph.source + graph.begin[row], end - graph.begin[row], kept.of_table(table, graph.sources), base,
                     rows + n);
    } else {
      for (Offset e = graph.begin[row]; e < end; ++e) rows[n++] = base + graph.source[e];
    }
  }
  return n;
}

/// Rows [first, last) of one block, columns of tiles [first_tile, last_tile).
template <Activation activation, class T>
void aggregate_rows(const Aggregate<T>& op, const RowSum<T>& row_sum, Index block, Offset first, Offset last,
                    int first_tile, int last_tile, Index* rows, T* sums) {
  const Offset bits_stride = round_up(op.hidden.columns, 64), column = Offset{block} * op.width;
  const Index from = row_sum.begin(first_tile);
  const auto columns = static_cast<Index>(smaller(row_sum.end(last_tile - 1), op.width)) - from;
  const Index first_table = op.stack ? block : 0, last_table = op.stack ? block + 1 : op.tables;
  for (Offset i = first; i < last; ++i) {
    Offset n = 0;
    for (Index table = first_table; table < last_table; ++table)
      n += collect_rows(op.adjacency, i, table, op.kept, rows + n);
    row_sum(op.table.data, op.table.stride, rows, n, sums, first_tile, last_tile);
    finish_row<activation>(op.receiver_scale ? op.receiver_scale[i] : T{1}, sums + from, columns, op.bits,
                           i * bits_stride + column + from, op.dropout_scale, op.hidden.row(i) + column + from);
  }
}

/// Beyond this size a table is walked tile by tile, so that what is gathered from stays in the last-level cache.
constexpr Offset cached_table_bytes = Offset{16} << 20;

template <class T>
void aggregate(const Aggregate<T>& op, CpuContext& context) {
  const Adjacency& graph = op.adjacency;
  const Offset table_bytes =
      Offset{op.stack ? 1 : op.tables} * graph.sources * op.table.stride * static_cast<Offset>(sizeof(T));
  const bool by_tile = !op.kept && table_bytes > cached_table_bytes;
  const RowSum<T> row_sum(row_stride<T>(op.width));
  const PerThread<Index> lists = context.scratch_per_thread<Index>(0, 2 * Offset{graph.largest_row} + 16);
  const PerThread<T> sums = context.scratch_per_thread<T>(1, row_stride<T>(op.width));
  const int passes = by_tile ? row_sum.tiles() : 1;
  const int tiles_of_pass = row_sum.tiles() / passes;
  const Index blocks = op.stack ? op.tables : 1;
  const Offset kept_bytes =
      (op.kept ? *op.kept.count : Offset{op.tables} * graph.sources) * op.table.stride * static_cast<Offset>(sizeof(T));
  constexpr Offset piece = 32;
  const Offset pieces = (graph.receivers + piece - 1) / piece;
  const Index blocks_of_task = kept_bytes <= cached_table_bytes ? blocks : 1;
  const Offset tasks = pieces * (blocks / blocks_of_task);
  for (int pass = 0; pass < passes; ++pass)
    for_each_task_with_thread(context, tasks, [&](Offset task, int thread) {
      const auto first_block = static_cast<Index>(task / pieces);
      const Offset first = task % pieces * piece;
      with_activation(op.activation, [&](auto activation) {
        for (Index block = first_block; block < first_block + blocks_of_task; ++block)
          aggregate_rows<decltype(activation)::value>(op, row_sum, block, first,
                                                      smaller(graph.receivers, first + piece), pass * tiles_of_pass,
                                                      (pass + 1) * tiles_of_pass, lists.of(thread), sums.of(thread));
      });
    });
}

/// Source j's gradient of a table that serves several levels: the sum of their sums.
template <class T>
void sum_levels(const AggregateBackward<T>& op, const T* block, Offset j, T scale, T* to) {
  constexpr Index part_columns = 4096 / sizeof(T);
  alignas(64) T part[part_columns];
  const Adjacency& graph = op.adjacency;
  const Index stride = op.gradient.stride;
  std::memset(to, 0, sizeof(T) * static_cast<std::size_t>(stride));
  for (Index column = 0; column < stride; column += part_columns) {
    const auto columns = static_cast<Index>(smaller(part_columns, stride - column));
    const RowSum<T> part_sum(columns);
    for (Offset row = j * graph.levels; row < (j + 1) * graph.levels; ++row) {
      part_sum(block + column, op.blocks.stride, graph.source + graph.begin[row], graph.end[row] - graph.begin[row],
               part);
      for (Index c = 0; c < columns; c += lanes<T>) store(to + column + c, load(to + column + c) + load(part + c));
    }
  }
  const Vector<T> by = broadcast(scale);
  for (Index c = 0; c < stride; c += lanes<T>) store(to + c, load(to + c) * by);
}

/// The gradient of one (table, source) pair.
template <class T>
void pair_gradient(const AggregateBackward<T>& op, const RowSum<T>& row_sum, Index table, Offset j) {
  const Adjacency& graph = op.adjacency;
  const T* block = op.blocks.block(op.stack ? table : 0);
  const T scale = op.source_scale ? op.scale * op.source_scale[j] : op.scale;
  T* to = op.gradient.block(table) + j * op.gradient.stride;
  if (table == graph.levels) return sum_levels(op, block, j, scale, to);
  const Offset row = j * graph.levels + table;
  row_sum(block, op.blocks.stride, graph.source + graph.begin[row], graph.end[row] - graph.begin[row], to);
  const Vector<T> by = broadcast(scale);
  for (Index c = 0; c < op.gradient.stride; c += lanes<T>) store(to + c, load(to + c) * by);
}

template <class T>
void aggregate_backward(const AggregateBackward<T>& op, CpuContext& context) {
  const Adjacency& graph = op.adjacency;
  const RowSum<T> row_sum(op.gradient.stride);
  const bool listed = op.kept && !op.ordinal;
  constexpr Offset piece = 64, ahead = 8;
  for_each_piece(context, listed ? *op.kept.count : Offset{op.tables} * graph.receivers, piece,
                 [&](Offset first, Offset last) {
                   const auto pair_at = [&](Offset k) { return listed ? Offset{op.kept.list[k]} : k; };
                   for (Offset k = first; k < last; ++k) {
                     const auto table = static_cast<Index>(pair_at(k) / graph.receivers);
                     const Offset j = pair_at(k) - Offset{table} * graph.receivers;
                     if (k + ahead < last)
                       prefetch_sources(graph, pair_at(k + ahead) - Offset{table} * graph.receivers, table);
                     if (op.kept.keeps(table, graph.receivers, static_cast<Index>(j)))
                       pair_gradient(op, row_sum, table, j);
                     else
                       std::memset(op.gradient.block(table) + j * op.gradient.stride, 0,
                                   sizeof(T) * static_cast<std::size_t>(op.gradient.stride));
                   }
                 });
  if (!op.ordinal) return;
  for_each_piece(context, graph.receivers, piece, [&](Offset first, Offset last) {
    for (Index level = graph.levels - 2; level >= 0; --level)
      for (Offset j = first; j < last; ++j) {
        T* to = op.gradient.block(level) + j * op.gradient.stride;
        const T* next = op.gradient.block(level + 1) + j * op.gradient.stride;
        for (Index c = 0; c < op.gradient.stride; c += lanes<T>) store(to + c, load(to + c) + load(next + c));
      }
  });
}

template <class T>
void degree_scale(const DegreeScale<T>& op, CpuContext&) {
  for (Index i = 0; i < op.count; ++i) {
    const T degree = static_cast<T>(op.degree[i]);
    op.scale[i] = op.degree[i] == 0                              ? T{0}
                  : op.normalization == Normalization::symmetric ? T{1} / std::sqrt(degree)
                                                                 : T{1} / degree;
  }
}

}  // namespace
}  // namespace gcmc
