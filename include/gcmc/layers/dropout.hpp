// What dropout masks, and in which step.
#pragma once

#include <cstdint>

#include "gcmc/layers/graph.hpp"

namespace gcmc {

/// Names the arrays that dropout masks, so that each draws its own.
enum class Masked : std::uint32_t {
  user_messages,
  item_messages,
  user_hidden,
  item_hidden,
  user_features,
  item_features,
  edges,
  user_weights,
  item_weights
};

constexpr std::uint32_t masked(Masked array) { return static_cast<std::uint32_t>(array); }
/// Of a side's layer; `layer` tells those that one side has several of apart.
constexpr std::uint32_t masked(Masked first, Side side, Index layer = 0) {
  constexpr std::uint32_t arrays = 16;  // of one layer number, at most
  return static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(side) +
         arrays * static_cast<std::uint32_t>(layer);
}

/// Which training step's dropout to draw; evaluation passes none.
struct DropoutStep {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
};

}  // namespace gcmc
