// The oracle itself: small cases worked out by hand, and the backward operations against central differences of the
// forward ones, in double.
#include <algorithm>

#include "catch.hpp"
#include "gcmc/testing/cases.hpp"
#include "gcmc/testing/reference.hpp"

namespace gcmc::testing {
namespace {

using Matrix = HostMatrix<double>;

MatrixView<double> view(Matrix& m) { return {m.values.data(), m.rows, m.columns, m.stride}; }
MatrixView<const double> view(const Matrix& m) { return {m.values.data(), m.rows, m.columns, m.stride}; }
BlockMatrix<double> blocks(Matrix& m) { return {m.values.data(), m.blocks, m.rows, m.columns, m.stride}; }
BlockMatrix<const double> blocks(const Matrix& m) { return {m.values.data(), m.blocks, m.rows, m.columns, m.stride}; }
Adjacency adjacency(const HostGraph& g) {
  return {.receivers = g.receivers,
          .sources = g.sources,
          .levels = g.levels,
          .largest_row = g.largest_row,
          .begin = g.begin.data(),
          .end = g.end.data(),
          .source = g.source.data()};
}

/// loss: a function of `x`, read in place. Central differences with step h err by h^2 f'''/6 and by roundoff |f| / h;
/// h = 1e-5 makes both about 1e-11. The bound is 1e-6 of the gradient's largest entry.
template <class Loss>
void check_gradient(Matrix& x, const Matrix& gradient, const Loss& loss) {
  constexpr double h = 1e-5;
  double largest = 0;
  for (const double g : gradient.values) largest = std::max(largest, std::fabs(g));
  for (Offset row = 0; row < Offset{x.blocks} * x.rows; ++row)
    for (Offset c = 0; c < x.columns; ++c) {
      double& value = x.values[row * x.stride + c];
      const double before = value;
      value = before + h;
      const double above = loss();
      value = before - h;
      const double below = loss();
      value = before;
      const double difference = (above - below) / (2 * h), given = gradient.values[row * gradient.stride + c];
      if (std::fabs(difference - given) <= 1e-6 * largest + 1e-10) continue;
      INFO("row " << row << ", column " << c << ": gradient " << given << ", difference quotient " << difference);
      FAIL();
    }
}

/// sum of weights * y: a loss whose gradient with respect to y is `weights`.
double weighted_sum(const Matrix& weights, const Matrix& y) {
  double sum = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) sum += weights.values[i] * y.values[i];
  return sum;
}

/// z = dropout(act(receiver_scale * sums)) weight, with sums in blocks side by side.
struct DenseLayer {
  Activation activation;
  Matrix sums, weight, receiver_scale;
  std::vector<std::uint8_t> bits;
  double dropout_scale = 2.5;

  Matrix hidden() const {
    Matrix h = sums;
    for (Offset i = 0; i < h.rows; ++i)
      for (Offset c = 0; c < h.columns; ++c) h.at(0, i, c) *= receiver_scale.at(0, 0, i);
    Reference().run(
        Activate<double>{.x = view(h), .activation = activation, .bits = bits.data(), .dropout_scale = dropout_scale});
    return h;
  }
  Matrix output() const {
    const Matrix h = hidden();
    Matrix z = filled<double>(1, sums.rows, weight.columns, 0);
    Reference().run(Multiply<double>{.a = view(h), .b = blocks(weight), .c = view(z)});
    return z;
  }
};

TEST_CASE("DenseBackward is the derivative of dense, dropout and activation", "[reference]") {
  Draw draw(41);
  constexpr Index rows = 7, width = 5, count = 3, output = 4;
  for (const Activation activation : activations) {
    DenseLayer layer{activation, random_matrix<double>(draw, 1, rows, count * width),
                     random_matrix<double>(draw, 1, count * width, output), random_matrix<double>(draw, 1, 1, rows),
                     random_bits(draw, rows, count * width, 0.6)};
    layer.sums.for_each([&](double& x) { x = draw.value(); });  // no 0: the kinked activations have no derivative there
    layer.receiver_scale.for_each([&](double& x) { x = 0.5 + std::fabs(x); });
    const Matrix dz = random_matrix<double>(draw, 1, rows, output), hidden = layer.hidden();
    Matrix gradient = unwritten<double>(count, rows, width);
    Reference().run(DenseBackward<double>{.dz = view(dz),
                                          .weight = view(layer.weight),
                                          .hidden = view(hidden),
                                          .activation = activation,
                                          .bits = layer.bits.data(),
                                          .dropout_scale = layer.dropout_scale,
                                          .receiver_scale = layer.receiver_scale.values.data(),
                                          .blocks = blocks(gradient)});
    Matrix joined = filled<double>(1, rows, count * width, 0);
    for (Offset i = 0; i < rows; ++i)
      for (Offset c = 0; c < joined.columns; ++c) joined.at(0, i, c) = gradient.at(c / width, i, c % width);
    INFO("activation " << static_cast<int>(activation));
    check_gradient(layer.sums, joined, [&] { return weighted_sum(dz, layer.output()); });
  }
}

/// hidden = Aggregate(BuildTable(weights)).
struct Convolution {
  HostGraph receivers, sources;  // both directions
  Index tables;
  bool stack, ordinal;
  Selection selection;
  Matrix weights, source_scale, receiver_scale;
  double scale = 1.6;

  Matrix hidden() const {
    const Index width = weights.columns;
    Matrix table = unwritten<double>(1, tables * receivers.sources, width);
    Matrix h = unwritten<double>(1, receivers.receivers, (stack ? tables : 1) * width);
    Reference().run(BuildTable<double>{.weights = blocks(weights),
                                       .ordinal = ordinal,
                                       .levels = receivers.levels,
                                       .kept = selection.view(),
                                       .source_scale = source_scale.values.data(),
                                       .scale = scale,
                                       .table = view(table)});
    Reference().run(Aggregate<double>{.adjacency = adjacency(receivers),
                                      .tables = tables,
                                      .width = width,
                                      .stack = stack,
                                      .kept = selection.view(),
                                      .table = view(table),
                                      .receiver_scale = receiver_scale.values.data(),
                                      .activation = Activation::linear,
                                      .hidden = view(h)});
    return h;
  }
  /// The gradient of weighted_sum(dh, hidden).
  Matrix gradient(const Matrix& dh) const {
    const Index width = weights.columns;
    Matrix dsums = filled<double>(stack ? tables : 1, dh.rows, width, 0);
    for (Offset i = 0; i < dh.rows; ++i)
      for (Offset c = 0; c < dh.columns; ++c)
        dsums.at(c / width, i, c % width) = dh.at(0, i, c) * receiver_scale.at(0, 0, i);
    Matrix result = filled<double>(tables, receivers.sources, width, 0);
    Reference().run(AggregateBackward<double>{.adjacency = adjacency(sources),
                                              .tables = tables,
                                              .stack = stack,
                                              .ordinal = ordinal,
                                              .kept = selection.view(),
                                              .blocks = blocks(dsums),
                                              .source_scale = source_scale.values.data(),
                                              .scale = scale,
                                              .gradient = blocks(result)});
    return result;
  }
};

TEST_CASE("AggregateBackward is the derivative of BuildTable and Aggregate", "[reference]") {
  Draw draw(42);
  for (const Index levels : {1, 2, 5})
    for (int variant = 0; variant < 16; ++variant) {
      const Index users = 9, items = 7, tables = levels + (variant & 1), width = 3;
      const GraphPair graphs = random_graphs(draw, users, items, levels, 40);
      Convolution c{graphs.users,
                    graphs.items,
                    tables,
                    (variant & 2) != 0,
                    (variant & 4) != 0,
                    random_selection(draw, tables, items, variant & 8 ? 0.6 : 1.0),
                    random_matrix<double>(draw, tables, items, width),
                    absolute(random_matrix<double>(draw, 1, 1, items)),
                    absolute(random_matrix<double>(draw, 1, 1, users))};
      const Matrix dh = random_matrix<double>(draw, 1, users, (c.stack ? tables : 1) * width);
      const Matrix gradient = c.gradient(dh);
      INFO(levels << " levels, " << tables << " tables, stack " << c.stack << ", ordinal " << c.ordinal << ", all kept "
                  << c.selection.all);
      check_gradient(c.weights, gradient, [&] { return weighted_sum(dh, c.hidden()); });
    }
}

/// A decoder of random weights, and its gradients.
struct Decoder {
  HostGraph pairs;
  Index bases;
  Matrix user_basis, items, coefficients, values;
  Matrix user_gradient = user_basis, item_gradient = items, coefficient_gradient = coefficients;
  DecodeSums sums = {};

  void run() {
    const Index chunks[] = {0, pairs.receivers};
    const Offset count = pairs.entries();
    Reference().run(Decode<double>{.pairs = adjacency(pairs),
                                   .chunk_begin = chunks,
                                   .chunks = 1,
                                   .bases = bases,
                                   .user_basis = view(user_basis),
                                   .items = view(items),
                                   .coefficients = coefficients.values.data(),
                                   .values = values.values.data(),
                                   .count = &count,
                                   .user_basis_gradient = view(user_gradient),
                                   .item_gradient = view(item_gradient),
                                   .coefficient_gradient = coefficient_gradient.values.data(),
                                   .sums = &sums});
  }
  double loss() {
    run();
    return sums.cross_entropy / sums.count;
  }
};

TEST_CASE("Decode's gradients are the derivatives of its loss", "[reference]") {
  Draw draw(43);
  for (const Index levels : {1, 2, 5, 10})
    for (const Index bases : {1, 2, 4}) {
      const Index users = 6, items = 8, columns = 9;
      Decoder decoder{random_graphs(draw, users, items, levels, 30).users,
                      bases,
                      random_side_by_side<double>(draw, users, bases, columns),
                      random_matrix<double>(draw, 1, items, columns),
                      random_matrix<double>(draw, 1, bases, levels),
                      random_matrix<double>(draw, 1, 1, levels)};
      decoder.run();
      const Matrix user = decoder.user_gradient, item = decoder.item_gradient, a = decoder.coefficient_gradient;
      INFO(levels << " levels, " << bases << " bases, " << decoder.pairs.entries() << " pairs");
      check_gradient(decoder.user_basis, user, [&] { return decoder.loss(); });
      check_gradient(decoder.items, item, [&] { return decoder.loss(); });
      check_gradient(decoder.coefficients, a, [&] { return decoder.loss(); });
    }
}

TEST_CASE("a decoder of two levels, by hand", "[reference]") {
  // logits 3 and 0, so p = e^3 / (1 + e^3) for level 0; one user, two items, both at level 0, the second with x = 0.
  Decoder decoder{graph_of({{0, 0, 0}, {0, 1, 0}}, true, 1, 2, 2),
                  1,
                  filled<double>(1, 1, 1, 1.0),
                  filled<double>(1, 2, 1, 0.0),
                  filled<double>(1, 1, 2, 0.0),
                  filled<double>(1, 1, 2, 1.0)};
  decoder.items.at(0, 0, 0) = 2;
  decoder.coefficients.at(0, 0, 0) = 1.5;
  decoder.values.at(0, 0, 1) = 5;
  decoder.run();
  const double p = std::exp(3.0) / (1 + std::exp(3.0));
  CHECK(decoder.sums.count == 2);
  CHECK(std::fabs(decoder.sums.cross_entropy - (-std::log(p) + std::log(2.0))) <= 1e-14);
  CHECK(std::fabs(decoder.sums.squared_error - (16 * (1 - p) * (1 - p) + 4)) <= 1e-14);
  CHECK(std::fabs(decoder.item_gradient.at(0, 0, 0) - ((p - 1) * 1.5 / 2)) <= 1e-14);
  CHECK(std::fabs(decoder.coefficient_gradient.at(0, 0, 1) - ((1 - p) * 2 / 2)) <= 1e-14);
}

TEST_CASE("an aggregation of three ratings, by hand", "[reference]") {
  // User 0 rated items 0 and 2 at level 0 and item 1 at level 1; user 1 rated nothing. Items 0 .. 2 send 1, 10, 100 at
  // level 0, and 2, 20, 200 at level 1; item 2 is dropped at level 0.
  const HostGraph graph = graph_of({{0, 2, 0}, {0, 0, 0}, {0, 1, 1}}, true, 2, 3, 2);
  const std::vector<double> weights = {1, 10, 100, 2, 20, 200};
  std::vector<std::uint8_t> bits(16);
  bits[0] = 0b011;
  bits[8] = 0b111;
  Matrix tables = filled<double>(2, 3, 1, 0), table = unwritten<double>(1, 6, 1);
  for (Offset pair = 0; pair < 6; ++pair) tables.at(pair / 3, pair % 3, 0) = weights[pair];
  const Matrix receiver_scale = filled<double>(1, 1, 2, 0.5);
  Reference().run(BuildTable<double>{
      .weights = blocks(tables), .levels = 2, .kept = {bits.data()}, .scale = 3.0, .table = view(table)});
  for (const bool stack : {false, true}) {
    Matrix hidden = unwritten<double>(1, 2, stack ? 2 : 1);
    Reference().run(Aggregate<double>{.adjacency = adjacency(graph),
                                      .tables = 2,
                                      .width = 1,
                                      .stack = stack,
                                      .kept = {bits.data()},
                                      .table = view(table),
                                      .receiver_scale = receiver_scale.values.data(),
                                      .activation = Activation::linear,
                                      .hidden = view(hidden)});
    CHECK(hidden.at(0, 0, 0) == (stack ? 1.5 : 31.5));
    CHECK(hidden.at(0, 1, 0) == 0);
    if (stack) CHECK(hidden.at(0, 0, 1) == 30);
  }
}

}  // namespace
}  // namespace gcmc::testing
