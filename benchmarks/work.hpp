// What an operation cannot do without: floating-point operations, bytes streamed, bytes gathered. Operations are read
// on the host, so their memory must be the host's (Cpu).
#pragma once

#include <algorithm>

#include "gcmc/backend/operations.hpp"

namespace gcmc::benchmarks {

/// Useful work alone: no padding, no dropped rows or units. An array that is read or written in order counts once in
/// `streamed`; rows that are read in the graph's order count each time, in `gathered`.
struct Work {
  double flop = 0, streamed = 0, gathered = 0;
  double edges = 0;        ///< edges that carry a message, or are scored
  double table_bytes = 0;  ///< of the table that rows are gathered from, as stored
  double row_bytes = 0;
  bool in_place = false;  ///< most of what is streamed is read, changed and written back
};

template <class T>
double bytes(const MatrixView<T>& matrix) {
  return static_cast<double>(sizeof(T)) * matrix.rows * matrix.columns;
}
template <class T>
double bytes(const BlockMatrix<T>& matrix) {
  return static_cast<double>(sizeof(T)) * matrix.blocks * matrix.rows * matrix.columns;
}

/// Calls visit(receiver, table, sources begin, sources end) for each row of the graph and each table that serves it.
template <class Visit>
void for_each_row(const Adjacency& graph, Index tables, const Visit& visit) {
  for (Index i = 0; i < graph.receivers; ++i)
    for (Index r = 0; r < graph.levels; ++r) {
      const Offset row = Offset{i} * graph.levels + r;
      visit(i, tables == 1 ? 0 : r, graph.source + graph.begin[row], graph.source + graph.end[row]);
      if (tables > graph.levels) visit(i, graph.levels, graph.source + graph.begin[row], graph.source + graph.end[row]);
    }
}

inline double edges_of(const Adjacency& graph) {
  double edges = 0;
  for_each_row(graph, 0, [&](Index, Index, const Index* begin, const Index* end) { edges += double(end - begin); });
  return edges;
}

/// Number of (table, source) pairs whose messages are kept.
inline double pairs_of(const KeptPairs& kept, Index tables, Index sources) {
  return kept ? *kept.count : double(tables) * sources;
}

inline Work work_of(const DrawMask& op) { return {.streamed = static_cast<double>(op.count) / 8}; }

inline Work work_of(const SelectSources& op) {
  return {.streamed = 0.125 * op.tables * op.sources + sizeof(Index) * *op.count};
}

inline Work work_of(const SplitEdges& op) {
  const double edges = edges_of(op.adjacency);
  return {.streamed = 2 * sizeof(Index) * edges, .edges = edges};
}

template <class T>
Work work_of(const DegreeScale<T>& op) {
  return {.flop = 2.0 * op.count, .streamed = static_cast<double>(sizeof(Offset) + sizeof(T)) * op.count};
}

template <class T>
Work work_of(const BuildTable<T>& op) {
  const double rows = pairs_of(op.kept, op.weights.blocks, op.weights.rows);
  return {.flop = rows * op.weights.columns, .streamed = 2.0 * sizeof(T) * rows * op.weights.columns};
}

template <class T>
Work work_of(const Aggregate<T>& op) {
  double edges = 0, visited = 0;
  for_each_row(op.adjacency, op.tables, [&](Index, Index table, const Index* begin, const Index* end) {
    visited += double(end - begin);
    edges += double(std::count_if(begin, end, [&](Index j) { return op.kept.keeps(table, op.adjacency.sources, j); }));
  });
  double rows = pairs_of(op.kept, op.tables, op.adjacency.sources);
  if (op.stack) rows /= op.tables;  // a block is summed from one table
  const double row_bytes = double(sizeof(T)) * op.width;
  return {.flop = edges * op.width + 2.0 * op.hidden.rows * op.hidden.columns,
          .streamed = sizeof(Index) * visited + bytes(op.hidden),
          .gathered = edges * row_bytes,
          .edges = edges,
          .table_bytes = rows * double(sizeof(T)) * op.table.stride,
          .row_bytes = row_bytes};
}

template <class T>
Work work_of(const AggregateBackward<T>& op) {
  double edges = 0;
  for_each_row(op.adjacency, op.tables, [&](Index j, Index table, const Index* begin, const Index* end) {
    if (op.kept.keeps(table, op.adjacency.receivers, j)) edges += double(end - begin);
  });
  const double row_bytes = double(sizeof(T)) * op.gradient.columns;
  const double pairs = pairs_of(op.kept, op.tables, op.adjacency.receivers);
  return {.flop = (edges + pairs) * op.gradient.columns,
          .streamed = sizeof(Index) * edges + pairs * row_bytes,
          .gathered = edges * row_bytes,
          .edges = edges,
          .table_bytes = double(sizeof(T)) * op.blocks.rows * op.blocks.stride,
          .row_bytes = row_bytes};
}

/// Elements that are not 0, as dropout leaves many.
template <class T>
double nonzeros(const MatrixView<const T>& matrix) {
  double count = 0;
  for (Offset i = 0; i < matrix.rows; ++i)
    count += double(matrix.columns - std::count(matrix.row(i), matrix.row(i) + matrix.columns, T{0}));
  return count;
}

template <class T>
Work work_of(const Multiply<T>& op) {
  const double columns = op.transpose ? op.b.rows : op.b.columns;
  return {.flop = 2 * nonzeros(op.a) * columns * (op.sum_blocks ? 1 : op.b.blocks),
          .streamed = bytes(op.a) + bytes(op.b) + bytes(op.c)};
}

template <class T>
Work work_of(const MultiplyTransposed<T>& op) {
  return {.flop = 2 * nonzeros(op.a) * op.c.columns * op.c.blocks, .streamed = bytes(op.a) + bytes(op.b) + bytes(op.c)};
}

template <class T>
Work work_of(const MultiplySparse<T>& op) {
  const double edges = edges_of(op.a);
  const double row_bytes = double(sizeof(T)) * op.b.columns;
  return {.flop = 2 * edges * op.c.columns,
          .streamed = (sizeof(Index) + sizeof(T)) * edges + bytes(op.c),
          .gathered = edges * row_bytes,
          .edges = edges,
          .table_bytes = bytes(op.b),
          .row_bytes = row_bytes};
}

template <class T>
Work work_of(const PairDots<T>& op) {
  const double pairs = edges_of(op.pairs), width = op.b.columns;
  return {.flop = 2 * pairs * width,
          .streamed = (sizeof(Index) + ((op.dots ? 1 : 0) + (op.slopes ? 1 : 0)) * sizeof(T)) * pairs + bytes(op.a),
          .gathered = sizeof(T) * pairs * width,
          .edges = pairs,
          .table_bytes = bytes(op.b),
          .row_bytes = sizeof(T) * width};
}

template <class T>
Work work_of(const DrawUniform<T>& op) {
  return {.streamed = static_cast<double>(sizeof(T)) * op.x.blocks * op.x.rows * op.x.columns};
}

template <class T>
Work work_of(const AddScaled<T>& op) {
  const double elements = double(op.a.rows) * op.a.columns;
  return {.flop = (op.beta != 0 ? 3 : 1) * elements, .streamed = bytes(op.a) + (op.beta != 0 ? 2 : 1) * bytes(op.c)};
}

template <class T>
Work work_of(const ColumnSums<T>& op) {
  return {.flop = double(op.x.rows) * op.x.columns, .streamed = bytes(op.x)};
}

template <class T>
Work work_of(const Activate<T>& op) {
  return {.flop = 2.0 * op.x.rows * op.x.columns, .streamed = 2 * bytes(op.x), .in_place = true};
}

template <class T>
Work work_of(const DenseBackward<T>& op) {
  const Offset columns = op.hidden.columns, bits_stride = round_up(columns, 64);
  double units = double(op.hidden.rows) * double(columns);
  for (Offset i = 0; op.bits && i < op.hidden.rows; ++i)
    for (Offset c = 0; c < columns; ++c) {
      const Offset bit = i * bits_stride + c;
      units -= !(op.bits[bit / 8] >> (bit % 8) & 1);
    }
  return {.flop = 2 * units * op.weight.columns,
          .streamed = bytes(op.dz) + bytes(op.weight) + bytes(op.hidden) + bytes(op.blocks)};
}

/// Per pair: scores, dQ and dz of every basis; logits, their gradients and the coefficients'; 25 for each exponential
/// and its neighbours. Gathered: the item's row, and its gradient's, read and written.
template <class T>
Work work_of(const Decode<T>& op) {
  const double pairs = edges_of(op.pairs), width = op.items.columns, levels = op.pairs.levels;
  return {.flop = pairs * (6 * op.bases * width + levels * (6 * op.bases + 25)),
          .streamed = sizeof(Index) * pairs + 2 * bytes(op.user_basis),
          .gathered = 3 * sizeof(T) * pairs * width,
          .edges = pairs,
          .table_bytes = 2.0 * sizeof(T) * op.items.rows * op.items.stride,
          .row_bytes = sizeof(T) * width};
}

template <class T>
Work work_of(const Predict<T>& op) {
  const double pairs = edges_of(op.pairs), width = op.items.columns, levels = op.pairs.levels;
  return {.flop = pairs * (2 * op.bases * width + levels * (2 * op.bases + 25)),
          .streamed = sizeof(Index) * pairs + bytes(op.user_basis),
          .gathered = sizeof(T) * pairs * width,
          .edges = pairs,
          .table_bytes = double(sizeof(T)) * op.items.rows * op.items.stride,
          .row_bytes = sizeof(T) * width};
}

template <class T>
Work work_of(const SquareSum<T>& op) {
  double stored = 0;
  for (const ParameterRows* part = op.parts; part != op.parts + op.count; ++part)
    stored += double(part->list ? *part->list_count : part->rows) * part->stride;
  return {.flop = 2 * stored, .streamed = sizeof(T) * stored};
}

template <class T>
Work work_of(const RecordStep<T>&) {
  return {.flop = 10, .streamed = sizeof(StepRecord<T>)};
}

/// Adam reads the gradient, and reads and writes the value, both moments and the average; 12 flop for the row's last
/// step, and none for those it was left out of.
template <class T>
Work work_of(const Update<T>& op) {
  double numbers = 0;
  for (const ParameterRows* part = op.parts; part != op.parts + op.count; ++part)
    numbers += double(op.rows ? *op.row_count : part->rows) * part->stride;
  const double arrays = 1 + 2 * (1 + (op.first ? 2 : 0) + (op.average ? 1 : 0));
  return {.flop = (op.first ? 12 : 2) * numbers, .streamed = sizeof(T) * arrays * numbers, .in_place = true};
}

}  // namespace gcmc::benchmarks
