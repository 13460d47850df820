// Draws of items in proportion to integer weights, with and without replacement. Every decision is integer arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gcmc/base/random.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// Draws an item in proportion to its weight in constant time (Walker 1977, Vose 1991), in integers: slot k keeps
/// item k for shares below `keep` of `total`, and gives the alias otherwise.
class AliasTable {
 public:
  explicit AliasTable(const std::vector<std::int64_t>& weights) : slots_(weights.size()) {
    for (const std::int64_t weight : weights) total_ += static_cast<std::uint64_t>(weight);
    std::vector<Wide> scaled(weights.size());
    std::vector<std::size_t> small, large;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      scaled[k] = static_cast<Wide>(weights[k]) * weights.size();
      (scaled[k] < total_ ? small : large).push_back(k);
    }
    while (!small.empty() && !large.empty()) {
      const std::size_t poor = small.back(), rich = large.back();
      small.pop_back();
      slots_[poor] = {static_cast<std::uint64_t>(scaled[poor]), static_cast<Index>(rich)};
      scaled[rich] -= total_ - scaled[poor];
      if (scaled[rich] >= total_) continue;
      large.pop_back();
      small.push_back(rich);
    }
    for (const std::size_t k : large) slots_[k].keep = total_;
  }

  /// Without a branch, which no processor could foresee.
  Index draw(Random& random) const {
    const std::size_t number = random.below(slots_.size());
    const Slot slot = slots_[number];
    const std::array<Index, 2> either = {slot.alias, static_cast<Index>(number)};
    return either[random.below(total_) < slot.keep];
  }

 private:
  __extension__ using Wide = unsigned __int128;
  struct Slot {
    std::uint64_t keep = 0;
    Index alias = 0;
  };
  std::vector<Slot> slots_;
  std::uint64_t total_ = 0;
};

/// Draws without replacement in proportion to weight, O(log items) each (Fenwick 1994): for users who rate so many
/// items that drawing again would take too long. Node k holds the sum of its own range of weights.
class RemovingSampler {
 public:
  explicit RemovingSampler(const std::vector<std::int64_t>& weights) : weights_(weights), tree_(weights.size() + 1) {
    for (std::size_t k = 1; k < tree_.size(); ++k) {
      tree_[k] += weights[k - 1];
      total_ += weights[k - 1];
      if (const std::size_t parent = k + (k & (~k + 1)); parent < tree_.size()) tree_[parent] += tree_[k];
    }
  }

  void remove(Index item) {
    const auto i = static_cast<std::size_t>(item);
    for (std::size_t k = i + 1; k < tree_.size(); k += k & (~k + 1)) tree_[k] -= weights_[i];
    total_ -= weights_[i];
  }

  Index draw(Random& random) {
    auto rest = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(total_)));
    std::size_t position = 0, step = 1;
    while (2 * step < tree_.size()) step *= 2;
    for (; step > 0; step /= 2)
      if (position + step < tree_.size() && tree_[position + step] <= rest) {
        position += step;
        rest -= tree_[position];
      }
    remove(static_cast<Index>(position));
    return static_cast<Index>(position);
  }

 private:
  const std::vector<std::int64_t>& weights_;
  std::vector<std::int64_t> tree_;
  std::int64_t total_ = 0;
};

}  // namespace gcmc
