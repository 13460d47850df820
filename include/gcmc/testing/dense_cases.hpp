// Cases of the dense operations: products, sums, activations, the dense layer's gradient.
#pragma once

#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

/// A result of sub-rows side by side: NaN where it is to be written, 0 in the padding between.
template <class T>
HostMatrix<T> unwritten_side_by_side(Index rows, Index count, Index columns) {
  const Index step = row_stride<T>(columns);
  HostMatrix<T> matrix = unwritten<T>(1, rows, count * step);
  for (Offset i = 0; i < rows; ++i)
    for (Offset c = 0; c < matrix.columns; ++c)
      if (c % step >= columns) matrix.at(0, i, c) = 0;
  if (count == 1) matrix.columns = columns;
  return matrix;
}

/// Leaves about a share of the elements as they are, the others 0.
template <class T>
void thin_out(Draw& draw, HostMatrix<T>& matrix, double share) {
  matrix.for_each([&](T& x) {
    if (!draw.chance(share)) x = T{0};
  });
}

template <class T>
struct MultiplyCase {
  HostMatrix<T> a, b, c, bias;  // bias: no rows where it is not given
  bool transpose = false, sum_blocks = false, accumulate = false;
};

template <class B, class T>
Outcome multiply(B& backend, const MultiplyCase<T>& c) {
  const Held a(backend, c.a), b(backend, c.b), result(backend, c.c), bias(backend, c.bias);
  backend.run(Multiply<T>{.a = a,
                          .b = b,
                          .transpose = c.transpose,
                          .sum_blocks = c.sum_blocks,
                          .c = result,
                          .bias = bias.data(),
                          .accumulate = c.accumulate});
  return outcome_of(result);
}

template <class T>
MultiplyCase<T> random_multiply(Draw& draw, Index rows, Index inner, Index outer) {
  MultiplyCase<T> c;
  c.transpose = draw.chance(0.5);
  c.sum_blocks = draw.chance(0.4);
  c.accumulate = draw.chance(0.4);
  const Index blocks = draw.one_of<Index>({1, 1, 2, 3, 4});
  c.b = c.transpose ? random_matrix<T>(draw, blocks, outer, inner) : random_matrix<T>(draw, blocks, inner, outer);
  c.a = c.sum_blocks && blocks > 1 ? random_side_by_side<T>(draw, rows, blocks, inner)
                                   : random_matrix<T>(draw, 1, rows, inner, random_stride<T>(draw, inner));
  if (draw.chance(0.5)) thin_out(draw, c.a, draw.one_of({0.0, 0.02, 0.3, 0.6}));
  const Index results = c.sum_blocks ? 1 : blocks;
  if (c.accumulate)
    c.c = results == 1 ? random_matrix<T>(draw, 1, rows, outer) : random_side_by_side<T>(draw, rows, results, outer);
  else
    c.c = unwritten_side_by_side<T>(rows, results, outer);
  c.bias = random_matrix<T>(draw, 1, results == 1 && draw.chance(0.5) ? 1 : 0, outer);
  return c;
}

template <class T>
struct TransposedCase {
  HostMatrix<T> a, b, c;
  bool accumulate = false;
};

template <class B, class T>
Outcome multiply_transposed(B& backend, const TransposedCase<T>& c) {
  const Held a(backend, c.a), b(backend, c.b), result(backend, c.c);
  backend.run(MultiplyTransposed<T>{.a = a, .b = b, .c = result, .accumulate = c.accumulate});
  return outcome_of(result);
}

template <class T>
struct DenseBackwardCase {
  HostMatrix<T> dz, weight, hidden, receiver_scale, blocks;  // receiver_scale: no rows where it is not given
  Activation activation = Activation::linear;
  std::vector<std::uint8_t> bits;
  T dropout_scale = 1;
};

template <class B, class T>
Outcome dense_backward(B& backend, const DenseBackwardCase<T>& c) {
  const Held dz(backend, c.dz), weight(backend, c.weight), hidden(backend, c.hidden);
  const Held receiver_scale(backend, c.receiver_scale), blocks(backend, c.blocks);
  const Buffer bits(backend, c.bits);
  backend.run(DenseBackward<T>{.dz = dz,
                               .weight = weight,
                               .hidden = hidden,
                               .activation = c.activation,
                               .bits = bits.data(),
                               .dropout_scale = c.dropout_scale,
                               .receiver_scale = receiver_scale.data(),
                               .blocks = blocks});
  return outcome_of(blocks);
}

template <class T>
DenseBackwardCase<T> random_dense_backward(Draw& draw, Index rows, Index blocks, Index width, Index output) {
  DenseBackwardCase<T> c;
  const Index hidden = blocks * width;
  c.activation = draw.activation();
  c.dz = random_matrix<T>(draw, 1, rows, output);
  c.weight = random_matrix<T>(draw, 1, hidden, output);
  c.receiver_scale = absolute(random_matrix<T>(draw, 1, draw.between(0, 1), rows));
  c.blocks = unwritten<T>(blocks, rows, width);
  if (draw.chance(0.6)) {
    const double keep = draw.one_of({0.0, 0.3, 0.9});
    c.bits = random_bits(draw, rows, hidden, keep);
    c.dropout_scale = static_cast<T>(keep > 0 ? 1 / keep : 0);
  }
  c.hidden = random_matrix<T>(draw, 1, rows, hidden);  // a value of the activation, or 0 where dropped
  for (Offset i = 0; i < rows; ++i)
    for (Offset h = 0; h < hidden; ++h) {
      const bool keep = c.bits.empty() || bit_of(c.bits, i * round_up(hidden, 64) + h);
      const T value = activation_value(c.activation, 3 * c.hidden.at(0, i, h));
      c.hidden.at(0, i, h) = keep ? c.dropout_scale * value : T{0};
    }
  return c;
}

/// Rounding of a sum of inner * blocks products, the bias and the old value.
template <class T>
Outcome multiply_tolerance(MultiplyCase<T> c) {
  for (HostMatrix<T>* matrix : {&c.a, &c.b, &c.c, &c.bias}) *matrix = absolute(*matrix);
  const Index terms = (c.transpose ? c.b.columns : c.b.rows) * (c.sum_blocks ? c.b.blocks : 1) + 4;
  Reference reference;
  return scaled(multiply(reference, c), terms * roundoff<T>);
}

template <class T>
TransposedCase<T> random_transposed(Draw& draw, Index rows, Index left, Index right) {
  TransposedCase<T> c;
  c.accumulate = draw.chance(0.4);
  const Index blocks = draw.one_of<Index>({1, 1, 2, 3, 4});
  c.a = random_matrix<T>(draw, 1, rows, left, random_stride<T>(draw, left));
  if (draw.chance(0.5)) thin_out(draw, c.a, draw.one_of({0.0, 0.02, 0.3, 0.6}));
  c.b = blocks == 1 ? random_matrix<T>(draw, 1, rows, right) : random_side_by_side<T>(draw, rows, blocks, right);
  c.c = c.accumulate ? random_matrix<T>(draw, blocks, left, right) : unwritten<T>(blocks, left, right);
  return c;
}

template <class T>
Outcome transposed_tolerance(TransposedCase<T> c) {
  for (HostMatrix<T>* matrix : {&c.a, &c.b, &c.c}) *matrix = absolute(*matrix);
  Reference reference;
  return scaled(multiply_transposed(reference, c), (c.a.rows + 4) * roundoff<T>);
}

/// |act'| <= 1, so the gradient's rounding is that of the product, plus 16 for the slope. A dropped unit's is 0.
template <class T>
Outcome dense_backward_tolerance(DenseBackwardCase<T> c) {
  c.dz = absolute(c.dz);
  c.weight = absolute(c.weight);
  c.activation = Activation::linear;
  Reference reference;
  return scaled(dense_backward(reference, c), (c.dz.columns + 20) * roundoff<T>);
}

template <class T>
struct DrawUniformCase {
  HostMatrix<T> x;
  double bound = 0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

template <class B, class T>
Outcome draw_uniform(B& backend, const DrawUniformCase<T>& c) {
  const Held x(backend, c.x);
  backend.run(DrawUniform<T>{.x = x, .bound = c.bound, .seed = c.seed, .stream = c.stream});
  return outcome_of(x);
}

template <class T>
DrawUniformCase<T> random_draw_uniform(Draw& draw, Index rows, Index columns) {
  return {unwritten<T>(draw.one_of<Index>({1, 1, 2, 5}), rows, columns, random_stride<T>(draw, columns)),
          draw.one_of({0.0, 1.0, 0.173}), draw.one_of<std::uint64_t>({1, 0xfedcba9876543210u}),
          static_cast<std::uint32_t>(draw.between(0, 9))};
}

template <class T>
struct AddScaledCase {
  HostMatrix<T> a, row_scale, c;  // row_scale: no rows where it is not given
  T alpha = 1, beta = 0;
  bool in_place = false;  // C is A too
};

template <class B, class T>
Outcome add_scaled(B& backend, const AddScaledCase<T>& c) {
  const Held a(backend, c.a), row_scale(backend, c.row_scale), result(backend, c.c);
  backend.run(AddScaled<T>{.a = c.in_place ? MatrixView<const T>(result) : MatrixView<const T>(a),
                           .row_scale = row_scale.data(),
                           .alpha = c.alpha,
                           .beta = c.beta,
                           .c = result});
  return outcome_of(result);
}

template <class T>
AddScaledCase<T> random_add_scaled(Draw& draw, Index rows, Index columns) {
  AddScaledCase<T> c;
  c.a = random_matrix<T>(draw, 1, rows, columns, random_stride<T>(draw, columns));
  c.row_scale = random_matrix<T>(draw, 1, draw.between(0, 1), rows);
  c.alpha = static_cast<T>(draw.one_of({1.0, -2.5}));
  c.beta = static_cast<T>(draw.one_of({0.0, 1.0, 0.3}));
  c.in_place = draw.chance(0.3);
  const Index stride = random_stride<T>(draw, columns);
  c.c = c.beta == 0 && !c.in_place ? unwritten<T>(1, rows, columns, stride)
                                   : random_matrix<T>(draw, 1, rows, columns, stride);
  return c;
}

template <class T>
Outcome add_scaled_tolerance(AddScaledCase<T> c) {
  for (HostMatrix<T>* matrix : {&c.a, &c.row_scale, &c.c}) *matrix = absolute(*matrix);
  c.alpha = std::fabs(c.alpha);
  Reference reference;
  return scaled(add_scaled(reference, c), 4 * roundoff<T>);
}

template <class B, class T>
Outcome column_sums(B& backend, const HostMatrix<T>& x, const HostMatrix<T>& before, bool accumulate) {
  const Held held(backend, x), sums(backend, before);
  backend.run(ColumnSums<T>{.x = held, .sums = sums.data(), .accumulate = accumulate});
  return outcome_of(sums);
}

template <class T>
Outcome column_sums_tolerance(const HostMatrix<T>& x, const HostMatrix<T>& before, bool accumulate) {
  Reference reference;
  return scaled(column_sums(reference, absolute(x), absolute(before), accumulate), (x.rows + 2) * roundoff<T>);
}

template <class T>
struct ActivateCase {
  HostMatrix<T> x;
  Activation activation = Activation::linear;
  std::vector<std::uint8_t> bits;  // empty: all kept
  T dropout_scale = 1;
};

template <class B, class T>
Outcome activate(B& backend, const ActivateCase<T>& c) {
  const Held x(backend, c.x);
  const Buffer bits(backend, c.bits);
  backend.run(Activate<T>{.x = x, .activation = c.activation, .bits = bits.data(), .dropout_scale = c.dropout_scale});
  return outcome_of(x);
}

/// A share of `keep` of the units is kept.
template <class T>
ActivateCase<T> random_activate(Draw& draw, Activation activation, Index rows, Index columns, double keep) {
  ActivateCase<T> c{.x = random_matrix<T>(draw, 1, rows, columns, random_stride<T>(draw, columns)),
                    .activation = activation,
                    .bits = {},
                    .dropout_scale = 1};
  c.x.for_each([&](T& value) { value *= draw.one_of<T>({T{1e-4f}, 1, 10, 200}); });  // flat ends of the curves too
  if (keep == 1) return c;
  c.bits = random_bits(draw, rows, columns, keep);
  c.dropout_scale = static_cast<T>(keep > 0 ? 1 / keep : 0);
  return c;
}

/// Piecewise linear: two products. Curved: 16 roundoffs of the largest value, 1. A dropped unit is 0.
template <class T>
Outcome activate_tolerance(const ActivateCase<T>& c) {
  Reference reference;
  Outcome tolerance = scaled(activate(reference, c), 4 * roundoff<T>);
  for (Offset i = 0; curved(c.activation) && i < c.x.rows; ++i)
    for (Offset column = 0; column < c.x.columns; ++column)
      if (c.bits.empty() || bit_of(c.bits, i * round_up(c.x.columns, 64) + column))
        tolerance[0][i * c.x.stride + column] += 16 * roundoff<T> * static_cast<double>(c.dropout_scale);
  return tolerance;
}

}  // namespace gcmc::testing
