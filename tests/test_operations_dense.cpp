// Dense operations, every backend against the oracle: products, column sums, activations, the dense layer's gradient.
#include "compare.hpp"
#include "gcmc/testing/dense_cases.hpp"
#include "gcmc/testing/sparse_cases.hpp"

namespace gcmc::testing {
namespace {

template <class T>
void check_multiply(const MultiplyCase<T>& c) {
  INFO(c.a.rows << " rows, " << c.b.blocks << " blocks of " << c.b.rows << " x " << c.b.columns << ", transpose "
                << c.transpose << ", sum_blocks " << c.sum_blocks << ", bias " << c.bias.rows << ", accumulate "
                << c.accumulate);
  check_on_all([&](auto& backend) { return multiply(backend, c); }, multiply_tolerance(c));
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
void check_transposed(Draw& draw, Index rows, Index left, Index right) {
  const auto c = random_transposed<T>(draw, rows, left, right);
  INFO(rows << " rows, " << c.c.blocks << " blocks of " << left << " x " << right << ", accumulate " << c.accumulate);
  check_on_all([&](auto& backend) { return multiply_transposed(backend, c); }, transposed_tolerance(c));
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

template <class T>
void check_multiply_sparse(const MultiplySparseCase<T>& c) {
  INFO(c.a.receivers << " rows of " << c.a.sources << " columns, " << c.a.entries() << " entries, times " << c.b.columns
                     << ", bias " << c.bias.rows << ", accumulate " << c.accumulate);
  check_on_all([&](auto& backend) { return multiply_sparse(backend, c); }, multiply_sparse_tolerance(c));
}

TEMPLATE_TEST_CASE("weighted sparse rows are multiplied, short and long ones", "[operations]", float, double) {
  Draw draw(21);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Index rows = draw.one_of<Index>({1, 2, 9, 60, 300}), sources = draw.one_of<Index>({1, 8, 75});
    const Index levels = draw.one_of<Index>({1, 1, 2, 5});
    const GraphPair pair = random_graphs(draw, rows, sources, levels, draw.one_of({0, 20, 400, 3000}));
    const Index columns = repeat % 20 == 0 ? 257 : draw.size();
    check_multiply_sparse(random_multiply_sparse<TestType>(draw, repeat % 2 ? pair.users : pair.items, columns));
  }
  for (const Index columns : {9, 75, 257})
    check_multiply_sparse(
        random_multiply_sparse<TestType>(draw, graph_of(long_edges(draw, 1), true, 3, 700, 1), columns));
}

TEMPLATE_TEST_CASE("dot products of pairs and their squared errors, each only where it is wanted", "[operations]",
                   float, double) {
  Draw draw(22);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Index rows = draw.one_of<Index>({1, 2, 9, 60, 300}), sources = draw.one_of<Index>({1, 8, 75});
    const GraphPair pair =
        random_graphs(draw, rows, sources, draw.one_of<Index>({1, 2, 5}), draw.one_of({0, 20, 400, 3000}));
    const auto c =
        random_pair_dots<TestType>(draw, repeat % 2 ? pair.users : pair.items, repeat % 20 == 0 ? 257 : draw.size());
    INFO(c.pairs.receivers << " rows of " << c.pairs.sources << " columns, " << c.pairs.entries() << " pairs, width "
                           << c.a.columns << ", dots " << c.dots << ", slopes " << c.slopes << ", sums " << c.sums);
    check_on_all([&](auto& backend) { return pair_dots(backend, c); }, pair_dots_tolerance(c));
  }
  for (const Index columns : {9, 75}) {
    const auto c = random_pair_dots<TestType>(draw, graph_of(long_edges(draw, 5), true, 3, 700, 5), columns);
    check_on_all([&](auto& backend) { return pair_dots(backend, c); }, pair_dots_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("columns are summed", "[operations]", float, double) {
  using T = TestType;
  Draw draw(13);
  for (const Index rows : {0, 1, 2, 33, 257, 5000})
    for (const Index columns : {1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112, 257, 500})
      for (const bool accumulate : {false, true}) {
        const HostMatrix<T> x = random_matrix<T>(draw, 1, rows, columns, random_stride<T>(draw, columns));
        const HostMatrix<T> before = accumulate ? random_matrix<T>(draw, 1, 1, columns) : unwritten<T>(1, 1, columns);
        INFO(rows << " x " << columns << ", accumulate " << accumulate);
        check_on_all([&](auto& backend) { return column_sums(backend, x, before, accumulate); },
                     column_sums_tolerance(x, before, accumulate));
      }
}

TEMPLATE_TEST_CASE("an activation works in place and drops units", "[operations]", float, double) {
  Draw draw(14);
  for (const Activation activation : activations)
    for (const Index columns : {1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112, 257, 500})
      for (const double keep : {0.0, 0.4, 1.0}) {
        const Index rows = draw.one_of<Index>({0, 1, 5, 70});
        const auto c = random_activate<TestType>(draw, activation, rows, columns, keep);
        INFO("activation " << static_cast<int>(activation) << ", " << rows << " x " << columns << ", keep " << keep);
        check_on_all([&](auto& backend) { return activate(backend, c); }, activate_tolerance(c));
      }
}

TEMPLATE_TEST_CASE("first values are those that Random draws, to the bit", "[operations]", float, double) {
  Draw draw(18);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Index rows = draw.one_of<Index>({0, 1, 5, 33, repeat % 10 == 0 ? 2050 : 257});
    const auto c = random_draw_uniform<TestType>(draw, rows, repeat == 0 ? 500 : draw.size());
    INFO(c.x.blocks << " blocks of " << rows << " x " << c.x.columns << ", bound " << c.bound << ", seed " << c.seed);
    Reference reference;
    check_on_all([&](auto& backend) { return draw_uniform(backend, c); }, exact(draw_uniform(reference, c)));
  }
}

TEMPLATE_TEST_CASE("matrices are scaled, by rows too, and added", "[operations]", float, double) {
  Draw draw(17);
  for (int repeat = 0; repeat < 80; ++repeat) {
    const Index rows = draw.one_of<Index>({0, 1, 5, 33, repeat % 10 == 0 ? 1030 : 257});
    const auto c = random_add_scaled<TestType>(draw, rows, repeat == 0 ? 500 : draw.size());
    INFO(rows << " x " << c.a.columns << ", row scale " << c.row_scale.rows << ", alpha " << c.alpha << ", beta "
              << c.beta << ", in place " << c.in_place);
    check_on_all([&](auto& backend) { return add_scaled(backend, c); }, add_scaled_tolerance(c));
  }
}

template <class T>
void check_dense_backward(const DenseBackwardCase<T>& c) {
  INFO(c.dz.rows << " x " << c.dz.columns << ", " << c.blocks.blocks << " blocks of width " << c.blocks.columns
                 << ", activation " << static_cast<int>(c.activation) << ", bits " << c.bits.size() << ", scale "
                 << c.receiver_scale.rows);
  check_on_all([&](auto& backend) { return dense_backward(backend, c); }, dense_backward_tolerance(c));
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
}  // namespace gcmc::testing
