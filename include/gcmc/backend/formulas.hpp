// The small formulas that all backends and the oracle share, on the host and on a device: activations, label smoothing.
#pragma once

#include <cmath>

#include "gcmc/base/views.hpp"

namespace gcmc {

enum class Activation { leaky_relu, relu, tanh, sigmoid, softsign, linear };

/// The slope of leaky_relu below 0.
template <class T>
inline constexpr T leaky_slope = T{1} / T{10};

/// act(x).
template <class T>
constexpr T activation_value(Activation activation, T x) {
  switch (activation) {
    case Activation::leaky_relu:
      return x < 0 ? x * leaky_slope<T> : x;
    case Activation::relu:
      return x < 0 ? T{0} : x;
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return T{1} / (T{1} + std::exp(-x));
    case Activation::softsign:
      return x / (T{1} + (x < 0 ? -x : x));
    case Activation::linear:
      break;
  }
  return x;
}

/// act'(x) as a function of y = act(x); at a kink that of the left side.
template <class T>
constexpr T activation_slope(Activation activation, T y) {
  switch (activation) {
    case Activation::leaky_relu:
      return y > 0 ? T{1} : leaky_slope<T>;
    case Activation::relu:
      return y > 0 ? T{1} : T{0};
    case Activation::tanh:
      return T{1} - y * y;
    case Activation::sigmoid:
      return y * (T{1} - y);
    case Activation::softsign: {
      const T rest = T{1} - (y < 0 ? -y : y);
      return rest * rest;
    }
    case Activation::linear:
      break;
  }
  return T{1};
}

/// Weight of level r in the loss of a rating of level `label`: 1 - smoothing for its own, the rest shared by the levels
/// next to it, of which an end has one.
template <class T>
constexpr T level_weight(Index r, Index label, Index levels, T smoothing) {
  if (levels == 1) return T{1};
  if (r == label) return T{1} - smoothing;
  if (r + 1 != label && r - 1 != label) return T{0};
  return label == 0 || label + 1 == levels ? smoothing : smoothing / T{2};
}

}  // namespace gcmc
