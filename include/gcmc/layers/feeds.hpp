// Feeds: what a training step passes messages along, and which pairs it predicts. The whole graph, or a split of its
// edges that is drawn anew each step. The step asks any feed for
//   draw(DropoutStep), then messages() and pairs().
#pragma once

#include <array>

#include "gcmc/layers/dropout.hpp"
#include "gcmc/layers/graph.hpp"

namespace gcmc {

/// DGL's form: every edge carries messages and is predicted. The graph must outlive it.
template <class B, class T>
requires Backend<B, T>
class WholeGraph {
 public:
  explicit WholeGraph(const Graph<B, T>& graph) : graph_(&graph) {}
  void draw(const DropoutStep&) {}
  Messages<T> messages() const { return graph_->messages(); }
  Pairs pairs() const { return graph_->pairs(); }

 private:
  const Graph<B, T>* graph_;
};

/// Target-edge removal: each step a fresh share of the edges is predicted while the others carry the messages and set
/// the degrees. Both directions see the same edges, since the mask is a function of (user, item).
template <class B, class T>
requires Backend<B, T>
class TargetRemoval {
 public:
  /// `share` of the edges is predicted. The graph must outlive it.
  TargetRemoval(const Graph<B, T>& graph, double share)
      : graph_(&graph), keep_(1.0 - share), predicted_(graph.backend(), 1) {
    for (const Side side : {user_side, item_side}) {
      source_[side] = Buffer<B, Index>(graph.backend(), graph.edges());
      middle_[side] = Buffer<B, Offset>(graph.backend(), Offset{graph.nodes(side)} * graph.levels());
      carried_[side] = Buffer<B, Offset>(graph.backend(), graph.nodes(side));
      scale_[side] = Buffer<B, T>(graph.backend(), graph.nodes(side));
    }
  }

  void draw(const DropoutStep& step) { draw(make_mask(step.seed, step.step, masked(Masked::edges), keep_)); }
  /// `mask` keeps an edge as a target.
  void draw(const Mask& mask) {
    B& backend = graph_->backend();
    for (const Side side : {user_side, item_side}) {
      backend.run(SplitEdges{.adjacency = graph_->adjacency(side),
                             .sources_are_items = side == user_side,
                             .mask = mask,
                             .source = source_[side].data(),
                             .middle = middle_[side].data(),
                             .carried = carried_[side].data(),
                             .predicted = side == user_side ? predicted_.data() : nullptr});
      backend.run(DegreeScale<T>{.degree = carried_[side].data(),
                                 .count = graph_->nodes(side),
                                 .normalization = graph_->normalization(),
                                 .scale = scale_[side].data()});
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
  double keep_;  ///< share of the edges that carry messages
  std::array<Buffer<B, Index>, 2> source_;
  std::array<Buffer<B, Offset>, 2> middle_, carried_;
  std::array<Buffer<B, T>, 2> scale_;
  Buffer<B, Offset> predicted_;
};

}  // namespace gcmc
