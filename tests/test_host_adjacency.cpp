// Ratings in the order of a graph's rows, sorted by several threads.
#include <random>
#include <tuple>

#include "catch.hpp"
#include "gcmc/layers/host_adjacency.hpp"

using namespace gcmc;

namespace {

/// Of which the first users and items have most.
std::vector<Rating> skewed_ratings(Index users, Index items, Index levels, std::size_t count) {
  std::mt19937 random(7);
  const auto draw = [&](Index nodes) {
    const double u = static_cast<double>(random()) / 4294967296.0;
    return static_cast<Index>(u * u * u * nodes);
  };
  std::vector<Rating> ratings;
  while (ratings.size() < count) ratings.push_back({draw(users), draw(items), static_cast<Level>(draw(levels))});
  return ratings;
}

HostAdjacency by_std_sort(Index receivers, Index levels, const std::vector<Rating>& ratings, Side receiving) {
  std::vector<std::tuple<Offset, Index>> edges;  // row, source
  HostAdjacency graph;
  graph.degree.resize(static_cast<std::size_t>(receivers));
  for (const Rating& r : ratings) {
    const auto [receiver, source] = receiving == user_side ? std::pair(r.user, r.item) : std::pair(r.item, r.user);
    edges.emplace_back(Offset{receiver} * levels + r.level, source);
    graph.largest_row = std::max(graph.largest_row, static_cast<Index>(++graph.degree[receiver]));
  }
  std::sort(edges.begin(), edges.end());
  for (Offset row = 0; row <= Offset{receivers} * levels; ++row)
    graph.offsets.push_back(std::lower_bound(edges.begin(), edges.end(), std::tuple(row, Index{-1})) - edges.begin());
  for (const auto& edge : edges) graph.source.push_back(std::get<1>(edge));
  return graph;
}

}  // namespace

TEST_CASE("rows are in order, on any number of threads", "[layers]") {
  const auto [users, items, levels, count] = GENERATE(table<Index, Index, Index, std::size_t>({
      {3000, 700, 5, 250000},
      {1, 5, 2, 40},
      {512, 511, 1, 170000},
      {1025, 1024, 10, 1000},
      {2, 100000, 3, 160000},
      {4, 3, 2, 0},
      {0, 0, 1, 0},
  }));
  const std::vector<Rating> ratings = skewed_ratings(users, items, levels, count);
  for (const Side side : {user_side, item_side}) {
    const Index receivers = side == user_side ? users : items;
    const HostAdjacency wanted = by_std_sort(receivers, levels, ratings, side);
    for (const int threads : {1, 2, 3, 7}) {
      const HostAdjacency sorted = make_adjacency(receivers, levels, ratings, side, threads);
      CHECK(sorted.offsets == wanted.offsets);
      CHECK(sorted.source == wanted.source);
      CHECK(sorted.degree == wanted.degree);
      CHECK(sorted.largest_row == wanted.largest_row);
      if (side == user_side) continue;
      const HostAdjacency other =
          to_items_of(make_adjacency(users, levels, ratings, user_side), items, levels, threads);
      CHECK(other.offsets == wanted.offsets);
      CHECK(other.source == wanted.source);
      CHECK(other.degree == wanted.degree);
      CHECK(other.largest_row == wanted.largest_row);
    }
  }
}
