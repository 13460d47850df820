// Ratings sorted by who receives them, on the host.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <span>
#include <vector>

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

/// Sorts ratings into a HostAdjacency: first, stably, into buckets of neighbouring receivers, a piece of the ratings
/// for each thread; then each bucket, which fits into a cache, into its rows. The order is unique, so that it is the
/// same on any number of threads. Cost: O(ratings log(row) + rows), 16 bytes a rating and 8 a row.
class AdjacencySort {
 public:
  AdjacencySort(Index receivers, Index levels, std::span<const Rating> ratings, Side receiving, int threads)
      : receivers_(receivers),
        levels_(levels),
        ratings_(ratings),
        receiving_(receiving),
        threads_(threads),
        width_bits_(std::max(0, static_cast<int>(std::bit_width(static_cast<unsigned>(receivers))) - bucket_bits)),
        buckets_((Offset{receivers} >> width_bits_) + 1),
        pieces_(std::clamp<Offset>(static_cast<Offset>(ratings.size()) / smallest_piece, 1, threads)),
        next_(static_cast<std::size_t>(pieces_ * buckets_)),
        bucket_end_(static_cast<std::size_t>(buckets_)),
        edges_(std::make_unique_for_overwrite<Rating[]>(ratings.size())) {}

  HostAdjacency sort() {
    HostAdjacency graph;
    graph.offsets.resize(static_cast<std::size_t>(Offset{receivers_} * levels_ + 1));
    graph.source.resize(ratings_.size());
    graph.degree.resize(static_cast<std::size_t>(receivers_));
    run_parallel(threads_, pieces_,
                 [&](Offset piece) { for_each_in(piece, [&](const Rating& rating) { ++next(piece, rating); }); });
    find_places();
    run_parallel(threads_, pieces_, [&](Offset piece) {
      for_each_in(piece, [&](const Rating& rating) { edges_[next(piece, rating)++] = rating; });
    });
    run_parallel(pieces_ > 1 ? threads_ : 1, buckets_, [&](Offset bucket) { sort_bucket(bucket, graph); });
    graph.offsets.back() = static_cast<Offset>(ratings_.size());
    for (Offset receiver = 0; receiver < receivers_; ++receiver) {
      graph.degree[receiver] = graph.offsets[(receiver + 1) * levels_] - graph.offsets[receiver * levels_];
      graph.largest_row = std::max(graph.largest_row, static_cast<Index>(graph.degree[receiver]));
    }
    return graph;
  }

 private:
  static constexpr int bucket_bits = 9;
  static constexpr Offset smallest_piece = 50000;  ///< ratings that are worth a thread

  Index receiver_of(const Rating& rating) const { return receiving_ == user_side ? rating.user : rating.item; }
  Index source_of(const Rating& rating) const { return receiving_ == user_side ? rating.item : rating.user; }
  Offset row_of(const Rating& rating) const { return Offset{receiver_of(rating)} * levels_ + rating.level; }

  /// How many ratings of the piece its bucket has; then where the next of them goes.
  Offset& next(Offset piece, const Rating& rating) {
    return next_[piece * buckets_ + (receiver_of(rating) >> width_bits_)];
  }

  template <class Use>
  void for_each_in(Offset piece, const Use& use) const {
    const auto size = static_cast<Offset>(ratings_.size());
    for (Offset k = size * piece / pieces_; k < size * (piece + 1) / pieces_; ++k) use(ratings_[k]);
  }

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

  /// Counts its rows, fills each from its end, and sorts it unless the ratings came by source.
  void sort_bucket(Offset bucket, HostAdjacency& graph) const {
    const Offset begin = bucket > 0 ? bucket_end_[bucket - 1] : 0, end = bucket_end_[bucket];
    const Offset first_row = (bucket << width_bits_) * levels_;
    const Offset last_row = std::min((bucket + 1) << width_bits_, Offset{receivers_}) * levels_;
    const std::span<const Rating> edges(edges_.get() + begin, static_cast<std::size_t>(end - begin));
    for (const Rating& edge : edges) ++graph.offsets[row_of(edge)];
    Offset row_end = begin;
    for (Offset row = first_row; row < last_row; ++row) graph.offsets[row] = row_end += graph.offsets[row];
    for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge)
      graph.source[--graph.offsets[row_of(*edge)]] = source_of(*edge);
    for (Offset row = first_row; row < last_row; ++row) {
      const auto row_source = graph.source.begin() + graph.offsets[row];
      const auto next_source = graph.source.begin() + (row + 1 < last_row ? graph.offsets[row + 1] : end);
      if (!std::is_sorted(row_source, next_source)) std::sort(row_source, next_source);
    }
  }

  Index receivers_, levels_;
  std::span<const Rating> ratings_;
  Side receiving_;
  int threads_, width_bits_;
  Offset buckets_, pieces_;
  std::vector<Offset> next_;         ///< [pieces][buckets]
  std::vector<Offset> bucket_end_;   ///< [buckets]
  std::unique_ptr<Rating[]> edges_;  ///< by bucket, each in the order of the ratings
};

inline HostAdjacency make_adjacency(Index receivers, Index levels, std::span<const Rating> ratings, Side receiving,
                                    int threads = 1) {
  return AdjacencySort(receivers, levels, ratings, receiving, threads).sort();
}

/// What the rows of the users hold, one after the other: sorted to the items, they need only be put into their rows.
inline std::vector<Rating> ratings_by_user(const HostAdjacency& to_users, Index levels) {
  std::vector<Rating> ratings;
  ratings.reserve(to_users.source.size());
  const auto users = static_cast<Index>(to_users.degree.size());
  for (Index user = 0; user < users; ++user)
    for (Index level = 0; level < levels; ++level) {
      const Offset row = Offset{user} * levels + level;
      for (Offset edge = to_users.offsets[row]; edge < to_users.offsets[row + 1]; ++edge)
        ratings.push_back({user, to_users.source[edge], static_cast<Level>(level)});
    }
  return ratings;
}

}  // namespace gcmc
