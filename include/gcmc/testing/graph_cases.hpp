// Cases of the operations on the graph: masks, selections, tables, aggregation and its gradient, the split of the
// edges.
#pragma once

#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

/// What lies behind the mask's bits is somebody else's.
template <class B>
Outcome draw_mask(B& backend, const Mask& mask, Offset count) {
  const Buffer bits(backend, std::vector<std::uint8_t>(static_cast<std::size_t>(count) / 8 + 64, 0xa5));
  backend.run(DrawMask{.mask = mask, .count = count, .bits = bits.data()});
  return outcome_of(bits);
}

/// The list of the kept pairs; what lies behind it is nobody's.
template <class B>
Outcome select_sources(B& backend, Index tables, Index sources, bool all_tables,
                       const std::vector<std::uint8_t>& bits) {
  const Buffer held(backend, bits);
  const Buffer list(backend, std::vector<Index>(static_cast<std::size_t>(tables) * sources, -7));
  const Buffer count(backend, std::vector<Index>{-7});
  backend.run(SelectSources{.tables = tables,
                            .sources = sources,
                            .all_tables = all_tables,
                            .bits = held.data(),
                            .list = list.data(),
                            .count = count.data()});
  std::vector<Index> kept = list.get();
  const Index number = count.front();
  if (number >= 0 && number <= tables * sources) kept.resize(static_cast<std::size_t>(number));
  return outcome_of(kept, count);
}

/// `counted`: the number of all predicted edges is wanted too.
template <class B>
Outcome split_edges(B& backend, const HostGraph& graph, bool sources_are_items, const Mask& mask, bool counted) {
  const HeldGraph held(backend, graph);
  const Buffer source(backend, graph.source);
  const Buffer middle(backend, std::vector<Offset>(graph.begin.size(), -7));
  const Buffer carried(backend, std::vector<Offset>(static_cast<std::size_t>(graph.receivers), -7));
  const Buffer predicted(backend, std::vector<Offset>{-7});
  backend.run(SplitEdges{.adjacency = held,
                         .sources_are_items = sources_are_items,
                         .mask = mask,
                         .source = source.data(),
                         .middle = middle.data(),
                         .carried = carried.data(),
                         .predicted = counted ? predicted.data() : nullptr});
  return outcome_of(source, middle, carried, predicted);
}

template <class T, class B>
Outcome degree_scale(B& backend, const std::vector<Offset>& degrees, Normalization normalization) {
  const auto count = static_cast<Index>(degrees.size());
  const Buffer degree(backend, degrees);
  const Held scale(backend, unwritten<T>(1, 1, count));
  backend.run(
      DegreeScale<T>{.degree = degree.data(), .count = count, .normalization = normalization, .scale = scale.data()});
  return outcome_of(scale);
}

template <class T>
struct TableCase {
  Index levels = 1;
  bool ordinal = false;
  T scale = 1;
  Selection selection;
  HostMatrix<T> weights, table, source_scale;  // source_scale: no rows where it is not given
  bool bf16 = false;
};

/// Where a table has which row is the backend's affair, so its Aggregate reads it: each source sends to itself, at
/// every level; the implicit table's row comes once a level.
template <class B, class T>
Outcome build_table(B& backend, const TableCase<T>& c) {
  const Held weights(backend, c.weights), scale(backend, c.source_scale), table(backend, c.table);
  const HeldSelection<B> selection(backend, c.selection);
  backend.run(BuildTable<T>{.weights = weights,
                            .ordinal = c.ordinal,
                            .levels = c.levels,
                            .kept = selection.kept,
                            .source_scale = scale.data(),
                            .scale = c.scale,
                            .table = table,
                            .hints = {.bf16 = c.bf16}});
  std::vector<Edge> edges;
  for (Index j = 0; j < c.weights.rows; ++j)
    for (Index r = 0; r < c.levels; ++r) edges.push_back({j, j, r});
  const HeldGraph<B> graph(backend, graph_of(edges, true, c.weights.rows, c.weights.rows, c.levels));
  const Index tables = c.weights.blocks, width = c.weights.columns;
  const Held sums(backend, unwritten<T>(1, c.weights.rows, tables * width, row_stride<T>(tables * width)));
  backend.run(Aggregate<T>{.adjacency = graph,
                           .tables = tables,
                           .width = width,
                           .stack = true,
                           .kept = selection.kept,
                           .table = table,
                           .activation = Activation::linear,
                           .hidden = sums,
                           .hints = {.bf16 = c.bf16}});
  return outcome_of(sums);
}

template <class T>
struct AggregateCase {
  HostGraph graph;
  Index tables = 1;
  bool stack = false;
  Selection selection;
  HostMatrix<T> weights, receiver_scale, hidden;
  Activation activation = Activation::linear;
  std::vector<std::uint8_t> bits;  // empty: all kept
  T dropout_scale = 1;
  bool bf16 = false;
};

template <class B, class T>
Outcome aggregate(B& backend, const AggregateCase<T>& c) {
  const HeldGraph<B> graph(backend, c.graph);
  const HeldSelection<B> selection(backend, c.selection);
  const Index rows = c.weights.blocks * c.weights.rows, width = c.weights.columns;
  const Held weights(backend, c.weights), table(backend, unwritten<T>(1, rows, width, c.weights.stride)),
      scale(backend, c.receiver_scale), hidden(backend, c.hidden);
  const Buffer bits(backend, c.bits);
  backend.run(BuildTable<T>{
      .weights = weights, .levels = c.graph.levels, .kept = selection.kept, .table = table, .hints = {.bf16 = c.bf16}});
  backend.run(Aggregate<T>{.adjacency = graph,
                           .tables = c.tables,
                           .width = width,
                           .stack = c.stack,
                           .kept = selection.kept,
                           .table = table,
                           .receiver_scale = scale.data(),
                           .activation = c.activation,
                           .bits = bits.data(),
                           .dropout_scale = c.dropout_scale,
                           .hidden = hidden,
                           .hints = {.bf16 = c.bf16}});
  return outcome_of(hidden);
}

/// Additions of tables and of levels, two products; where tables are of bfloat16 and these differ, a neighbour among
/// the numbers of 8 bits.
template <class T>
Outcome build_table_tolerance(TableCase<T> c) {
  c.weights = absolute(c.weights);
  c.source_scale = absolute(c.source_scale);
  Reference reference;
  return scaled(build_table(reference, c),
                (c.weights.blocks + c.levels + 4) * roundoff<T> + (c.bf16 ? 1.0 / 128 : 0.0));
}

template <class T>
TableCase<T> random_table(Draw& draw, Index width, bool may_store_bf16) {
  TableCase<T> c;
  c.levels = draw.one_of<Index>({1, 2, 5, 10, 37});
  const Index tables = c.levels + draw.between(0, 1), sources = draw.one_of<Index>({0, 1, 7, 33, 257});
  c.ordinal = draw.chance(0.5);
  c.scale = draw.chance(0.5) ? T{1} : static_cast<T>(10.0 / 3);
  c.selection = random_selection(draw, tables, sources, draw.one_of({0.0, 0.3, 0.9, 1.0}));
  const Index stride = random_stride<T>(draw, width);
  c.weights = random_matrix<T>(draw, tables, sources, width, stride);
  c.table = unwritten<T>(1, tables * sources, width, stride);
  c.source_scale = random_matrix<T>(draw, 1, draw.between(0, 1), sources);
  c.bf16 = may_store_bf16 && draw.chance(0.5);
  return c;
}

/// Rounding: a sum of at most 2 largest_row messages (each edge once for its level, once for the implicit table),
/// the scale, the activation (Lipschitz constant 1) and the dropout scale; the curved activations, whose values lie
/// within [-1, 1], are granted 16 roundoffs of 1. A dropped unit is 0 exactly.
template <class T>
Outcome aggregate_tolerance(AggregateCase<T> c) {
  const bool on_curve = curved(c.activation);
  c.weights = absolute(c.weights);
  c.activation = Activation::linear;
  Reference reference;
  Outcome tolerance = scaled(aggregate(reference, c), (2 * c.graph.largest_row + 8) * roundoff<T>);
  for (Offset i = 0; i < c.hidden.rows; ++i)
    for (Offset column = 0; column < c.hidden.columns; ++column)
      if (on_curve && (c.bits.empty() || bit_of(c.bits, i * round_up(c.hidden.columns, 64) + column)))
        tolerance[0][i * c.hidden.stride + column] += 16 * roundoff<T> * static_cast<double>(c.dropout_scale);
  return tolerance;
}

/// 1, `levels` or levels + 1: one serves all levels, or each its own, and one more all.
inline Index random_tables(Draw& draw, Index levels) { return draw.chance(0.15) ? 1 : levels + draw.between(0, 1); }

/// `whole_sum`: one block to which every source sends; else a block a table or one, and any sources kept.
template <class T>
AggregateCase<T> random_aggregate(Draw& draw, Index width, HostGraph graph, bool may_store_bf16,
                                  bool whole_sum = false) {
  AggregateCase<T> c;
  c.graph = std::move(graph);
  const Index users = c.graph.receivers, items = c.graph.sources;
  c.tables = random_tables(draw, c.graph.levels);
  c.stack = !whole_sum && draw.chance(0.5);
  c.selection = whole_sum ? Selection{} : random_selection(draw, c.tables, items, draw.one_of({0.0, 0.3, 0.8, 1.0}));
  // Rows of dropped pairs hold NaN: nobody may read them.
  c.weights = unwritten<T>(c.tables, items, width, random_stride<T>(draw, width));
  for (Index k = 0; k < c.tables; ++k)
    for (Index j = 0; j < items; ++j)
      for (Offset column = 0; column < width && c.selection.view().keeps(k, items, j); ++column)
        c.weights.at(k, j, column) = static_cast<T>(draw.value());
  c.bf16 = may_store_bf16 && draw.chance(0.3);  // as they are, weights round alike everywhere
  c.receiver_scale = absolute(random_matrix<T>(draw, 1, 1, users));
  const Index hidden = (c.stack ? c.tables : 1) * width;
  c.hidden = unwritten<T>(1, users, hidden, random_stride<T>(draw, hidden));
  c.activation = draw.activation();
  if (draw.chance(0.6)) {
    const double keep = draw.one_of({0.0, 0.3, 0.9});
    c.bits = random_bits(draw, users, hidden, keep);
    c.dropout_scale = static_cast<T>(keep > 0 ? 1 / keep : 0);
  }
  return c;
}

template <class T>
struct AggregateBackwardCase {
  HostGraph graph;  // receivers are the sources of the forward pass
  Index tables = 1;
  bool stack = false, ordinal = false;
  Selection selection;
  HostMatrix<T> blocks, source_scale, gradient;
  T scale = 1;
};

template <class B, class T>
Outcome aggregate_backward(B& backend, const AggregateBackwardCase<T>& c) {
  const HeldGraph<B> graph(backend, c.graph);
  const HeldSelection<B> selection(backend, c.selection);
  const Held blocks(backend, c.blocks), scale(backend, c.source_scale), gradient(backend, c.gradient);
  backend.run(AggregateBackward<T>{.adjacency = graph,
                                   .tables = c.tables,
                                   .stack = c.stack,
                                   .ordinal = c.ordinal,
                                   .kept = selection.kept,
                                   .blocks = blocks,
                                   .source_scale = scale.data(),
                                   .scale = c.scale,
                                   .gradient = gradient});
  return outcome_of(gradient);
}

template <class T>
AggregateBackwardCase<T> random_aggregate_backward(Draw& draw, Index width, HostGraph graph) {
  AggregateBackwardCase<T> c;
  c.graph = std::move(graph);
  const Index users = c.graph.sources, items = c.graph.receivers;
  c.tables = random_tables(draw, c.graph.levels);
  c.stack = draw.chance(0.5);
  c.ordinal = draw.chance(0.4);
  c.selection = random_selection(draw, c.tables, items, draw.one_of({0.0, 0.3, 0.8, 1.0}));
  const Index stride = random_stride<T>(draw, width);
  c.blocks = random_matrix<T>(draw, c.stack ? c.tables : 1, users, width, stride);
  c.source_scale = absolute(random_matrix<T>(draw, 1, draw.between(0, 1), items));
  c.scale = static_cast<T>(10.0 / 3);
  c.gradient = unwritten<T>(c.tables, items, width, stride);
  return c;
}

/// The ordinal sum adds the levels' sums.
template <class T>
Outcome aggregate_backward_tolerance(AggregateBackwardCase<T> c) {
  c.blocks = absolute(c.blocks);
  Reference reference;
  return scaled(aggregate_backward(reference, c), (c.graph.largest_row + c.graph.levels + 8) * roundoff<T>);
}

}  // namespace gcmc::testing
