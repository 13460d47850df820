// Ratings sorted by who receives them, on the host.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "gcmc/base/large_pages.hpp"
#include "gcmc/base/parallel.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// One direction on the host: row (receiver, level) holds its sources in ascending order.
struct HostAdjacency {
  std::vector<Offset> offsets;  ///< [receivers * levels + 1]
  std::vector<Index> source;
  std::vector<Offset> degree;  ///< [receivers], over all levels
  Index largest_row = 0;
};

/// Ratings in any order, of which a piece is gone through at a time.
class RatingList {
 public:
  explicit RatingList(std::span<const Rating> ratings) : ratings_(ratings) {}
  Offset size() const { return static_cast<Offset>(ratings_.size()); }
  /// use(user, item, level) of each rating of one of so many pieces.
  template <class Use>
  void for_each_in(Offset piece, Offset pieces, const Use& use) const {
    for (Offset k = size() * piece / pieces; k < size() * (piece + 1) / pieces; ++k)
      use(ratings_[k].user, ratings_[k].item, Offset{ratings_[k].level});
  }

 private:
  std::span<const Rating> ratings_;
};

/// The same of what the rows of the users hold, one after the other: pieces are of whole rows.
class RowsOfUsers {
 public:
  RowsOfUsers(const HostAdjacency& to_users, Index levels) : to_users_(to_users), levels_(levels) {}
  Offset size() const { return static_cast<Offset>(to_users_.source.size()); }
  template <class Use>
  void for_each_in(Offset piece, Offset pieces, const Use& use) const {
    const std::vector<Offset>& offsets = to_users_.offsets;
    const auto user_at = [&](Offset edge) {
      const auto row = std::lower_bound(offsets.begin(), offsets.end() - 1, edge) - offsets.begin();
      return static_cast<Index>((row + levels_ - 1) / levels_);
    };
    const auto users = static_cast<Index>(to_users_.degree.size());
    const Index end = piece + 1 < pieces ? user_at(size() * (piece + 1) / pieces) : users;
    for (Index user = piece > 0 ? user_at(size() * piece / pieces) : 0; user < end; ++user)
      for (Offset level = 0; level < levels_; ++level) {
        const Offset row = Offset{user} * levels_ + level;
        for (Offset edge = offsets[row]; edge < offsets[row + 1]; ++edge) use(user, to_users_.source[edge], level);
      }
  }

 private:
  const HostAdjacency& to_users_;
  Index levels_;
};

/// Sorts ratings (a RatingList or RowsOfUsers) into a HostAdjacency: first, stably, into buckets of neighbouring
/// receivers, a piece of the ratings for each thread; then each bucket, which fits into a cache, by source, and into
/// its rows. The order is unique, so that it is the same on any number of threads. Cost: O(ratings + rows), 8 bytes a
/// rating and 8 a row.
template <class List>
class AdjacencySort {
 public:
  AdjacencySort(Index receivers, Index levels, const List& ratings, Side receiving, int threads)
      : receivers_(receivers),
        levels_(levels),
        ratings_(ratings),
        receiving_(receiving),
        threads_(threads),
        width_bits_(std::max(0, static_cast<int>(std::bit_width(static_cast<unsigned>(receivers))) - bucket_bits)),
        buckets_((Offset{receivers} >> width_bits_) + 1),
        pieces_(std::clamp<Offset>(ratings.size() / smallest_piece, 1, threads)),
        next_(static_cast<std::size_t>(pieces_ * buckets_)),
        bucket_end_(static_cast<std::size_t>(buckets_)),
        edges_(std::make_unique_for_overwrite<Edge[]>(static_cast<std::size_t>(ratings.size()))) {}

  HostAdjacency sort() {
    HostAdjacency graph;
    const auto rows = static_cast<std::size_t>(Offset{receivers_} * levels_ + 1),
               edges = static_cast<std::size_t>(ratings_.size());
    ask_for_large_pages(edges_.get(), edges * sizeof(Edge));
    reserve_in_large_pages(graph.offsets, rows);
    graph.offsets.resize(rows);
    reserve_in_large_pages(graph.source, edges, threads_);
    graph.source.resize(edges);
    graph.degree.resize(static_cast<std::size_t>(receivers_));
    run_parallel(threads_, pieces_, [&](Offset piece) {
      for_each_in(piece, [&](Index receiver, Index, Offset) { ++next(piece, receiver); });
    });
    find_places();
    run_parallel(threads_, pieces_, [&](Offset piece) {
      for_each_in(piece, [&](Index receiver, Index source, Offset level) {
        const Index first = receiver >> width_bits_ << width_bits_;
        edges_[next(piece, receiver)++] = {static_cast<Index>(Offset{receiver - first} * levels_ + level), source};
      });
    });
    run_parallel(pieces_ > 1 ? threads_ : 1, buckets_, [&](Offset bucket) { sort_bucket(bucket, graph); });
    graph.offsets.back() = ratings_.size();
    for (Index receiver = 0; receiver < receivers_; ++receiver) {
      graph.degree[receiver] =
          graph.offsets[(receiver + Offset{1}) * levels_] - graph.offsets[Offset{receiver} * levels_];
      graph.largest_row = std::max(graph.largest_row, static_cast<Index>(graph.degree[receiver]));
    }
    return graph;
  }

 private:
  static constexpr int bucket_bits = 9;            ///< at most 2^9 buckets, each of at most 2^22 receivers
  static constexpr Offset smallest_piece = 50000;  ///< ratings that are worth a thread
  static constexpr int digit_bits = 8;

  struct Edge {
    Index row;  ///< of its bucket's, at most 2^22 * 255
    Index source;
  };

  template <class Use>
  void for_each_in(Offset piece, const Use& use) const {
    ratings_.for_each_in(piece, pieces_, [&](Index user, Index item, Offset level) {
      receiving_ == user_side ? use(user, item, level) : use(item, user, level);
    });
  }

  /// How many ratings of the piece the receiver's bucket has; then where the next of them goes.
  Offset& next(Offset piece, Index receiver) { return next_[piece * buckets_ + (receiver >> width_bits_)]; }

  void find_places() {
    Offset place = 0;
    for (Offset bucket = 0; bucket < buckets_; ++bucket) {
      for (Offset piece = 0; piece < pieces_; ++piece) {
        Offset& count = next_[piece * buckets_ + bucket];
        place += count;
        count = place - count;
      }
      bucket_end_[bucket] = place;
    }
  }

  /// Sorts it by source, counts its rows, and fills each from its end.
  void sort_bucket(Offset bucket, HostAdjacency& graph) const {
    const Offset begin = bucket > 0 ? bucket_end_[bucket - 1] : 0, end = bucket_end_[bucket];
    const Offset first_row = (bucket << width_bits_) * levels_;
    const Offset rows = std::min((bucket + 1) << width_bits_, Offset{receivers_}) * levels_ - first_row;
    const std::span<Edge> edges(edges_.get() + begin, static_cast<std::size_t>(end - begin));
    sort_by_source(edges);
    Offset* const offsets = graph.offsets.data() + first_row;
    for (const Edge& edge : edges) ++offsets[edge.row];
    Offset row_end = begin;
    for (Offset row = 0; row < rows; ++row) offsets[row] = row_end += offsets[row];
    for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) graph.source[--offsets[edge->row]] = edge->source;
  }

  /// A radix sort, whose digits begin with the lowest.
  static void sort_by_source(std::span<Edge> edges) {
    const auto less = [](const Edge& a, const Edge& b) { return a.source < b.source; };
    if (std::is_sorted(edges.begin(), edges.end(), less)) return;
    const Index largest = std::max_element(edges.begin(), edges.end(), less)->source;
    const auto memory = std::make_unique_for_overwrite<Edge[]>(edges.size());
    std::span<Edge> from = edges, to(memory.get(), edges.size());
    for (int shift = 0; shift < 31 && largest >> shift > 0; shift += digit_bits) {
      const auto digit = [&](const Edge& edge) { return edge.source >> shift & ((1 << digit_bits) - 1); };
      std::array<Offset, 1 << digit_bits> place{};
      for (const Edge& edge : from) ++place[digit(edge)];
      std::exclusive_scan(place.begin(), place.end(), place.begin(), Offset{0});
      for (const Edge& edge : from) to[place[digit(edge)]++] = edge;
      std::swap(from, to);
    }
    if (from.data() != edges.data()) std::copy(from.begin(), from.end(), edges.begin());
  }

  Index receivers_, levels_;
  const List& ratings_;
  Side receiving_;
  int threads_, width_bits_;
  Offset buckets_, pieces_;
  std::vector<Offset> next_;        ///< [pieces][buckets]
  std::vector<Offset> bucket_end_;  ///< [buckets]
  std::unique_ptr<Edge[]> edges_;   ///< by bucket, each in the order of the ratings
};

inline HostAdjacency make_adjacency(Index receivers, Index levels, std::span<const Rating> ratings, Side receiving,
                                    int threads = 1) {
  const RatingList list(ratings);
  return AdjacencySort(receivers, levels, list, receiving, threads).sort();
}

/// The other direction: sorted to the items, what the users' rows hold need only be put into rows.
inline HostAdjacency to_items_of(const HostAdjacency& to_users, Index items, Index levels, int threads = 1) {
  const RowsOfUsers rows(to_users, levels);
  return AdjacencySort(items, levels, rows, item_side, threads).sort();
}

}  // namespace gcmc
