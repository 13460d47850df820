// Cases of the decoder: loss, gradients, predictions, and what their rounding may be.
#pragma once

#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

template <class T>
struct DecodeCase {
  HostGraph pairs, by_item;
  std::vector<Index> chunk_begin;
  Index bases = 1;
  T smoothing = 0;  ///< of Decode
  HostMatrix<T> user_basis, items, coefficients, values;
};

/// Chunks of random sizes, some of them empty.
inline std::vector<Index> random_chunks(Draw& draw, Index users) {
  std::vector<Index> begin = {0, users};
  for (Index more = draw.between(0, 6); more > 0; --more) begin.push_back(draw.between(0, users));
  std::sort(begin.begin(), begin.end());
  return begin;
}

/// `size` is the typical size of a logit.
template <class T>
DecodeCase<T> random_decode(Draw& draw, Index users, Index items, Index levels, Index columns,
                            const std::vector<Edge>& pairs, double size) {
  DecodeCase<T> c;
  c.pairs = graph_of(pairs, true, users, items, levels);
  c.by_item = graph_of(pairs, false, users, items, levels);
  c.chunk_begin = random_chunks(draw, users);
  c.bases = draw.one_of<Index>({1, 2, 3, 4, 7, 8, 9, 19});
  c.smoothing = draw.one_of<T>({0, static_cast<T>(0.125), static_cast<T>(0.6)});
  c.user_basis = random_side_by_side<T>(draw, users, c.bases, columns);
  c.items = random_matrix<T>(draw, 1, items, columns);
  c.items.for_each([&](T& x) { x *= static_cast<T>(size / std::sqrt(columns * c.bases)); });
  c.coefficients = random_matrix<T>(draw, 1, c.bases, levels);
  c.values = filled<T>(1, 1, levels, T{0});
  for (Index r = 0; r < levels; ++r) c.values.at(0, 0, r) = static_cast<T>(0.5 * (r + 1));
  return c;
}
template <class T>
DecodeCase<T> random_decode(Draw& draw, Index users, Index items, Index levels, Index columns, Index edges,
                            double size) {
  return random_decode<T>(draw, users, items, levels, columns, random_edges(draw, users, items, levels, edges), size);
}

/// visit(user, item, level, entry).
template <class T, class Visit>
void for_each_pair(const DecodeCase<T>& c, const Visit& visit) {
  for (Index i = 0; i < c.pairs.receivers; ++i)
    for (Index level = 0; level < c.pairs.levels; ++level)
      for (Offset e = c.pairs.begin[c.pairs.row(i, level)]; e < c.pairs.end[c.pairs.row(i, level)]; ++e)
        visit(i, c.pairs.source[e], level, e);
}

/// Bounds of one pair's rounding errors. With m = max over r of sum |terms of logit_r|, a logit errs by (D + B + 4) m
/// roundoffs, and as much again when the largest is taken off (2 m); so p errs relatively by twice that and the
/// R + 16 roundoffs of the exponentials and their sum.
template <class T>
struct PairBound {
  double p = 0;                ///< relative error of a probability
  std::vector<double> x;       ///< sum |terms of x_s|
  std::vector<double> p_gain;  ///< how much dLoss/dx_s can move: 2 max over r of |a_sr|
};

template <class T>
PairBound<T> bound_of(const DecodeCase<T>& c, Index i, Index j) {
  const Index columns = c.items.columns, levels = c.pairs.levels;
  PairBound<T> bound;
  std::vector<double> logit(levels);
  for (Index s = 0; s < c.bases; ++s) {
    double x = 0, largest = 0;
    for (Index d = 0; d < columns; ++d)
      x += std::fabs(static_cast<double>(c.user_basis.at(0, i, s * row_stride<T>(columns) + d)) *
                     static_cast<double>(c.items.at(0, j, d)));
    for (Index r = 0; r < levels; ++r) {
      const double a = std::fabs(static_cast<double>(c.coefficients.at(0, s, r)));
      logit[r] += a * x;
      largest = std::max(largest, a);
    }
    bound.x.push_back(x);
    bound.p_gain.push_back(2 * largest);
  }
  const double m = *std::max_element(logit.begin(), logit.end());
  bound.p = roundoff<T> * (2 * (columns + c.bases + 6) * m + levels + 16);
  return bound;
}

/// What a case's sums may differ by: cross-entropy, squared error, absolute error, and the pairs whose two most
/// probable levels are too close to tell.
template <class T>
struct SumBound {
  double cross_entropy = 0, squared_error = 0, absolute_error = 0, undecided = 0;
  std::vector<double> predictions, probabilities;
};

template <class T>
SumBound<T> sum_bound(const DecodeCase<T>& c, const std::vector<double>& predictions,
                      const std::vector<double>& probabilities, bool smoothed = false) {
  SumBound<T> bound;
  const Index levels = c.pairs.levels;
  bound.predictions.resize(predictions.size());
  bound.probabilities.resize(probabilities.size());
  const double largest = static_cast<double>(c.values.at(0, 0, levels - 1));
  const double summed = static_cast<double>(c.pairs.entries()) * roundoff<double>;  // sums are kept in double
  for_each_pair(c, [&](Index i, Index j, Index level, Offset e) {
    const double p = bound_of(c, i, j).p, tiny = 4 * static_cast<double>(std::numeric_limits<T>::min());
    const double prediction = (p + (levels + 4) * roundoff<T>)*largest;
    const double error = std::fabs(predictions[e] - static_cast<double>(c.values.at(0, 0, level)));
    bound.predictions[e] = prediction;
    double least = probabilities[e * levels + level];
    for (Index r = 0; smoothed && r < levels; ++r) least = std::min(least, probabilities[e * levels + r]);
    const double entropy = std::fabs(std::log(least + 1e-300));
    bound.cross_entropy += p + 4 * roundoff<T> * (entropy + 1) + summed * entropy;
    bound.squared_error += (2 * error + prediction) * prediction + (4 * roundoff<T> + summed) * error * error;
    bound.absolute_error += prediction + summed * error;
    std::vector<double> sorted;
    for (Index r = 0; r < levels; ++r) {
      sorted.push_back(probabilities[e * levels + r]);
      bound.probabilities[e * levels + r] = p * sorted.back() + tiny;
    }
    std::sort(sorted.rbegin(), sorted.rend());
    if (levels > 1 && sorted[0] - sorted[1] <= 4 * p * sorted[0]) bound.undecided += 1;
  });
  return bound;
}

/// Runs Predict; arrays: the five sums, predictions, probabilities. What is not wanted is passed as nullptr.
template <class B, class T>
Outcome predict(B& backend, const DecodeCase<T>& c, bool with_sums, bool with_predictions, bool with_probabilities) {
  const HeldGraph<B> pairs(backend, c.pairs);
  const Buffer chunks(backend, c.chunk_begin);
  const Held user_basis(backend, c.user_basis), items(backend, c.items);
  const Held coefficients(backend, c.coefficients), values(backend, c.values);
  const auto entries = static_cast<Offset>(c.pairs.source.size());
  const Buffer sums(backend, std::vector<DecodeSums>{{-7, -7, -7, -7, -7}});
  const Buffer predictions(backend, std::vector<T>(entries, T{-7}));
  const Buffer probabilities(backend, std::vector<T>(entries * c.pairs.levels, T{-7}));
  backend.run(Predict<T>{.pairs = pairs,
                         .chunk_begin = chunks.data(),
                         .chunks = static_cast<Index>(c.chunk_begin.size() - 1),
                         .bases = c.bases,
                         .user_basis = user_basis,
                         .items = items,
                         .coefficients = coefficients.data(),
                         .values = values.data(),
                         .sums = with_sums ? sums.data() : nullptr,
                         .predictions = with_predictions ? predictions.data() : nullptr,
                         .probabilities = with_probabilities ? probabilities.data() : nullptr});
  const DecodeSums s = sums.get()[0];
  Outcome outcome = {{s.count, s.cross_entropy, s.squared_error, s.absolute_error, s.correct}};
  add(outcome, predictions);
  add(outcome, probabilities);
  return outcome;
}

/// Runs Decode; arrays: count, cross-entropy and squared error; the three gradients.
template <class B, class T>
Outcome decode(B& backend, const DecodeCase<T>& c) {
  const HeldGraph<B> pairs(backend, c.pairs), by_item(backend, c.by_item);
  const Buffer chunks(backend, c.chunk_begin);
  const Buffer count(backend, std::vector<Offset>{c.pairs.entries()});
  const Held user_basis(backend, c.user_basis), items(backend, c.items);
  const Held coefficients(backend, c.coefficients), values(backend, c.values);
  HostMatrix<T> unwritten_users = c.user_basis;
  for (Offset i = 0; i < c.user_basis.rows; ++i)
    for (Offset column = 0; column < c.user_basis.columns; ++column)
      if (column % row_stride<T>(c.items.columns) < c.items.columns)
        unwritten_users.at(0, i, column) = std::numeric_limits<T>::quiet_NaN();
  const Held user_gradient(backend, unwritten_users);
  const Held item_gradient(backend, unwritten<T>(1, c.items.rows, c.items.columns));
  const Held coefficient_gradient(backend, unwritten<T>(1, c.bases, c.pairs.levels));
  const Buffer sums(backend, std::vector<DecodeSums>{{-7, -7, -7, -7, -7}});
  backend.run(Decode<T>{.pairs = pairs,
                        .chunk_begin = chunks.data(),
                        .chunks = static_cast<Index>(c.chunk_begin.size() - 1),
                        .bases = c.bases,
                        .user_basis = user_basis,
                        .items = items,
                        .coefficients = coefficients.data(),
                        .values = values.data(),
                        .count = count.data(),
                        .user_basis_gradient = user_gradient,
                        .item_gradient = item_gradient,
                        .coefficient_gradient = coefficient_gradient.data(),
                        .sums = sums.data(),
                        .smoothing = c.smoothing,
                        .hints = {.by_item = by_item}});
  const DecodeSums s = sums.get()[0];
  Outcome outcome = {{s.count, s.cross_entropy, s.squared_error}};
  add(outcome, user_gradient);
  add(outcome, item_gradient);
  add(outcome, coefficient_gradient);
  return outcome;
}

/// dLoss/dx_s = (1/count) sum over r of (p_r - [r = level]) a_sr errs by the pair's p (and R + 2 roundoffs) times
/// p_gain; each gradient sums that times z_j or user_basis, over at most all pairs; da_sr sums (p_r - [..]) x_s.
template <class T>
Outcome decode_tolerance(const DecodeCase<T>& c) {
  Reference reference;
  const Outcome predicted = predict(reference, c, true, true, true);
  const SumBound<T> sums = sum_bound(c, predicted[1], predicted[2], c.smoothing > 0);
  const Index columns = c.items.columns, width = row_stride<T>(columns), levels = c.pairs.levels;
  const auto pairs = static_cast<double>(c.pairs.entries());
  Outcome tolerance = {{0, sums.cross_entropy, sums.squared_error},
                       std::vector<double>(c.user_basis.values.size()),
                       std::vector<double>(c.items.values.size()),
                       std::vector<double>(c.coefficients.values.size())};
  for_each_pair(c, [&](Index i, Index j, Index, Offset) {
    const PairBound<T> bound = bound_of(c, i, j);
    const double relative = bound.p + (pairs + levels + c.bases + columns + 8) * roundoff<T>;
    for (Index s = 0; s < c.bases; ++s) {
      const double factor = relative / pairs * bound.p_gain[s];
      for (Index d = 0; d < columns; ++d) {
        const Offset u = Offset{i} * c.user_basis.stride + s * width + d, v = Offset{j} * c.items.stride + d;
        tolerance[1][u] += factor * std::fabs(static_cast<double>(c.items.values[v]));
        tolerance[2][v] += factor * std::fabs(static_cast<double>(c.user_basis.values[u]));
      }
      for (Index r = 0; r < levels; ++r)
        tolerance[3][Offset{s} * c.coefficients.stride + r] += relative / pairs * bound.x[s];
    }
  });
  return tolerance;
}

template <class T>
Outcome predict_tolerance(const DecodeCase<T>& c) {
  Reference reference;
  const Outcome all = predict(reference, c, true, true, true);
  const SumBound<T> bound = sum_bound(c, all[1], all[2]);
  return {{0, bound.cross_entropy, bound.squared_error, bound.absolute_error, bound.undecided},
          bound.predictions,
          bound.probabilities};
}

}  // namespace gcmc::testing
