// The decoder, every backend against the oracle: loss, gradients, predictions.
#include "compare.hpp"
#include "gcmc/testing/decoder_cases.hpp"

namespace gcmc::testing {
namespace {

template <class T, class Check>
void for_random_cases(std::uint64_t seed, int repeats, const Check& check) {
  Draw draw(seed);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const Index users = draw.one_of<Index>({1, 9, repeat % 8 == 0 ? 300 : 33});
    const Index items = draw.one_of<Index>({1, 8, 60}), levels = draw.one_of<Index>({1, 2, 5, 10, 37});
    const Index columns = repeat == 0 ? 257 : draw.size();
    const auto c = random_decode<T>(draw, users, items, levels, columns, draw.one_of({0, 5, 100, 1000}),
                                    draw.one_of({0.1, 3.0, 100.0}));
    INFO("case " << repeat << ": " << users << " users, " << items << " items, " << levels << " levels, width "
                 << columns << ", bases " << c.bases << ", pairs " << c.pairs.entries() << ", chunks "
                 << c.chunk_begin.size() - 1);
    check(c, draw);
  }
}

TEMPLATE_TEST_CASE("the decoder's loss and gradients", "[operations]", float, double) {
  for_random_cases<TestType>(21, 80, [](const DecodeCase<TestType>& c, Draw&) {
    check_on_all([&](auto& backend) { return decode(backend, c); }, decode_tolerance(c));
  });
}

TEMPLATE_TEST_CASE("the decoder's loss and gradients where a user or an item has more than 512 pairs", "[operations]",
                   float, double) {
  Draw draw(25);
  for (const bool many_items : {true, false})
    for (const Index columns : {9, 75}) {
      std::vector<Edge> pairs = long_edges(draw, 5);
      for (Edge& pair : pairs)
        if (!many_items) std::swap(pair.user, pair.item);
      const Index users = many_items ? 3 : 700, items = many_items ? 700 : 3;
      const auto c = random_decode<TestType>(draw, users, items, 5, columns, pairs, 3.0);
      INFO(users << " users, " << items << " items, width " << columns << ", bases " << c.bases);
      check_on_all([&](auto& backend) { return decode(backend, c); }, decode_tolerance(c));
      check_on_all([&](auto& backend) { return predict(backend, c, true, true, true); }, predict_tolerance(c));
    }
}

TEMPLATE_TEST_CASE("predictions, probabilities and their sums, each only where it is wanted", "[operations]", float,
                   double) {
  for_random_cases<TestType>(22, 80, [](const DecodeCase<TestType>& c, Draw& draw) {
    const bool with_sums = draw.chance(0.7), with_predictions = draw.chance(0.7), with_probabilities = draw.chance(0.7);
    INFO("sums " << with_sums << ", predictions " << with_predictions << ", probabilities " << with_probabilities);
    check_on_all([&](auto& backend) { return predict(backend, c, with_sums, with_predictions, with_probabilities); },
                 predict_tolerance(c));
  });
}

TEMPLATE_TEST_CASE("of equally probable levels the lowest is the prediction that counts", "[operations]", float,
                   double) {
  Draw draw(23);
  for (const Index levels : {1, 2, 5, 10, 37}) {
    DecodeCase<TestType> c = random_decode<TestType>(draw, 33, 60, levels, 17, 500, 1.0);
    c.coefficients.for_each([](TestType& a) { a = 0; });
    double lowest = 0;
    for_each_pair(c, [&](Index, Index, Index level, Offset) { lowest += level == 0 ? 1 : 0; });
    for (auto& processor : processors()) {
      INFO(processor[0].name() << ", levels " << levels);
      const Outcome outcome = predict(processor[0], c, true, false, false);
      CHECK(outcome[0][0] == static_cast<double>(c.pairs.entries()));
      CHECK(outcome[0][4] == lowest);
    }
  }
}

TEMPLATE_TEST_CASE("the decoder's gradients do not need the pairs of a user to lie together", "[operations]", float,
                   double) {
  Draw draw(24);
  DecodeCase<TestType> c = random_decode<TestType>(draw, 33, 60, 5, 17, 500, 1.0);
  const std::vector<Edge> pairs = random_edges(draw, 33, 60, 5, 500);
  c.pairs = graph_of(pairs, true, 33, 60, 5, 3);
  c.by_item = graph_of(pairs, false, 33, 60, 5, 2);
  check_on_all([&](auto& backend) { return decode(backend, c); }, decode_tolerance(c));
}

}  // namespace
}  // namespace gcmc::testing
