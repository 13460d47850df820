// Dense operations, every backend against the oracle: products, column sums, activations, the dense layer's gradient.
#include "compare.hpp"

namespace gcmc::cases {
namespace {

const std::initializer_list<Activation> activations = {Activation::leaky_relu, Activation::relu,
                                                       Activation::tanh,       Activation::sigmoid,
                                                       Activation::softsign,   Activation::linear};

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
  backend.run(Multiply<T>{a, b, c.transpose, c.sum_blocks, result, bias.data(), c.accumulate});
  Outcome outcome;
  add(outcome, result);
  return outcome;
}

/// Rounding of a sum of inner * blocks products, the bias and the old value.
template <class T>
void check_multiply(const MultiplyCase<T>& c) {
  MultiplyCase<T> magnitude = c;
  magnitude.a = absolute(c.a);
  magnitude.b = absolute(c.b);
  magnitude.c = absolute(c.c);
  magnitude.bias = absolute(c.bias);
  const Index terms = (c.transpose ? c.b.columns : c.b.rows) * (c.sum_blocks ? c.b.blocks : 1) + 4;
  INFO(c.a.rows << " rows, " << c.b.blocks << " blocks of " << c.b.rows << " x " << c.b.columns << ", transpose "
                << c.transpose << ", sum_blocks " << c.sum_blocks << ", bias " << c.bias.rows << ", accumulate "
                << c.accumulate);
  Reference reference;
  check_on_all([&](auto& backend) { return multiply(backend, c); },
               scaled(multiply(reference, magnitude), terms * roundoff<T>));
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

TEMPLATE_TEST_CASE("a product overwrites or adds to its result, whatever the layout of its blocks", "[operations]",
                   float, double) {
  Draw draw(11);
  for (int repeat = 0; repeat < 150; ++repeat) {
    const Index rows = draw.one_of<Index>({0, 1, 2, 3, 5, 6, 7, 13, 33, repeat % 10 == 0 ? 300 : 65});
    check_multiply(random_multiply<TestType>(draw, rows, draw.size(), draw.size()));
  }
  check_multiply(random_multiply<TestType>(draw, 67, 500, 75));
  check_multiply(random_multiply<TestType>(draw, 35, 75, 500));
  check_multiply(random_multiply<TestType>(draw, 31, 257, 257));
}

#ifndef GCMC_TEST_CUDA
TEMPLATE_TEST_CASE("a product has the same bits where zeros are skipped", "[operations]", float, double) {
  Draw draw(14);
  for (const auto& [inner, outer] :
       {std::pair<Index, Index>{500, 1}, {500, 20}, {500, 75}, {500, 300}, {64, 20}, {128, 75}}) {
    MultiplyCase<TestType> sparse;
    sparse.a = random_matrix<TestType>(draw, 1, 70, inner);
    thin_out(draw, sparse.a, 0.3);
    sparse.b = random_matrix<TestType>(draw, 1, inner, outer);
    sparse.c = unwritten_side_by_side<TestType>(70, 1, outer);
    MultiplyCase<TestType> dense = sparse;  // the same rows, and so many without zeros that none are skipped
    dense.a = filled(1, 210, inner, TestType{1});
    for (Offset i = 0; i < 70; ++i)
      for (Offset k = 0; k < inner; ++k) dense.a.at(0, i, k) = sparse.a.at(0, i, k);
    dense.c = unwritten_side_by_side<TestType>(210, 1, outer);
    for (auto& processor : processors()) {
      const Outcome skipped = multiply(processor[0], sparse), whole = multiply(processor[0], dense);
      CHECK(std::equal(skipped[0].begin(), skipped[0].end(), whole[0].begin()));
    }
  }
}
#endif

template <class T>
struct TransposedCase {
  HostMatrix<T> a, b, c;
  bool accumulate = false;
};

template <class B, class T>
Outcome multiply_transposed(B& backend, const TransposedCase<T>& c) {
  const Held a(backend, c.a), b(backend, c.b), result(backend, c.c);
  backend.run(MultiplyTransposed<T>{a, b, result, c.accumulate});
  Outcome outcome;
  add(outcome, result);
  return outcome;
}

template <class T>
void check_transposed(Draw& draw, Index rows, Index left, Index right) {
  TransposedCase<T> c;
  c.accumulate = draw.chance(0.4);
  const Index blocks = draw.one_of<Index>({1, 1, 2, 3, 4});
  c.a = random_matrix<T>(draw, 1, rows, left, random_stride<T>(draw, left));
  if (draw.chance(0.5)) thin_out(draw, c.a, draw.one_of({0.0, 0.02, 0.3, 0.6}));
  c.b = blocks == 1 ? random_matrix<T>(draw, 1, rows, right) : random_side_by_side<T>(draw, rows, blocks, right);
  c.c = c.accumulate ? random_matrix<T>(draw, blocks, left, right) : unwritten<T>(blocks, left, right);
  TransposedCase<T> magnitude{absolute(c.a), absolute(c.b), absolute(c.c), c.accumulate};
  INFO(rows << " rows, " << blocks << " blocks of " << left << " x " << right << ", accumulate " << c.accumulate);
  Reference reference;
  check_on_all([&](auto& backend) { return multiply_transposed(backend, c); },
               scaled(multiply_transposed(reference, magnitude), (rows + 4) * roundoff<T>));
}

TEMPLATE_TEST_CASE("a transposed product sums over the rows, block by block", "[operations]", float, double) {
  Draw draw(12);
  for (int repeat = 0; repeat < 100; ++repeat)
    check_transposed<TestType>(draw, draw.one_of<Index>({0, 1, 2, 7, 33, repeat % 10 == 0 ? 1030 : 257}), draw.size(),
                               draw.size());
  check_transposed<TestType>(draw, 130, 500, 75);
  check_transposed<TestType>(draw, 130, 75, 500);
}

#ifndef GCMC_TEST_CUDA
TEMPLATE_TEST_CASE("a transposed product has the same bits where zeros are skipped", "[operations]", float, double) {
  Draw draw(15);
  for (const auto& [rows, right] :
       {std::pair<Index, Index>{1300, 1}, {1300, 20}, {1300, 75}, {1300, 300}, {1024, 75}}) {
    TransposedCase<TestType> sparse;
    sparse.a = random_matrix<TestType>(draw, 1, rows, 110);
    thin_out(draw, sparse.a, 0.3);
    sparse.b = random_matrix<TestType>(draw, 1, rows, right);
    sparse.c = unwritten<TestType>(1, 110, right);
    TransposedCase<TestType> dense = sparse;  // the same columns, and so many without zeros that none are skipped
    dense.a = filled(1, rows, 330, TestType{1});
    for (Offset i = 0; i < rows; ++i)
      for (Offset k = 0; k < 110; ++k) dense.a.at(0, i, k) = sparse.a.at(0, i, k);
    dense.c = unwritten<TestType>(1, 330, right);
    for (auto& processor : processors()) {
      const Outcome skipped = multiply_transposed(processor[0], sparse),
                    whole = multiply_transposed(processor[0], dense);
      CHECK(std::equal(skipped[0].begin(), skipped[0].end(), whole[0].begin()));
    }
  }
}
#endif

TEMPLATE_TEST_CASE("columns are summed", "[operations]", float, double) {
  using T = TestType;
  Draw draw(13);
  for (const Index rows : {0, 1, 2, 33, 257, 5000})
    for (const Index columns : {1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112, 257, 500})
      for (const bool accumulate : {false, true}) {
        const HostMatrix<T> x = random_matrix<T>(draw, 1, rows, columns, random_stride<T>(draw, columns));
        const HostMatrix<T> before = accumulate ? random_matrix<T>(draw, 1, 1, columns) : unwritten<T>(1, 1, columns);
        const auto sum = [&](auto& backend, const HostMatrix<T>& terms, const HostMatrix<T>& old) {
          const Held held(backend, terms), sums(backend, old);
          backend.run(ColumnSums<T>{held, sums.data(), accumulate});
          Outcome outcome;
          add(outcome, sums);
          return outcome;
        };
        INFO(rows << " x " << columns << ", accumulate " << accumulate);
        Reference reference;
        check_on_all([&](auto& backend) { return sum(backend, x, before); },
                     scaled(sum(reference, absolute(x), absolute(before)), (rows + 2) * roundoff<T>));
      }
}

TEMPLATE_TEST_CASE("an activation works in place and drops units", "[operations]", float, double) {
  using T = TestType;
  Draw draw(14);
  for (const Activation activation : activations)
    for (const Index columns : {1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112, 257, 500})
      for (const double keep : {0.0, 0.4, 1.0}) {
        const Index rows = draw.one_of<Index>({0, 1, 5, 70});
        HostMatrix<T> x = random_matrix<T>(draw, 1, rows, columns, random_stride<T>(draw, columns));
        x.for_each([&](T& value) { value *= draw.one_of<T>({T{1e-4f}, 1, 10, 200}); });  // flat ends of the curves too
        const std::vector<std::uint8_t> bits = random_bits(draw, rows, columns, keep);
        const bool masked = keep < 1;
        const T scale = static_cast<T>(masked && keep > 0 ? 1 / keep : masked ? 0 : 1);
        const auto run = [&](auto& backend) {
          const Held held(backend, x);
          const Buffer mask(backend, bits);
          backend.run(Activate<T>{held, activation, masked ? mask.data() : nullptr, scale});
          Outcome outcome;
          add(outcome, held);
          return outcome;
        };
        // Piecewise linear: two products. Curved: 16 roundoffs of the largest value, 1. A dropped unit is 0.
        Reference reference;
        Outcome tolerance = scaled(run(reference), 4 * roundoff<T>);
        const bool curved =
            activation == Activation::tanh || activation == Activation::sigmoid || activation == Activation::softsign;
        for (Offset i = 0; curved && i < rows; ++i)
          for (Offset c = 0; c < columns; ++c)
            if (!masked || bit_of(bits, i * round_up(columns, 64) + c))
              tolerance[0][i * x.stride + c] += 16 * roundoff<T> * static_cast<double>(scale);
        INFO("activation " << static_cast<int>(activation) << ", " << rows << " x " << columns << ", keep " << keep);
        check_on_all(run, tolerance);
      }
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
  backend.run(
      DenseBackward<T>{dz, weight, hidden, c.activation, bits.data(), c.dropout_scale, receiver_scale.data(), blocks});
  Outcome outcome;
  add(outcome, blocks);
  return outcome;
}

/// |act'| <= 1, so the gradient's rounding is that of the product, plus 16 for the slope. A dropped unit's is 0.
template <class T>
void check_dense_backward(const DenseBackwardCase<T>& c) {
  DenseBackwardCase<T> magnitude = c;
  magnitude.dz = absolute(c.dz);
  magnitude.weight = absolute(c.weight);
  magnitude.activation = Activation::linear;
  INFO(c.dz.rows << " x " << c.dz.columns << ", " << c.blocks.blocks << " blocks of width " << c.blocks.columns
                 << ", activation " << static_cast<int>(c.activation) << ", bits " << c.bits.size() << ", scale "
                 << c.receiver_scale.rows);
  Reference reference;
  check_on_all([&](auto& backend) { return dense_backward(backend, c); },
               scaled(dense_backward(reference, magnitude), (c.dz.columns + 20) * roundoff<T>));
}

template <class T>
DenseBackwardCase<T> random_dense_backward(Draw& draw, Index rows, Index blocks, Index width, Index output) {
  DenseBackwardCase<T> c;
  const Index hidden = blocks * width;
  c.activation = draw.one_of(activations);
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

TEMPLATE_TEST_CASE("a dense layer's gradient passes through dropout and activation into the blocks", "[operations]",
                   float, double) {
  Draw draw(15);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const Index blocks = draw.one_of<Index>({1, 1, 2, 5, 6, 11});
    const Index rows = draw.one_of<Index>({0, 1, 6, 7, 33, repeat % 10 == 0 ? 300 : 65});
    check_dense_backward(random_dense_backward<TestType>(draw, rows, blocks, draw.size(), draw.size()));
  }
  check_dense_backward(random_dense_backward<TestType>(draw, 65, 5, 100, 75));
  check_dense_backward(random_dense_backward<TestType>(draw, 33, 1, 500, 75));
}

#ifndef GCMC_TEST_CUDA
// The blocks lie where tables were, which may be of bfloat16: their padding holds anything.
TEMPLATE_TEST_CASE("a dense layer's gradient writes the blocks' padding", "[operations]", float, double) {
  Draw draw(16);
  for (const Index width : {1, 3, 17, 50, 100}) {
    const auto clean = random_dense_backward<TestType>(draw, 13, 5, width, 20);
    auto used = clean;
    std::fill(used.blocks.values.begin(), used.blocks.values.end(), std::numeric_limits<TestType>::quiet_NaN());
    for (auto& processor : processors()) {
      INFO("width " << width << ", " << processor[0].name());
      require_same_bits(dense_backward(processor[0], clean), dense_backward(processor[0], used));
    }
  }
}
#endif

}  // namespace
}  // namespace gcmc::cases
