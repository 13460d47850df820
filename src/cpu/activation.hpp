// Activations by value and by derivative, on vectors, with dropout: the epilogues of the graph convolution and the
// elementwise passes of the feature layer.
#pragma once

#include <array>

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

template <class T, class Function>
GCMC_INLINE Vector<T> each_lane(Vector<T> x, const Function& function) {
  for (int i = 0; i < lanes<T>; ++i) x[i] = function(x[i]);
  return x;
}

template <Activation activation, class T>
GCMC_INLINE Vector<T> activate_vector(Vector<T> x) {
  const Vector<T> zero{};
  if constexpr (activation == Activation::leaky_relu) return select<T>(x < zero, x * leaky_slope<T>, x);
  if constexpr (activation == Activation::relu) return select<T>(x < zero, zero, x);
  if constexpr (activation == Activation::tanh || activation == Activation::sigmoid)
    return each_lane<T>(x, [](T value) { return activation_value(activation, value); });
  if constexpr (activation == Activation::softsign) return x / (T{1} + select<T>(x < zero, -x, x));
  return x;
}

/// act'(x) as a function of y = act(x).
template <Activation activation, class T>
GCMC_INLINE Vector<T> derivative_vector(Vector<T> y) {
  const Vector<T> zero{}, one = broadcast(T{1});
  if constexpr (activation == Activation::leaky_relu) return select<T>(y > zero, one, broadcast(leaky_slope<T>));
  if constexpr (activation == Activation::relu) return select<T>(y > zero, one, zero);
  if constexpr (activation == Activation::tanh) return one - y * y;
  if constexpr (activation == Activation::sigmoid) return y * (one - y);
  if constexpr (activation == Activation::softsign) {
    const Vector<T> rest = one - select<T>(y < zero, -y, y);
    return rest * rest;
  }
  return one;
}

/// Calls function(constant) with the activation as a compile-time constant.
template <class Function>
inline void with_activation(Activation activation, const Function& function) {
  using A = Activation;
  switch (activation) {
    case A::leaky_relu:
      return function(std::integral_constant<A, A::leaky_relu>{});
    case A::relu:
      return function(std::integral_constant<A, A::relu>{});
    case A::tanh:
      return function(std::integral_constant<A, A::tanh>{});
    case A::sigmoid:
      return function(std::integral_constant<A, A::sigmoid>{});
    case A::softsign:
      return function(std::integral_constant<A, A::softsign>{});
    case A::linear:
      return function(std::integral_constant<A, A::linear>{});
  }
}

/// to[c] = dropout(act(scale * from[c])) for c < width; unit c is kept by bit `at` + c. `from` may be `to`, and is
/// readable to a whole vector.
template <Activation activation, class T>
GCMC_INLINE void finish_row(T scale, const T* from, Index width, const std::uint8_t* bits, Offset at, T dropout_scale,
                            T* to) {
  for (Index c = 0; c < width; c += lanes<T>) {
    Vector<T> y = activate_vector<activation, T>(load(from + c) * scale);
    if (bits) y = select<T>(mask_from_bits<T>(bits, at + c), y * dropout_scale, Vector<T>{});
    if (c + lanes<T> <= width)
      store(to + c, y);
    else
      store_some(to + c, y, width - c);
  }
}

template <class T>
void activate(const Activate<T>& op, CpuContext& context) {
  const Offset bits_stride = round_up(op.x.columns, 64);
  with_activation(op.activation, [&](auto activation) {
    for_each_piece(context, op.x.rows, 256, [&](Offset first, Offset last) {
      for (Offset i = first; i < last; ++i)
        finish_row<decltype(activation)::value, T>(T{1}, op.x.row(i), op.x.columns, op.bits, i * bits_stride,
                                                   op.dropout_scale, op.x.row(i));
    });
  });
}

}  // namespace
}  // namespace gcmc
