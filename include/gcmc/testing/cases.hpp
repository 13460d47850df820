// What cases for the tests of operations are made of: seeded draws, padded host arrays, graphs in both directions, and
// their copies in a backend's memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "gcmc/backend/memory.hpp"
#include "gcmc/base/random.hpp"

namespace gcmc::testing {

inline constexpr std::array activations = {Activation::leaky_relu, Activation::relu,     Activation::tanh,
                                           Activation::sigmoid,    Activation::softsign, Activation::linear};

/// What a case is drawn from.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed, 77) {}
  Index between(Index low, Index high) { return low + static_cast<Index>(random_.below(high - low + 1)); }
  bool chance(double probability) { return random_.uniform() < probability; }
  /// In [-1, 1).
  double value() { return 2 * random_.uniform() - 1; }
  template <class X>
  X one_of(std::initializer_list<X> choices) {
    return choices.begin()[between(0, static_cast<Index>(choices.size()) - 1)];
  }
  Activation activation() { return activations[static_cast<std::size_t>(between(0, 5))]; }
  /// A size about a vector's width.
  Index size() { return one_of<Index>({1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112}); }

 private:
  Random random_;
};

/// Whether values lie within [-1, 1] on a curve, which backends compute with a few roundoffs of 1.
inline bool curved(Activation activation) {
  return activation == Activation::tanh || activation == Activation::sigmoid || activation == Activation::softsign;
}

/// Blocks of a padded matrix on the host; an array of n is one row of n columns.
template <class T>
struct HostMatrix {
  Index blocks = 1, rows = 0, columns = 0, stride = 0;
  std::vector<T> values;

  T& at(Offset block, Offset row, Offset column) { return values[(block * rows + row) * stride + column]; }
  T at(Offset block, Offset row, Offset column) const { return values[(block * rows + row) * stride + column]; }
  /// f(value) for every value but the padding.
  template <class F>
  void for_each(const F& f) {
    for (Offset row = 0; row < Offset{blocks} * rows; ++row)
      for (Offset column = 0; column < columns; ++column) f(values[row * stride + column]);
  }
};

/// Every value is `value`, the padding is 0. stride 0: the least.
template <class T>
HostMatrix<T> filled(Index blocks, Index rows, Index columns, T value, Index stride = 0) {
  HostMatrix<T> matrix{blocks, rows, columns, stride ? stride : row_stride<T>(columns), {}};
  matrix.values.assign(Offset{blocks} * rows * matrix.stride, T{0});
  matrix.for_each([&](T& x) { x = value; });
  return matrix;
}

/// A result before it is written: NaN, so that whoever reads it is found out.
template <class T>
HostMatrix<T> unwritten(Index blocks, Index rows, Index columns, Index stride = 0) {
  return filled(blocks, rows, columns, std::numeric_limits<T>::quiet_NaN(), stride);
}

/// Values in [-1, 1), one in ten of them 0.
template <class T>
HostMatrix<T> random_matrix(Draw& draw, Index blocks, Index rows, Index columns, Index stride = 0) {
  HostMatrix<T> matrix = filled(blocks, rows, columns, T{0}, stride);
  matrix.for_each([&](T& x) { x = draw.chance(0.1) ? T{0} : static_cast<T>(draw.value()); });
  return matrix;
}

/// `count` sub-rows of `columns`, row_stride<T>(columns) apart, side by side in every row.
template <class T>
HostMatrix<T> random_side_by_side(Draw& draw, Index rows, Index count, Index columns) {
  HostMatrix<T> matrix = random_matrix<T>(draw, 1, rows, count * row_stride<T>(columns));
  for (Offset i = 0; i < rows; ++i)
    for (Offset c = 0; c < matrix.columns; ++c)
      if (c % row_stride<T>(columns) >= columns) matrix.at(0, i, c) = 0;
  return matrix;
}

/// The least stride, or now and then a larger one. Arrays of one width that an operation reads and writes row by row
/// share theirs.
template <class T>
Index random_stride(Draw& draw, Index columns) {
  return row_stride<T>(columns) + (draw.chance(0.3) ? row_stride<T>(1) : 0);
}

template <class T>
HostMatrix<T> absolute(HostMatrix<T> matrix) {
  for (T& x : matrix.values) x = x < 0 ? -x : x;
  return matrix;
}

/// Bits of units (i, c) at i * round_up(columns, 64) + c, each set with `probability`; those past `columns` too.
inline std::vector<std::uint8_t> random_bits(Draw& draw, Index rows, Index columns, double probability) {
  std::vector<std::uint8_t> bits(Offset{rows} * round_up(columns, 64) / 8);
  for (std::uint8_t& byte : bits)
    for (unsigned bit = 0; bit < 8; ++bit)
      byte = static_cast<std::uint8_t>(byte | unsigned{draw.chance(probability)} << bit);
  return bits;
}

inline bool bit_of(const std::vector<std::uint8_t>& bits, Offset i) { return bits[i / 8] >> (i % 8) & 1; }

/// A host matrix's copy in a backend's memory.
template <class B, class T>
struct Held {
  Held(B& backend, const HostMatrix<T>& matrix) : shape{matrix}, buffer(backend, matrix.values) { shape.values = {}; }
  operator MatrixView<T>() const { return {buffer.data(), shape.rows, shape.columns, shape.stride}; }
  operator MatrixView<const T>() const { return {buffer.data(), shape.rows, shape.columns, shape.stride}; }
  operator BlockMatrix<T>() const { return {buffer.data(), shape.blocks, shape.rows, shape.columns, shape.stride}; }
  operator BlockMatrix<const T>() const {
    return {buffer.data(), shape.blocks, shape.rows, shape.columns, shape.stride};
  }
  T* data() const { return buffer.data(); }

  HostMatrix<T> shape;  ///< no values
  Buffer<B, T> buffer;
};

struct Edge {
  Index user = 0, item = 0, level = 0;
};

/// One direction of a graph. Entries that belong to no row lie between the rows; their source is far out of range.
struct HostGraph {
  Index receivers = 0, sources = 0, levels = 0, largest_row = 0;
  std::vector<Offset> begin, end;
  std::vector<Index> source;

  Offset row(Index receiver, Index level) const { return Offset{receiver} * levels + level; }
  Offset entries() const {
    Offset count = 0;
    for (std::size_t r = 0; r < begin.size(); ++r) count += end[r] - begin[r];
    return count;
  }
};

/// Distinct pairs, few of them with the last users and items, most with the first; of three levels and more, level 1
/// stays empty.
inline std::vector<Edge> random_edges(Draw& draw, Index users, Index items, Index levels, Index count) {
  const auto skewed = [&](Index n) {
    const double x = (draw.value() + 1) / 2;
    return std::min(static_cast<Index>(x * x * n), n > 2 ? n - 2 : n - 1);
  };
  std::set<std::pair<Index, Index>> taken;
  std::vector<Edge> edges;
  for (Index attempt = 0; attempt < count; ++attempt) {
    const Edge edge{skewed(users), skewed(items), draw.between(0, levels - 1)};
    if ((levels > 2 && edge.level == 1) || !taken.emplace(edge.user, edge.item).second) continue;
    edges.push_back(edge);
  }
  return edges;
}

/// Three users of 700, 513 and 512 items, most of them at level 0: on both sides of 512, from where on a block of the
/// Cuda backend shares an output out.
inline std::vector<Edge> long_edges(Draw& draw, Index levels) {
  std::vector<Edge> edges;
  for (Index user = 0; user < 3; ++user)
    for (Index item = 0; item < (user == 0 ? 700 : 514 - user); ++item)
      edges.push_back({user, item, item < 600 ? 0 : draw.between(0, levels - 1)});
  return edges;
}

/// The direction whose receivers are the users, or the items.
inline HostGraph graph_of(const std::vector<Edge>& edges, bool users_receive, Index users, Index items, Index levels,
                          Index gap = 0) {
  HostGraph graph{users_receive ? users : items, users_receive ? items : users, levels, 0, {}, {}, {}};
  std::vector<std::vector<Index>> rows(Offset{graph.receivers} * levels);
  for (const Edge& edge : edges)
    rows[graph.row(users_receive ? edge.user : edge.item, edge.level)].push_back(users_receive ? edge.item : edge.user);
  for (std::vector<Index>& row : rows) {
    std::sort(row.begin(), row.end());
    graph.source.insert(graph.source.end(), gap, std::numeric_limits<Index>::max());
    graph.begin.push_back(static_cast<Offset>(graph.source.size()));
    graph.source.insert(graph.source.end(), row.begin(), row.end());
    graph.end.push_back(static_cast<Offset>(graph.source.size()));
  }
  for (Index i = 0; i < graph.receivers; ++i) {
    Offset entries = 0;
    for (Index r = 0; r < levels; ++r) entries += graph.end[graph.row(i, r)] - graph.begin[graph.row(i, r)];
    graph.largest_row = std::max(graph.largest_row, static_cast<Index>(entries));
  }
  return graph;
}

/// Both directions of one random list of edges.
struct GraphPair {
  HostGraph users, items;
};

inline GraphPair random_graphs(Draw& draw, Index users, Index items, Index levels, Index count) {
  const std::vector<Edge> edges = random_edges(draw, users, items, levels, count);
  const Index gap = draw.chance(0.3) ? 2 : 0;
  return {graph_of(edges, true, users, items, levels, gap), graph_of(edges, false, users, items, levels, gap)};
}

/// A graph's copy in a backend's memory.
template <class B>
struct HeldGraph {
  HeldGraph(B& backend, const HostGraph& graph)
      : begin(backend, graph.begin), end(backend, graph.end), source(backend, graph.source) {
    adjacency = {.receivers = graph.receivers,
                 .sources = graph.sources,
                 .levels = graph.levels,
                 .largest_row = graph.largest_row,
                 .begin = begin.data(),
                 .end = end.data(),
                 .source = source.data(),
                 .entries = source.size()};
  }
  operator const Adjacency&() const { return adjacency; }

  Buffer<B, Offset> begin, end;
  Buffer<B, Index> source;
  Adjacency adjacency;
};

/// Which (table, source) pairs are kept, as bits and as SelectSources lists them; `all` stands for no bits at all.
struct Selection {
  bool all = true, all_tables = false;
  Index count = 0;
  std::vector<std::uint8_t> bits;
  std::vector<Index> list;

  KeptPairs view() const { return all ? KeptPairs{} : KeptPairs{bits.data(), all_tables, list.data(), &count}; }
};

inline Selection random_selection(Draw& draw, Index tables, Index sources, double keep) {
  Selection selection{keep >= 1, draw.chance(0.3), 0, random_bits(draw, tables, sources, keep), {}};
  for (Index k = 0; k < tables; ++k)
    for (Index j = 0; j < sources; ++j)
      if (bit_of(selection.bits, (selection.all_tables ? 0 : k) * round_up(sources, 64) + j))
        selection.list.push_back(k * sources + j);
  selection.count = static_cast<Index>(selection.list.size());
  selection.list.resize(Offset{tables} * sources, std::numeric_limits<Index>::max());
  return selection;
}

template <class B>
struct HeldSelection {
  HeldSelection(B& backend, const Selection& selection) {
    if (selection.all) return;
    bits = Buffer<B, std::uint8_t>(backend, selection.bits);
    list = Buffer<B, Index>(backend, selection.list);
    count = Buffer<B, Index>(backend, std::vector<Index>{selection.count});
    kept = {bits.data(), selection.all_tables, list.data(), count.data()};
  }
  Buffer<B, std::uint8_t> bits;
  Buffer<B, Index> list, count;
  KeptPairs kept;
};

}  // namespace gcmc::testing
