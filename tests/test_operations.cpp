// Operations on the graph, every backend against the oracle: masks, selections, tables, aggregation and its gradient,
// the split of the edges.
#include "compare.hpp"

namespace gcmc::cases {
namespace {

const std::initializer_list<Activation> activations = {Activation::leaky_relu, Activation::relu,
                                                       Activation::tanh,       Activation::sigmoid,
                                                       Activation::softsign,   Activation::linear};

TEST_CASE("a drawn mask has the bits that kept() says, and what lies behind it stays", "[operations]") {
  Draw draw(1);
  for (const std::uint32_t keep : {0u, 1u, 19661u, 32768u, 65535u, 65536u})
    for (const Offset count : {0, 64, 128, 192, 448, 64 * 75, 64 * 1031}) {
      const Mask mask{0xfedcba9876543210u, static_cast<std::uint32_t>(draw.between(0, 9)), 0x90000001u, keep};
      const auto run = [&](auto& backend) {
        Buffer bits(backend, std::vector<std::uint8_t>(count / 8 + 64, 0xa5));
        backend.run(DrawMask{mask, count, bits.data()});
        Outcome outcome;
        add(outcome, bits);
        return outcome;
      };
      Reference reference;
      check_on_all(run, exact(run(reference)));
    }
}

TEST_CASE("the kept pairs are listed in order", "[operations]") {
  Draw draw(2);
  for (const Index sources : {0, 1, 7, 63, 64, 65, 257, 1000, 2500})
    for (const Index tables : {1, 2, 6, 11, 38})
      for (const double keep : {0.0, 0.3, 0.97, 1.0}) {
        const bool all_tables = draw.chance(0.5);
        const std::vector<std::uint8_t> bits = random_bits(draw, tables, sources, keep);
        const auto run = [&](auto& backend) {
          const std::size_t pairs = Offset{tables} * sources;
          Buffer held(backend, bits);
          Buffer list(backend, std::vector<Index>(pairs, -7)), count(backend, std::vector<Index>{-7});
          backend.run(SelectSources{tables, sources, all_tables, held.data(), list.data(), count.data()});
          std::vector<Index> kept = list.get();
          kept.resize(count.get()[0]);  // what lies behind is nobody's
          Outcome outcome;
          add(outcome, kept);
          add(outcome, count);
          return outcome;
        };
        INFO(tables << " tables of " << sources << ", keep " << keep << ", all tables " << all_tables);
        Reference reference;
        check_on_all(run, exact(run(reference)));
      }
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

/// Whether the backends under test can store tables of T as bfloat16.
template <class T>
#ifdef GCMC_TEST_CUDA
constexpr bool may_store_bf16 = false;
#else
constexpr bool may_store_bf16 = std::is_same_v<T, float>;
#endif

/// Where a table has which row is the backend's affair, so its Aggregate reads it: each source sends to itself, at
/// every level; the implicit table's row comes once a level.
template <class B, class T>
Outcome build_table(B& backend, const TableCase<T>& c) {
  const Held weights(backend, c.weights), scale(backend, c.source_scale), table(backend, c.table);
  const HeldSelection<B> selection(backend, c.selection);
  backend.run(BuildTable<T>{weights, c.ordinal, c.levels, selection.kept, scale.data(), c.scale, table, c.bf16});
  std::vector<Edge> edges;
  for (Index j = 0; j < c.weights.rows; ++j)
    for (Index r = 0; r < c.levels; ++r) edges.push_back({j, j, r});
  const HeldGraph<B> graph(backend, graph_of(edges, true, c.weights.rows, c.weights.rows, c.levels));
  const Index tables = c.weights.blocks, width = c.weights.columns;
  const Held sums(backend, unwritten<T>(1, c.weights.rows, tables * width, row_stride<T>(tables * width)));
  backend.run(Aggregate<T>{graph, tables, width, true, selection.kept, table, nullptr, Activation::linear, nullptr,
                           T{1}, sums, c.bf16});
  Outcome outcome;
  add(outcome, sums);
  return outcome;
}

TEMPLATE_TEST_CASE("tables hold the scaled weights of the kept sources", "[operations]", float, double) {
  Draw draw(3);
  for (int repeat = 0; repeat < 60; ++repeat) {
    TableCase<TestType> c;
    c.levels = draw.one_of<Index>({1, 2, 5, 10, 37});
    const Index tables = c.levels + draw.between(0, 1), width = repeat == 0 ? 500 : draw.size();
    const Index sources = draw.one_of<Index>({0, 1, 7, 33, 257});
    c.ordinal = draw.chance(0.5);
    c.scale = draw.chance(0.5) ? TestType{1} : static_cast<TestType>(10.0 / 3);
    c.selection = random_selection(draw, tables, sources, draw.one_of({0.0, 0.3, 0.9, 1.0}));
    const Index stride = random_stride<TestType>(draw, width);
    c.weights = random_matrix<TestType>(draw, tables, sources, width, stride);
    c.table = unwritten<TestType>(1, tables * sources, width, stride);
    c.source_scale = random_matrix<TestType>(draw, 1, draw.between(0, 1), sources);
    c.bf16 = may_store_bf16<TestType> && draw.chance(0.5);
    TableCase<TestType> magnitude = c;
    magnitude.weights = absolute(c.weights);
    magnitude.source_scale = absolute(c.source_scale);
    INFO("case " << repeat << ": " << tables << " tables of " << sources << " x " << width << ", ordinal " << c.ordinal
                 << ", bf16 " << c.bf16);
    // additions of tables and of levels, two products; where these differ, a neighbour among the numbers of 8 bits
    const double neighbour = c.bf16 ? 1.0 / 128 : 0;
    Reference reference;
    check_on_all([&](auto& backend) { return build_table(backend, c); },
                 scaled(build_table(reference, magnitude), (tables + c.levels + 4) * roundoff<TestType> + neighbour));
  }
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
  backend.run(BuildTable<T>{weights, false, c.graph.levels, selection.kept, nullptr, T{1}, table, c.bf16});
  backend.run(Aggregate<T>{graph, c.tables, width, c.stack, selection.kept, table, scale.data(), c.activation,
                           bits.data(), c.dropout_scale, hidden, c.bf16});
  Outcome outcome;
  add(outcome, hidden);
  return outcome;
}

/// Rounding: a sum of at most 2 largest_row messages (each edge once for its level, once for the implicit table),
/// the scale, the activation (Lipschitz constant 1) and the dropout scale; the curved activations, whose values lie
/// within [-1, 1], are granted 16 roundoffs of 1. A dropped unit is 0 exactly.
template <class T>
Outcome aggregate_tolerance(AggregateCase<T> c) {
  const bool curved =
      c.activation == Activation::tanh || c.activation == Activation::sigmoid || c.activation == Activation::softsign;
  c.weights = absolute(c.weights);
  c.activation = Activation::linear;
  Reference reference;
  Outcome tolerance = scaled(aggregate(reference, c), (2 * c.graph.largest_row + 8) * roundoff<T>);
  for (Offset i = 0; i < c.hidden.rows; ++i)
    for (Offset column = 0; column < c.hidden.columns; ++column)
      if (curved && (c.bits.empty() || bit_of(c.bits, i * round_up(c.hidden.columns, 64) + column)))
        tolerance[0][i * c.hidden.stride + column] += 16 * roundoff<T> * static_cast<double>(c.dropout_scale);
  return tolerance;
}

/// `whole_sum`: one block to which every source sends; else a block a table or one, and any sources kept.
template <class T>
AggregateCase<T> random_aggregate(Draw& draw, Index width, HostGraph graph, bool whole_sum = false) {
  AggregateCase<T> c;
  c.graph = std::move(graph);
  const Index users = c.graph.receivers, items = c.graph.sources;
  c.tables = c.graph.levels + draw.between(0, 1);
  c.stack = !whole_sum && draw.chance(0.5);
  c.selection = whole_sum ? Selection{} : random_selection(draw, c.tables, items, draw.one_of({0.0, 0.3, 0.8, 1.0}));
  // Rows of dropped pairs hold NaN: nobody may read them.
  c.weights = unwritten<T>(c.tables, items, width, random_stride<T>(draw, width));
  for (Index k = 0; k < c.tables; ++k)
    for (Index j = 0; j < items; ++j)
      for (Offset column = 0; column < width && c.selection.view().keeps(k, items, j); ++column)
        c.weights.at(k, j, column) = static_cast<T>(draw.value());
  c.bf16 = may_store_bf16<T> && draw.chance(0.3);  // as they are, weights round alike everywhere
  c.receiver_scale = absolute(random_matrix<T>(draw, 1, 1, users));
  const Index hidden = (c.stack ? c.tables : 1) * width;
  c.hidden = unwritten<T>(1, users, hidden, random_stride<T>(draw, hidden));
  c.activation = draw.one_of(activations);
  if (draw.chance(0.6)) {
    const double keep = draw.one_of({0.0, 0.3, 0.9});
    c.bits = random_bits(draw, users, hidden, keep);
    c.dropout_scale = static_cast<T>(keep > 0 ? 1 / keep : 0);
  }
  return c;
}

TEMPLATE_TEST_CASE("receivers sum the messages of their kept sources", "[operations][aggregation]", float, double) {
  Draw draw(4);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const Index width = repeat == 0 ? 500 : repeat == 1 ? 257 : draw.size();
    const Index users = draw.one_of<Index>({1, 9, 60, repeat % 8 == 0 ? 700 : 33});
    const Index items = draw.one_of<Index>({1, 8, 75}), levels = draw.one_of<Index>({1, 2, 5, 10, 37});
    HostGraph graph = random_graphs(draw, users, items, levels, draw.one_of({0, 20, 400, 3000})).users;
    const AggregateCase<TestType> c = random_aggregate<TestType>(draw, width, std::move(graph));
    INFO("case " << repeat << ": " << c.tables << " tables of width " << width << ", levels " << c.graph.levels
                 << ", users " << users << ", entries " << c.graph.entries() << ", stack " << c.stack << ", dropout "
                 << !c.selection.all << ", activation " << static_cast<int>(c.activation));
    check_on_all([&](auto& backend) { return aggregate(backend, c); }, aggregate_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("receivers sum messages from tables too large for a cache", "[operations]", float, double) {
  Draw draw(14);
  const Index width = sizeof(TestType) == sizeof(float) ? 300 : 160;
  for (const Index items : {3000, 14000}) {  // a thread's own cache, the last-level cache
    HostGraph graph = random_graphs(draw, 40, items, 2, 3000).users;
    AggregateCase<TestType> c = random_aggregate<TestType>(draw, width, std::move(graph), true);
    for (const bool bf16 : {false, true}) {
      c.bf16 = bf16 && may_store_bf16<TestType>;
      INFO(c.tables << " tables of " << items << " sources, entries " << c.graph.entries() << ", bf16 " << c.bf16);
      check_on_all([&](auto& backend) { return aggregate(backend, c); }, aggregate_tolerance(c));
    }
  }
}

TEMPLATE_TEST_CASE("receivers of more than 512 sources sum them too", "[operations][aggregation]", float, double) {
  Draw draw(8);
  for (const Index levels : {1, 5})
    for (const Index width : {9, 75, 257}) {
      HostGraph graph = graph_of(long_edges(draw, levels), true, 3, 700, levels);
      const AggregateCase<TestType> c = random_aggregate<TestType>(draw, width, std::move(graph));
      INFO(c.tables << " tables of width " << width << ", levels " << levels << ", stack " << c.stack << ", dropout "
                    << !c.selection.all);
      check_on_all([&](auto& backend) { return aggregate(backend, c); }, aggregate_tolerance(c));
    }
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
  backend.run(AggregateBackward<T>{graph, c.tables, c.stack, c.ordinal, selection.kept, blocks, scale.data(), c.scale,
                                   gradient});
  Outcome outcome;
  add(outcome, gradient);
  return outcome;
}

template <class T>
AggregateBackwardCase<T> random_aggregate_backward(Draw& draw, Index width, HostGraph graph) {
  AggregateBackwardCase<T> c;
  c.graph = std::move(graph);
  const Index users = c.graph.sources, items = c.graph.receivers;
  c.tables = c.graph.levels + draw.between(0, 1);
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

template <class T>
void check_aggregate_backward(const AggregateBackwardCase<T>& c) {
  INFO(c.tables << " tables of width " << c.gradient.columns << ", levels " << c.graph.levels << ", items "
                << c.graph.receivers << ", entries " << c.graph.entries() << ", stack " << c.stack << ", ordinal "
                << c.ordinal << ", dropout " << !c.selection.all);
  AggregateBackwardCase<T> magnitude = c;
  magnitude.blocks = absolute(c.blocks);
  // The ordinal sum adds the levels' sums.
  const double factor = (c.graph.largest_row + c.graph.levels + 8) * roundoff<T>;
  Reference reference;
  check_on_all([&](auto& backend) { return aggregate_backward(backend, c); },
               scaled(aggregate_backward(reference, magnitude), factor));
}

TEMPLATE_TEST_CASE("the tables' gradients gather the receivers' and leave dropped rows alone",
                   "[operations][aggregation]", float, double) {
  Draw draw(5);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const Index levels = draw.one_of<Index>({1, 2, 5, 10, 37}), users = draw.one_of<Index>({1, 9, 60});
    const Index items = draw.one_of<Index>({1, 8, repeat % 8 == 0 ? 700 : 75});
    const Index width = repeat == 0 ? 500 : repeat == 1 ? 257 : draw.size();
    HostGraph graph = random_graphs(draw, users, items, levels, draw.one_of({0, 20, 400, 3000})).items;
    check_aggregate_backward(random_aggregate_backward<TestType>(draw, width, std::move(graph)));
  }
}

TEMPLATE_TEST_CASE("tables' gradients of more than 512 receivers", "[operations][aggregation]", float, double) {
  Draw draw(9);
  for (const Index levels : {1, 5})
    for (const Index width : {9, 75, 257}) {
      HostGraph graph = graph_of(long_edges(draw, levels), true, 3, 700, levels);
      check_aggregate_backward(random_aggregate_backward<TestType>(draw, width, std::move(graph)));
    }
}

TEST_CASE("edges are split into those that carry messages and those that are predicted", "[operations]") {
  Draw draw(6);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Index users = draw.one_of<Index>({1, 9, 60, 700}), items = draw.one_of<Index>({1, 33, 100});
    const Index levels = draw.one_of<Index>({1, 2, 5, 10, 37});
    const std::vector<Edge> edges = random_edges(draw, users, items, levels, draw.one_of({0, 20, 400, 3000}));
    const bool sources_are_items = draw.chance(0.5), counted = draw.chance(0.7);
    const HostGraph graph = graph_of(edges, sources_are_items, users, items, levels);  // a whole graph has no gaps
    const Mask mask = make_mask(99, static_cast<std::uint32_t>(repeat), 5, draw.one_of({0.0, 0.4, 0.9, 1.0}));
    const auto run = [&](auto& backend) {
      const HeldGraph held(backend, graph);
      Buffer source(backend, graph.source);
      Buffer middle(backend, std::vector<Offset>(graph.begin.size(), -7));
      Buffer carried(backend, std::vector<Offset>(graph.receivers, -7));
      Buffer predicted(backend, std::vector<Offset>{-7});
      backend.run(SplitEdges{held, sources_are_items, mask, source.data(), middle.data(), carried.data(),
                             counted ? predicted.data() : nullptr});
      Outcome outcome;
      add(outcome, source);
      add(outcome, middle);
      add(outcome, carried);
      add(outcome, predicted);
      return outcome;
    };
    INFO("case " << repeat << ": users " << users << ", items " << items << ", sources are items "
                 << sources_are_items);
    Reference reference;
    check_on_all(run, exact(run(reference)));
  }
}

TEMPLATE_TEST_CASE("degrees become scales, 0 where the degree is 0", "[operations]", float, double) {
  Draw draw(7);
  for (const Index count : {0, 1, 7, 8, 9, 15, 17, 33, 257, 5000})
    for (const Normalization normalization : {Normalization::symmetric, Normalization::left}) {
      std::vector<Offset> degrees(count);
      for (Offset& degree : degrees) degree = draw.chance(0.2) ? 0 : draw.one_of({1, 2, 3, 737, 100000, 1 << 30});
      const auto run = [&](auto& backend) {
        Buffer degree(backend, degrees);
        const Held scale(backend, unwritten<TestType>(1, 1, count));
        backend.run(DegreeScale<TestType>{degree.data(), count, normalization, scale.data()});
        Outcome outcome;
        add(outcome, scale);
        return outcome;
      };
      Reference reference;
      check_on_all(run, scaled(run(reference), 4 * roundoff<TestType>));
    }
}

}  // namespace
}  // namespace gcmc::cases
