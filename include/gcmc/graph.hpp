// The rating graph in a backend's memory: both directions of every level's adjacency, degrees, and the split of its
// edges that target removal draws each step.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "gcmc/backend.hpp"
#include "gcmc/ratings.hpp"

namespace gcmc {

/// The two sides of the graph, as receivers of messages.
enum Side { user_side = 0, item_side = 1 };
constexpr Side other(Side side) { return side == user_side ? item_side : user_side; }

/// What carries messages in one pass: c_ij = receiver_scale[to][i] * source_scale[to][j].
template <class T>
struct Messages {
  std::array<Adjacency, 2> to;               ///< by receiving side
  std::array<const T*, 2> receiver_scale{};  ///< [receivers]
  std::array<const T*, 2> source_scale{};    ///< [sources]; nullptr: 1 (left normalisation)
};

/// Pairs to be predicted: an adjacency to users, whose rows are cut into chunks of about equal work, and the same to
/// items.
struct Pairs {
  Adjacency adjacency, by_item;
  const Index* chunk_begin = nullptr;
  Index chunks = 0;
  const Offset* count = nullptr;
};

/// One direction on the host: row (receiver, level) holds its sources in ascending order.
struct HostAdjacency {
  std::vector<Offset> offsets;  ///< [receivers * levels + 1]
  std::vector<Index> source;
  std::vector<Offset> degree;  ///< [receivers], over all levels
  Index largest_row = 0;
};

/// Two stable counting sorts: by source, then by row. Cost: O(ratings + rows).
inline HostAdjacency make_adjacency(Index receivers, Index sources, Index levels, std::span<const Rating> ratings,
                                    Side receiving) {
  const auto receiver_of = [&](const Rating& r) { return receiving == user_side ? r.user : r.item; };
  const auto source_of = [&](const Rating& r) { return receiving == user_side ? r.item : r.user; };
  std::vector<Offset> by_source(static_cast<std::size_t>(sources) + 1);
  for (const Rating& r : ratings) ++by_source[source_of(r) + 1];
  for (Index j = 0; j < sources; ++j) by_source[j + 1] += by_source[j];
  std::vector<Offset> order(ratings.size());
  for (std::size_t e = 0; e < ratings.size(); ++e) order[by_source[source_of(ratings[e])]++] = static_cast<Offset>(e);

  HostAdjacency graph;
  const Offset rows = Offset{receivers} * levels;
  graph.offsets.resize(static_cast<std::size_t>(rows) + 1);
  graph.degree.resize(receivers);
  const auto row_of = [&](const Rating& r) { return Offset{receiver_of(r)} * levels + r.level; };
  for (const Rating& r : ratings) {
    ++graph.offsets[row_of(r) + 1];
    ++graph.degree[receiver_of(r)];
  }
  for (Offset row = 0; row < rows; ++row) graph.offsets[row + 1] += graph.offsets[row];
  std::vector<Offset> next(graph.offsets.begin(), graph.offsets.end() - 1);
  graph.source.resize(ratings.size());
  for (const Offset e : order) graph.source[next[row_of(ratings[e])]++] = source_of(ratings[e]);
  for (const Offset degree : graph.degree) graph.largest_row = std::max(graph.largest_row, static_cast<Index>(degree));
  return graph;
}

/// Users cut into chunks of about equal numbers of pairs. Their number is a power of two chosen from the sizes alone,
/// so that sums over chunks give equal bits on any number of threads; more chunks cost items * D of memory each.
inline std::vector<Index> cut_into_chunks(const HostAdjacency& to_users, Index users, Index items, Index levels) {
  const Offset pairs = static_cast<Offset>(to_users.source.size());
  Offset chunks = 2;
  while (chunks < 16 && chunks * 2 * 32 * items <= pairs) chunks *= 2;
  std::vector<Index> begin(static_cast<std::size_t>(chunks) + 1);
  Index user = 0;
  for (Offset chunk = 0; chunk < chunks; ++chunk) {
    begin[chunk] = user;
    while (user < users && to_users.offsets[Offset{user} * levels] < pairs * (chunk + 1) / chunks) ++user;
  }
  begin[chunks] = users;
  return begin;
}

/// The graph of a list of ratings. Immutable. Cost: 8 bytes a rating, 8 a (node, level).
template <Backend B, class T>
class Graph {
 public:
  Graph(B& backend, Index users, Index items, Index levels, std::span<const Rating> ratings,
        Normalization normalization = Normalization::symmetric)
      : backend_(&backend), nodes_{users, items}, levels_(levels), normalization_(normalization) {
    for (const Side side : {user_side, item_side}) {
      const HostAdjacency host = make_adjacency(nodes_[side], nodes_[other(side)], levels, ratings, side);
      largest_row_[side] = host.largest_row;
      offsets_[side] = Buffer<B, Offset>(backend, host.offsets);
      source_[side] = Buffer<B, Index>(backend, host.source);
      degree_[side] = Buffer<B, Offset>(backend, host.degree);
      scale_[side] = Buffer<B, T>(backend, nodes_[side]);
      backend.run(DegreeScale<T>{degree_[side].data(), nodes_[side], normalization, scale_[side].data()});
      if (side == user_side) {
        const std::vector<Index> chunks = cut_into_chunks(host, users, items, levels);
        chunks_ = static_cast<Index>(chunks.size()) - 1;
        chunk_begin_ = Buffer<B, Index>(backend, chunks);
      }
    }
    count_ = Buffer<B, Offset>(backend, std::vector<Offset>{static_cast<Offset>(ratings.size())});
  }

  B& backend() const { return *backend_; }
  Offset edges() const { return source_[user_side].size(); }
  Index nodes(Side side) const { return nodes_[side]; }
  Index levels() const { return levels_; }
  Normalization normalization() const { return normalization_; }

  /// Messages to `receiving` along every edge.
  Adjacency adjacency(Side receiving) const {
    const Offset* offsets = offsets_[receiving].data();
    return {nodes_[receiving], nodes_[other(receiving)],  levels_, largest_row_[receiving], offsets,
            offsets + 1,       source_[receiving].data(), edges()};
  }
  Messages<T> messages() const {
    return messages_with({adjacency(user_side), adjacency(item_side)}, {scale_[0].data(), scale_[1].data()});
  }
  Messages<T> messages_with(std::array<Adjacency, 2> to, std::array<const T*, 2> scale) const {
    const bool symmetric = normalization_ == Normalization::symmetric;
    return {to, scale, {symmetric ? scale[item_side] : nullptr, symmetric ? scale[user_side] : nullptr}};
  }
  Pairs pairs() const {
    return {adjacency(user_side), adjacency(item_side), chunk_begin_.data(), chunks_, count_.data()};
  }

 private:
  B* backend_;
  std::array<Index, 2> nodes_;
  Index levels_;
  Normalization normalization_;
  std::array<Index, 2> largest_row_{};
  Index chunks_ = 0;
  std::array<Buffer<B, Offset>, 2> offsets_, degree_;
  std::array<Buffer<B, Index>, 2> source_;
  std::array<Buffer<B, T>, 2> scale_;
  Buffer<B, Index> chunk_begin_;
  Buffer<B, Offset> count_;
};

/// Target-edge removal: each step a fresh share of the edges is predicted while the others carry the messages and set
/// the degrees. Both directions see the same edges, since the mask is a function of (user, item).
template <Backend B, class T>
class EdgeSplit {
 public:
  explicit EdgeSplit(const Graph<B, T>& graph) : graph_(&graph), predicted_(graph.backend(), 1) {
    for (const Side side : {user_side, item_side}) {
      source_[side] = Buffer<B, Index>(graph.backend(), graph.edges());
      middle_[side] = Buffer<B, Offset>(graph.backend(), Offset{graph.nodes(side)} * graph.levels());
      carried_[side] = Buffer<B, Offset>(graph.backend(), graph.nodes(side));
      scale_[side] = Buffer<B, T>(graph.backend(), graph.nodes(side));
    }
  }

  /// `mask` keeps an edge as a target.
  void draw(const Mask& mask) {
    B& backend = graph_->backend();
    for (const Side side : {user_side, item_side}) {
      backend.run(SplitEdges{graph_->adjacency(side), side == user_side, mask, source_[side].data(),
                             middle_[side].data(), carried_[side].data(),
                             side == user_side ? predicted_.data() : nullptr});
      backend.run(
          DegreeScale<T>{carried_[side].data(), graph_->nodes(side), graph_->normalization(), scale_[side].data()});
    }
  }
  Messages<T> messages() const {
    std::array<Adjacency, 2> to{graph_->adjacency(user_side), graph_->adjacency(item_side)};
    for (const Side side : {user_side, item_side}) {
      to[side].source = source_[side].data();
      to[side].end = middle_[side].data();
    }
    return graph_->messages_with(to, {scale_[0].data(), scale_[1].data()});
  }
  Pairs pairs() const {
    Pairs pairs = graph_->pairs();
    pairs.adjacency.source = source_[user_side].data();
    pairs.adjacency.begin = middle_[user_side].data();
    pairs.by_item.source = source_[item_side].data();
    pairs.by_item.begin = middle_[item_side].data();
    pairs.count = predicted_.data();
    return pairs;
  }

 private:
  const Graph<B, T>* graph_;
  std::array<Buffer<B, Index>, 2> source_;
  std::array<Buffer<B, Offset>, 2> middle_, carried_;
  std::array<Buffer<B, T>, 2> scale_;
  Buffer<B, Offset> predicted_;
};

}  // namespace gcmc
