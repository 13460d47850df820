// Ratings in a backend's memory: the graph that carries messages, and lists of pairs to be predicted.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gcmc/backend/memory.hpp"
#include "gcmc/layers/host_adjacency.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// What carries messages in one pass: c_ij = receiver_scale[to][i] * source_scale[to][j].
template <class T>
struct Messages {
  std::array<Adjacency, 2> to;               ///< by receiving side
  std::array<const T*, 2> receiver_scale{};  ///< [receivers]
  std::array<const T*, 2> source_scale{};    ///< [sources]; nullptr: 1 (left normalisation)
};

/// Pairs to be predicted: an adjacency to users, whose rows are cut into chunks of about equal work, and, for who wants
/// gradients, the same to items.
struct Pairs {
  Adjacency adjacency, by_item;
  const Index* chunk_begin = nullptr;
  Index chunks = 0;
  const Offset* count = nullptr;
};

/// Throws InputError, beginning with `where`, unless there are no fewer than no nodes, and a level.
inline void require_counts(Index users, Index items, Index levels, const char* where) {
  require(users >= 0 && items >= 0 && levels >= 1, [&] {
    return std::string(where) + ": " + std::to_string(users) + " users, " + std::to_string(items) + " items, " +
           std::to_string(levels) + " levels";
  });
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

/// One direction in a backend's memory.
template <BackendMemory B>
class HeldAdjacency {
 public:
  HeldAdjacency(B& backend, Index receivers, Index sources, Index levels, const HostAdjacency& host)
      : receivers_(receivers),
        sources_(sources),
        levels_(levels),
        largest_row_(host.largest_row),
        offsets_(backend, host.offsets),
        source_(backend, host.source) {}

  Adjacency view() const {
    return {.receivers = receivers_,
            .sources = sources_,
            .levels = levels_,
            .largest_row = largest_row_,
            .begin = offsets_.data(),
            .end = offsets_.data() + 1,
            .source = source_.data(),
            .entries = source_.size()};
  }

 private:
  Index receivers_, sources_, levels_, largest_row_;
  Buffer<B, Offset> offsets_;
  Buffer<B, Index> source_;
};

/// Users' chunks and the number of the pairs: what makes an adjacency to users a list of pairs.
template <BackendMemory B>
class PairChunks {
 public:
  PairChunks(B& backend, const HostAdjacency& to_users, Index users, Index items, Index levels)
      : begin_(backend, cut_into_chunks(to_users, users, items, levels)),
        count_(backend, std::vector<Offset>{static_cast<Offset>(to_users.source.size())}) {}

  Pairs pairs(const Adjacency& to_users, const Adjacency& to_items = {}) const {
    return {.adjacency = to_users,
            .by_item = to_items,
            .chunk_begin = begin_.data(),
            .chunks = static_cast<Index>(begin_.size()) - 1,
            .count = count_.data()};
  }

 private:
  Buffer<B, Index> begin_;
  Buffer<B, Offset> count_;
};

/// Pairs that are predicted and carry no messages: validation and test. Entry e of the predictions is the e-th pair by
/// (user, level, item). Immutable. Throws InputError for a number out of range. Cost: 4 bytes a pair, 8 a (user,
/// level).
template <BackendMemory B>
class PairList {
 public:
  PairList(B& backend, Index users, Index items, Index levels, std::span<const Rating> ratings)
      : PairList(checked(users, items, levels, ratings, host_threads(backend)), backend, users, items, levels) {}

  Offset size() const { return to_users_.view().entries; }
  Pairs pairs() const { return chunks_.pairs(to_users_.view()); }

 private:
  static HostAdjacency checked(Index users, Index items, Index levels, std::span<const Rating> ratings, int threads) {
    require_counts(users, items, levels, "pairs");
    require_in_range(ratings, users, items, levels, "pairs");
    return make_adjacency(users, levels, ratings, user_side, threads);
  }
  PairList(const HostAdjacency& host, B& backend, Index users, Index items, Index levels)
      : to_users_(backend, users, items, levels, host), chunks_(backend, host, users, items, levels) {}

  HeldAdjacency<B> to_users_;
  PairChunks<B> chunks_;
};

/// The graph of a list of ratings, which carries messages and may be predicted. Immutable. Throws InputError for a
/// number out of range. Cost: 8 bytes a rating, 8 a (node, level).
template <class B, class T>
requires Backend<B, T>
class Graph {
 public:
  Graph(B& backend, Index users, Index items, Index levels, std::span<const Rating> ratings,
        Normalization normalization = Normalization::symmetric)
      : backend_(&backend), nodes_{users, items}, levels_(levels), normalization_(normalization) {
    require_counts(users, items, levels, "graph");
    require_in_range(ratings, users, items, levels, "graph");
    const int threads = host_threads(backend);
    const HostAdjacency to_users = make_adjacency(users, levels, ratings, user_side, threads);
    hold(user_side, to_users);
    chunks_.emplace(backend, to_users, users, items, levels);
    hold(item_side, to_items_of(to_users, items, levels, threads));
  }

  B& backend() const { return *backend_; }
  Offset edges() const { return adjacency(user_side).entries; }
  Index nodes(Side side) const { return nodes_[side]; }
  Index levels() const { return levels_; }
  Normalization normalization() const { return normalization_; }

  /// Messages to `receiving` along every edge.
  Adjacency adjacency(Side receiving) const { return to_[receiving]->view(); }
  Messages<T> messages() const {
    return messages_with({adjacency(user_side), adjacency(item_side)}, {scale_[0].data(), scale_[1].data()});
  }
  Messages<T> messages_with(std::array<Adjacency, 2> to, std::array<const T*, 2> scale) const {
    const bool symmetric = normalization_ == Normalization::symmetric;
    return {.to = to,
            .receiver_scale = scale,
            .source_scale = {symmetric ? scale[item_side] : nullptr, symmetric ? scale[user_side] : nullptr}};
  }
  Pairs pairs() const { return chunks_->pairs(adjacency(user_side), adjacency(item_side)); }

 private:
  void hold(Side side, const HostAdjacency& host) {
    to_[side].emplace(*backend_, nodes_[side], nodes_[other(side)], levels_, host);
    degree_[side] = Buffer<B, Offset>(*backend_, host.degree);
    scale_[side] = Buffer<B, T>(*backend_, nodes_[side]);
    backend_->run(DegreeScale<T>{.degree = degree_[side].data(),
                                 .count = nodes_[side],
                                 .normalization = normalization_,
                                 .scale = scale_[side].data()});
  }

  B* backend_;
  std::array<Index, 2> nodes_;
  Index levels_;
  Normalization normalization_;
  std::array<std::optional<HeldAdjacency<B>>, 2> to_;
  std::array<Buffer<B, Offset>, 2> degree_;
  std::array<Buffer<B, T>, 2> scale_;
  std::optional<PairChunks<B>> chunks_;
};

}  // namespace gcmc
