// Operations on the graph, every backend against the oracle: masks, selections, tables, aggregation and its gradient,
// the split of the edges.
#include "compare.hpp"
#include "gcmc/testing/graph_cases.hpp"

namespace gcmc::testing {
namespace {

TEST_CASE("a drawn mask has the bits that kept() says, and what lies behind it stays", "[operations]") {
  Draw draw(1);
  for (const std::uint32_t keep : {0u, 1u, 19661u, 32768u, 65535u, 65536u})
    for (const Offset count : {0, 64, 128, 192, 448, 64 * 75, 64 * 1031}) {
      const Mask mask{0xfedcba9876543210u, static_cast<std::uint32_t>(draw.between(0, 9)), 0x90000001u, keep};
      const auto run = [&](auto& backend) { return draw_mask(backend, mask, count); };
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
        const auto run = [&](auto& backend) { return select_sources(backend, tables, sources, all_tables, bits); };
        INFO(tables << " tables of " << sources << ", keep " << keep << ", all tables " << all_tables);
        Reference reference;
        check_on_all(run, exact(run(reference)));
      }
}

/// Whether the backends under test can store tables of T as bfloat16.
template <class T>
#ifdef GCMC_TEST_CUDA
constexpr bool may_store_bf16 = false;
#else
constexpr bool may_store_bf16 = std::is_same_v<T, float>;
#endif

TEMPLATE_TEST_CASE("tables hold the scaled weights of the kept sources", "[operations]", float, double) {
  Draw draw(3);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const auto c = random_table<TestType>(draw, repeat == 0 ? 500 : draw.size(), may_store_bf16<TestType>);
    INFO("case " << repeat << ": " << c.weights.blocks << " tables of " << c.weights.rows << " x " << c.weights.columns
                 << ", ordinal " << c.ordinal << ", bf16 " << c.bf16);
    check_on_all([&](auto& backend) { return build_table(backend, c); }, build_table_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("receivers sum the messages of their kept sources", "[operations][aggregation]", float, double) {
  Draw draw(4);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const Index width = repeat == 0 ? 500 : repeat == 1 ? 257 : draw.size();
    const Index users = draw.one_of<Index>({1, 9, 60, repeat % 8 == 0 ? 700 : 33});
    const Index items = draw.one_of<Index>({1, 8, 75}), levels = draw.one_of<Index>({1, 2, 5, 10, 37});
    HostGraph graph = random_graphs(draw, users, items, levels, draw.one_of({0, 20, 400, 3000})).users;
    const AggregateCase<TestType> c =
        random_aggregate<TestType>(draw, width, std::move(graph), may_store_bf16<TestType>);
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
    AggregateCase<TestType> c = random_aggregate<TestType>(draw, width, std::move(graph), false, true);
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
      const AggregateCase<TestType> c =
          random_aggregate<TestType>(draw, width, std::move(graph), may_store_bf16<TestType>);
      INFO(c.tables << " tables of width " << width << ", levels " << levels << ", stack " << c.stack << ", dropout "
                    << !c.selection.all);
      check_on_all([&](auto& backend) { return aggregate(backend, c); }, aggregate_tolerance(c));
    }
}

template <class T>
void check_aggregate_backward(const AggregateBackwardCase<T>& c) {
  INFO(c.tables << " tables of width " << c.gradient.columns << ", levels " << c.graph.levels << ", items "
                << c.graph.receivers << ", entries " << c.graph.entries() << ", stack " << c.stack << ", ordinal "
                << c.ordinal << ", dropout " << !c.selection.all);
  check_on_all([&](auto& backend) { return aggregate_backward(backend, c); }, aggregate_backward_tolerance(c));
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

TEMPLATE_TEST_CASE("one table alone serves all levels, there and back", "[operations][aggregation]", float, double) {
  constexpr Index users = 40, items = 30, levels = 5, width = 17;
  Draw draw(10);
  const std::vector<Edge> edges = random_edges(draw, users, items, levels, 600);
  std::vector<Edge> of_one_level = edges;
  for (Edge& edge : of_one_level) edge.level = 0;
  for (const bool stack : {false, true}) {
    AggregateCase<TestType> c =
        random_aggregate<TestType>(draw, width, graph_of(of_one_level, true, users, items, 1), false, true);
    c.tables = 1;
    c.stack = stack;
    c.weights = random_matrix<TestType>(draw, 1, items, width, c.weights.stride);
    AggregateBackwardCase<TestType> back =
        random_aggregate_backward<TestType>(draw, width, graph_of(of_one_level, false, users, items, 1));
    back.tables = 1;
    back.stack = stack;
    back.selection = {};
    back.blocks = random_matrix<TestType>(draw, 1, users, width, back.blocks.stride);
    back.gradient = unwritten<TestType>(1, items, width, back.gradient.stride);
    Reference reference;
    const Outcome expected = aggregate(reference, c), gradient = aggregate_backward(reference, back);
    c.graph = graph_of(edges, true, users, items, levels);
    back.graph = graph_of(edges, false, users, items, levels);
    for (auto& processor : processors()) {
      INFO(processor[0].name() << ", stack " << stack);
      require_close(expected, aggregate(processor[0], c), aggregate_tolerance(c));
      require_close(gradient, aggregate_backward(processor[0], back), aggregate_backward_tolerance(back));
    }
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
    const auto run = [&](auto& backend) { return split_edges(backend, graph, sources_are_items, mask, counted); };
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
      const auto run = [&](auto& backend) { return degree_scale<TestType>(backend, degrees, normalization); };
      Reference reference;
      check_on_all(run, scaled(run(reference), 4 * roundoff<TestType>));
    }
}

}  // namespace
}  // namespace gcmc::testing
