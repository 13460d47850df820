// Does a backend compute what the operations say? Every one of them on random cases, against the oracle.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "gcmc/testing/decoder_cases.hpp"
#include "gcmc/testing/dense_cases.hpp"
#include "gcmc/testing/graph_cases.hpp"
#include "gcmc/testing/sparse_cases.hpp"
#include "gcmc/testing/update_cases.hpp"

namespace gcmc::testing {

/// The checks of one backend with elements of type T. A case's result must be within the rounding that its arithmetic
/// allows of the oracle's, leave padding and what is not its own alone, and have the same bits when run again.
template <class B, class T>
requires Backend<B, T>
class Conformance {
 public:
  explicit Conformance(B& backend) : backend_(backend) {}

  /// A line for each operation that failed: which, in which case, where and by how much. Empty: all are right.
  std::vector<std::string> operator()() {
#define GCMC_CHECK(Struct, kernel) run_cases(#Struct, [this](Draw& draw) { check_##kernel(draw); });
    GCMC_INDEX_OPERATIONS(GCMC_CHECK)
    GCMC_OPERATIONS(GCMC_CHECK)
#undef GCMC_CHECK
    return failures_;
  }

 private:
  static constexpr int cases = 24;
  static constexpr bool stores_bf16 = std::is_same_v<T, float> && requires { requires B::stores_bf16_tables; };

  template <class Check>
  void run_cases(const std::string& operation, const Check& check) {
    Draw draw(77);
    failure_.clear();
    for (int number = 0; failure_.empty() && number < cases; ++number) {
      check(draw);
      if (!failure_.empty())
        failures_.push_back(operation + " of " + element() + ", case " + std::to_string(number) + ": " + failure_);
    }
  }
  static std::string element() { return sizeof(T) == sizeof(float) ? "float" : "double"; }

  /// run(backend) gives an Outcome.
  template <class Run>
  void compare(const Run& run, const Outcome& tolerance) {
    Reference reference;
    const Outcome first = run(backend_);
    failure_ = difference(run(reference), first, tolerance);
    if (!failure_.empty()) return;
    failure_ = difference_of_bits(first, run(backend_));
    if (!failure_.empty()) failure_ += ": a second run gave other bits";
  }
  /// To the bit.
  template <class Run>
  void compare(const Run& run) {
    Reference reference;
    compare(run, exact(run(reference)));
  }

  void check_draw_mask(Draw& draw) {
    const Mask mask{0xfedcba9876543210u, static_cast<std::uint32_t>(draw.between(0, 9)), 0x90000001u,
                    draw.one_of({0u, 1u, 19661u, 65535u, 65536u})};
    const Offset count = draw.one_of<Offset>({0, 64, 128, 448, 64 * 75, 64 * 1031});
    compare([&](auto& backend) { return draw_mask(backend, mask, count); });
  }
  void check_select_sources(Draw& draw) {
    const Index tables = draw.one_of<Index>({1, 2, 6, 11}), sources = draw.one_of<Index>({0, 1, 63, 64, 65, 257, 2500});
    const auto bits = random_bits(draw, tables, sources, draw.one_of({0.0, 0.3, 0.97, 1.0}));
    const bool all_tables = draw.chance(0.5);
    compare([&](auto& backend) { return select_sources(backend, tables, sources, all_tables, bits); });
  }
  void check_split_edges(Draw& draw) {
    const Index users = draw.one_of<Index>({1, 9, 300}), items = draw.one_of<Index>({1, 33, 100});
    const Index levels = draw.one_of<Index>({1, 2, 5, 10});
    const bool sources_are_items = draw.chance(0.5), counted = draw.chance(0.7);
    const std::vector<Edge> edges = random_edges(draw, users, items, levels, draw.one_of({0, 20, 3000}));
    const HostGraph graph = graph_of(edges, sources_are_items, users, items, levels);
    const Mask mask = make_mask(99, 1, 5, draw.one_of({0.0, 0.4, 0.9, 1.0}));
    compare([&](auto& backend) { return split_edges(backend, graph, sources_are_items, mask, counted); });
  }

  void check_draw_uniform(Draw& draw) {
    const auto c = random_draw_uniform<T>(draw, random_rows(draw), draw.size());
    compare([&](auto& backend) { return draw_uniform(backend, c); });
  }
  void check_build_table(Draw& draw) {
    const auto c = random_table<T>(draw, draw.size(), stores_bf16);
    compare([&](auto& backend) { return build_table(backend, c); }, build_table_tolerance(c));
  }
  GraphPair random_pair(Draw& draw) {
    const Index users = draw.one_of<Index>({1, 9, 60}), items = draw.one_of<Index>({1, 8, 75});
    return random_graphs(draw, users, items, draw.one_of<Index>({1, 2, 5, 10}), draw.one_of({0, 20, 400, 3000}));
  }
  void check_aggregate(Draw& draw) {
    const auto c = random_aggregate<T>(draw, draw.size(), random_pair(draw).users, stores_bf16);
    compare([&](auto& backend) { return aggregate(backend, c); }, aggregate_tolerance(c));
  }
  void check_aggregate_backward(Draw& draw) {
    const auto c = random_aggregate_backward<T>(draw, draw.size(), random_pair(draw).items);
    compare([&](auto& backend) { return aggregate_backward(backend, c); }, aggregate_backward_tolerance(c));
  }
  void check_degree_scale(Draw& draw) {
    std::vector<Offset> degrees(static_cast<std::size_t>(draw.one_of({0, 1, 17, 5000})));
    for (Offset& degree : degrees) degree = draw.chance(0.2) ? 0 : draw.one_of<Offset>({1, 2, 3, 737, 1 << 30});
    const auto normalization = draw.one_of({Normalization::symmetric, Normalization::left});
    const auto run = [&](auto& backend) { return degree_scale<T>(backend, degrees, normalization); };
    Reference reference;
    compare(run, scaled(run(reference), 4 * roundoff<T>));
  }

  static Index random_rows(Draw& draw) { return draw.one_of<Index>({0, 1, 2, 7, 33, 65, 257}); }
  void check_multiply(Draw& draw) {
    const auto c = random_multiply<T>(draw, random_rows(draw), draw.size(), draw.size());
    compare([&](auto& backend) { return multiply(backend, c); }, multiply_tolerance(c));
  }
  void check_multiply_transposed(Draw& draw) {
    const auto c = random_transposed<T>(draw, random_rows(draw), draw.size(), draw.size());
    compare([&](auto& backend) { return multiply_transposed(backend, c); }, transposed_tolerance(c));
  }
  void check_multiply_sparse(Draw& draw) {
    const Index rows = draw.one_of<Index>({1, 9, 60}), sources = draw.one_of<Index>({1, 8, 75});
    const Index levels = draw.one_of<Index>({1, 1, 5});
    const GraphPair pair = random_graphs(draw, rows, sources, levels, draw.one_of({0, 20, 400, 3000}));
    const auto c = random_multiply_sparse<T>(draw, draw.chance(0.5) ? pair.users : pair.items, draw.size());
    compare([&](auto& backend) { return multiply_sparse(backend, c); }, multiply_sparse_tolerance(c));
  }
  void check_pair_dots(Draw& draw) {
    const auto c = random_pair_dots<T>(draw, random_pair(draw).users, draw.size());
    compare([&](auto& backend) { return pair_dots(backend, c); }, pair_dots_tolerance(c));
  }
  void check_add_scaled(Draw& draw) {
    const auto c = random_add_scaled<T>(draw, random_rows(draw), draw.size());
    compare([&](auto& backend) { return add_scaled(backend, c); }, add_scaled_tolerance(c));
  }
  void check_column_sums(Draw& draw) {
    const auto x = random_matrix<T>(draw, 1, random_rows(draw), draw.size());
    const bool accumulate = draw.chance(0.5);
    const auto before = accumulate ? random_matrix<T>(draw, 1, 1, x.columns) : unwritten<T>(1, 1, x.columns);
    compare([&](auto& backend) { return column_sums(backend, x, before, accumulate); },
            column_sums_tolerance(x, before, accumulate));
  }
  void check_activate(Draw& draw) {
    const auto c =
        random_activate<T>(draw, draw.activation(), random_rows(draw), draw.size(), draw.one_of({0.0, 0.4, 1.0}));
    compare([&](auto& backend) { return activate(backend, c); }, activate_tolerance(c));
  }
  void check_dense_backward(Draw& draw) {
    const Index blocks = draw.one_of<Index>({1, 2, 5, 6});
    const auto c = random_dense_backward<T>(draw, random_rows(draw), blocks, draw.size(), draw.size());
    compare([&](auto& backend) { return dense_backward(backend, c); }, dense_backward_tolerance(c));
  }

  DecodeCase<T> random_pairs(Draw& draw) {
    const Index users = draw.one_of<Index>({1, 9, 33}), items = draw.one_of<Index>({1, 8, 60});
    const Index levels = draw.one_of<Index>({1, 2, 5, 10});
    return random_decode<T>(draw, users, items, levels, draw.size(), draw.one_of({0, 5, 100, 1000}),
                            draw.one_of({0.1, 3.0, 100.0}));
  }
  void check_decode(Draw& draw) {
    const auto c = random_pairs(draw);
    compare([&](auto& backend) { return decode(backend, c); }, decode_tolerance(c));
  }
  void check_predict(Draw& draw) {
    const auto c = random_pairs(draw);
    const bool sums = draw.chance(0.7), predictions = draw.chance(0.7), probabilities = draw.chance(0.7);
    compare([&](auto& backend) { return predict(backend, c, sums, predictions, probabilities); }, predict_tolerance(c));
  }

  void check_square_sum(Draw& draw) {
    const auto c = random_square_sum<T>(draw);
    compare([&](auto& backend) { return square_sum(backend, c); }, square_sum_tolerance(c));
  }
  void check_record_step(Draw& draw) {
    const auto c = random_record<T>(draw);
    compare([&](auto& backend) { return record_step(backend, c); }, record_step_tolerance(c));
  }
  void check_update(Draw& draw) {
    const auto c = random_update<T>(draw, draw.chance(0.7));
    compare([&](auto& backend) { return update(backend, c); }, update_tolerance(c));
  }

  B& backend_;
  std::string failure_;
  std::vector<std::string> failures_;
};

/// What `backend` gets wrong with elements of type T: a line an operation; empty if nothing. Some seconds.
template <class T, class B>
std::vector<std::string> conformance(B& backend) {
  return Conformance<B, T>(backend)();
}

}  // namespace gcmc::testing
