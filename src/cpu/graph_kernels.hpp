// The graph convolution: the gather-sum forward with its epilogue, and its gradient.
#pragma once

#include "activation.hpp"
#include "message_table.hpp"

namespace gcmc {
namespace {

/// Levels that a table serves: [first, last).
inline Index first_level(Index table, Index tables, Index levels) {
  return serves_all_levels(table, tables, levels) ? 0 : table;
}
inline Index last_level(Index table, Index tables, Index levels) {
  return serves_all_levels(table, tables, levels) ? levels : table + 1;
}

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

/// Lists the table rows of receiver i's kept messages for tables [first, last) of `tables`; returns their number.
inline Offset collect_rows(const Adjacency& graph, Offset i, Index first, Index last, Index tables,
                           const Index* position, Index* rows) {
  Offset n = 0;
  for (Index table = first; table < last; ++table)
    for (Index r = first_level(table, tables, graph.levels); r < last_level(table, tables, graph.levels); ++r) {
      const Offset row = i * graph.levels + r, begin = graph.begin[row];
      prefetch_sources(graph, i + 4, r);
      n += list_kept(graph.source + begin, graph.end[row] - begin, position + Offset{table} * graph.sources, rows + n);
    }
  return n;
}

/// A part of the work of Aggregate: tables [first_table, last_table) of one block, columns of tiles [first_tile,
/// last_tile). A block's parts follow each other; the last one finishes the rows.
struct AggregatePart {
  Index block = 0, first_table = 0, last_table = 0;
  int first_tile = 0, last_tile = 0;
  bool first = true, last = true;
  const Index* position = nullptr;  ///< kept_positions, where sources are dropped
};

/// sums (+)= all messages of receiver i, unfinished.
template <class T, class Stored>
void sum_messages(const Aggregate<T>& op, const RowSum<T, Stored>& row_sum, const AggregatePart& part, Offset i,
                  T* sums) {
  const Adjacency& graph = op.adjacency;
  const TableRows<const Stored> table(op.table);
  bool goes_on = !part.first;
  for (Index k = part.first_table; k < part.last_table; ++k)
    for (Index r = first_level(k, op.tables, graph.levels); r < last_level(k, op.tables, graph.levels); ++r) {
      const Offset row = i * graph.levels + r, begin = graph.begin[row];
      prefetch_sources(graph, i + 4, r);
      row_sum(table.row(Offset{k} * graph.sources), table.stride, graph.source + begin, graph.end[row] - begin, goes_on,
              sums, part.first_tile, part.last_tile);
      goes_on = true;
    }
}

/// Calls sum(i, where the messages are to be summed) for receivers [first, last) of one part, and finishes the rows.
/// With sum, a row is summed where it is to lie; with stack, blocks may share a vector.
template <Activation activation, class T, class Stored, class Sum>
GCMC_INLINE void aggregate_rows(const Aggregate<T>& op, const RowSum<T, Stored>& row_sum, const AggregatePart& part,
                                Offset first, Offset last, T* block_sums, const Sum& sum) {
  const Offset bits_stride = round_up(op.hidden.columns, 64), column = Offset{part.block} * op.width;
  const Index from = row_sum.begin(part.first_tile);
  const auto columns = static_cast<Index>(smaller(row_sum.end(part.last_tile - 1), op.width)) - from;
  for (Offset i = first; i < last; ++i) {
    T* sums = op.stack ? block_sums : op.hidden.row(i);
    if (i + 8 < op.hidden.rows) prefetch_row<2>(op.hidden.row(i + 8) + column + from, columns / lanes<T> + 2);
    sum(i, sums);
    if (part.last)
      finish_row<activation>(op.receiver_scale ? op.receiver_scale[i] : T{1}, sums + from, columns, op.bits,
                             i * bits_stride + column + from, op.dropout_scale, op.hidden.row(i) + column + from);
  }
}

/// Kept messages of some receivers are listed before the first is summed: while one waits for the positions of its
/// sources, which decide how often the next loop runs, the others go on.
constexpr int listed_at_once = 16;
constexpr Offset list_room = 2048;  ///< no further receiver is listed behind so many rows

/// The same of kept messages. `rows` has room for list_room rows and those of one receiver.
template <Activation activation, class T, class Stored>
void aggregate_kept(const Aggregate<T>& op, const RowSum<T, Stored>& row_sum, const AggregatePart& part, Offset first,
                    Offset last, Index* rows, T* block_sums) {
  const TableRows<const Stored> table(op.table);
  Offset ends[listed_at_once + 1] = {};
  while (first < last) {
    int n = 0;
    for (; n < listed_at_once && first + n < last && ends[n] <= list_room; ++n)
      ends[n + 1] = ends[n] + collect_rows(op.adjacency, first + n, part.first_table, part.last_table, op.tables,
                                           part.position, rows + ends[n]);
    aggregate_rows<activation>(op, row_sum, part, first, first + n, block_sums, [&](Offset i, T* sums) {
      const Offset begin = ends[i - first];
      row_sum(table.data, table.stride, rows + begin, ends[i - first + 1] - begin, false, sums, part.first_tile,
              part.last_tile);
    });
    first += n;
  }
}

/// What a thread gathers from should about fit its own cache, what all threads gather from the last-level cache.
constexpr Offset own_cache_bytes = Offset{3} << 19, last_cache_bytes = Offset{16} << 20;

/// How Aggregate walks its tables.
struct AggregateOrder {
  int widest = accumulators;    ///< vectors of a tile
  bool tile_by_tile = false;    ///< with sum: each tile of each table for all receivers
  bool piece_by_piece = false;  ///< of kept rows: all tables for some receivers; else all receivers for one table

  template <class T, class Stored>
  AggregateOrder(const Aggregate<T>& op, TableRows<Stored> table) {
    constexpr Offset size = sizeof(Stored);
    const Offset sources = op.adjacency.sources, row_bytes = table.stride * size;
    piece_by_piece = op.kept && *op.kept.count * row_bytes <= last_cache_bytes;
    if (op.stack || op.kept) return;
    // Wide rows, each gathered many times: narrow tiles pay.
    const Offset vector = lanes<T> * size, tile_bytes = sources * vector + 1;
    const Offset own = own_cache_bytes / tile_bytes, fitting = own >= 2 ? own : last_cache_bytes / tile_bytes;
    tile_by_tile = fitting >= 1 && fitting * vector < row_bytes;
    if (tile_by_tile) widest = static_cast<int>(smaller(fitting, accumulators));
  }
};

template <class T, class Stored>
void aggregate_of(const Aggregate<T>& op, CpuContext& context) {
  const Adjacency& graph = op.adjacency;
  const AggregateOrder order(op, TableRows<const Stored>(op.table));
  const RowSum<T, Stored> row_sum(row_stride<T>(op.width), order.widest);
  const PerThread<Index> lists = context.scratch_per_thread<Index>(0, list_room + 2 * Offset{graph.largest_row} + 16);
  const PerThread<T> sums = context.scratch_per_thread<T>(1, row_stride<T>(op.width));
  const Index* position = op.kept ? kept_positions(op.kept, Offset{op.tables} * graph.sources, context) : nullptr;
  const Index parts = op.stack || order.tile_by_tile ? op.tables : 1;
  const Index parts_of_loop = order.piece_by_piece ? parts : 1;
  const int tiles_of_loop = order.tile_by_tile ? 1 : row_sum.tiles();
  for (int tile = 0; tile < row_sum.tiles(); tile += tiles_of_loop)
    for (Index first_part = 0; first_part < parts; first_part += parts_of_loop)
      for_each_piece_with_thread(context, graph.receivers, 32, [&](Offset first, Offset last, int thread) {
        with_activation(op.activation, [&](auto activation) {
          for (Index k = first_part; k < first_part + parts_of_loop; ++k) {
            const AggregatePart part{.block = op.stack ? k : 0,
                                     .first_table = k,
                                     .last_table = parts == 1 ? op.tables : k + 1,
                                     .first_tile = tile,
                                     .last_tile = tile + tiles_of_loop,
                                     .first = op.stack || k == 0,
                                     .last = op.stack || k == parts - 1,
                                     .position = position};
            constexpr auto act = decltype(activation)::value;
            if (position)
              aggregate_kept<act>(op, row_sum, part, first, last, lists.of(thread), sums.of(thread));
            else
              aggregate_rows<act>(op, row_sum, part, first, last, sums.of(thread),
                                  [&](Offset i, T* to) { sum_messages(op, row_sum, part, i, to); });
          }
        });
      });
}

template <class T>
void aggregate(const Aggregate<T>& op, CpuContext& context) {
  with_stored<T>(op.hints.bf16, [&](auto stored) { aggregate_of<T, decltype(stored)>(op, context); });
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
  if (serves_all_levels(table, op.tables, graph.levels)) return sum_levels(op, block, j, scale, to);
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
                       prefetch_sources(graph, pair_at(k + ahead) - Offset{table} * graph.receivers,
                                        first_level(table, op.tables, graph.levels));
                     if (op.kept.keeps(table, graph.receivers, static_cast<Index>(j)))
                       pair_gradient(op, row_sum, table, j);
                     else
                       std::memset(op.gradient.block(table) + j * op.gradient.stride, 0,
                                   sizeof(T) * static_cast<std::size_t>(op.gradient.stride));
                   }
                 });
  if (!op.ordinal) return;
  for_each_piece(context, graph.receivers, piece, [&](Offset first, Offset last) {
    for (Index level = static_cast<Index>(smaller(op.tables, graph.levels)) - 2; level >= 0; --level)
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
