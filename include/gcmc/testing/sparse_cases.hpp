// Cases of products with sparse matrices.
#pragma once

#include <vector>

#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

template <class T>
struct MultiplySparseCase {
  HostGraph a;
  HostMatrix<T> values, b, c, bias;  // values: one row; bias: no rows where it is not given
  bool accumulate = false;
};

template <class B, class T>
Outcome multiply_sparse(B& backend, const MultiplySparseCase<T>& c) {
  const HeldGraph<B> a(backend, c.a);
  const Held values(backend, c.values), b(backend, c.b), result(backend, c.c), bias(backend, c.bias);
  backend.run(MultiplySparse<T>{
      .a = a, .values = values.data(), .b = b, .c = result, .bias = bias.data(), .accumulate = c.accumulate});
  return outcome_of(result);
}

/// The rows of a graph, with weights of their entries.
template <class T>
MultiplySparseCase<T> random_multiply_sparse(Draw& draw, const HostGraph& rows, Index columns) {
  MultiplySparseCase<T> c;
  c.a = rows;
  c.values = random_matrix<T>(draw, 1, 1, static_cast<Index>(rows.source.size()));
  c.b = random_matrix<T>(draw, 1, rows.sources, columns, random_stride<T>(draw, columns));
  c.accumulate = draw.chance(0.5);
  const Index stride = random_stride<T>(draw, columns);
  c.c = c.accumulate ? random_matrix<T>(draw, 1, rows.receivers, columns, stride)
                     : unwritten<T>(1, rows.receivers, columns, stride);
  c.bias = random_matrix<T>(draw, 1, draw.between(0, 1), columns);
  return c;
}

template <class T>
Outcome multiply_sparse_tolerance(MultiplySparseCase<T> c) {
  for (HostMatrix<T>* matrix : {&c.values, &c.b, &c.c, &c.bias}) *matrix = absolute(*matrix);
  Reference reference;
  return scaled(multiply_sparse(reference, c), (c.a.largest_row + 4) * roundoff<T>);
}

template <class T>
struct PairDotsCase {
  HostGraph pairs;
  HostMatrix<T> a, b, values;
  T shift = 0;
  bool dots = true, slopes = true, sums = true;
};

/// Arrays: dots, slopes, and count, squared and absolute error. Entries behind a row's end are nobody's.
template <class B, class T>
Outcome pair_dots(B& backend, const PairDotsCase<T>& c) {
  const HeldGraph<B> pairs(backend, c.pairs);
  const Held a(backend, c.a), b(backend, c.b), values(backend, c.values);
  const Buffer count(backend, std::vector<Offset>{c.pairs.entries()});
  const Buffer dots(backend, std::vector<T>(c.pairs.source.size(), T{-7}));
  const Buffer slopes(backend, std::vector<T>(c.pairs.source.size(), T{-7}));
  const Buffer sums(backend, std::vector<DecodeSums>{{-7, -7, -7, -7, -7}});
  const bool errors = c.slopes || c.sums;
  backend.run(PairDots<T>{.pairs = pairs,
                          .a = a,
                          .b = b,
                          .shift = c.shift,
                          .dots = c.dots ? dots.data() : nullptr,
                          .values = errors ? values.data() : nullptr,
                          .count = c.slopes ? count.data() : nullptr,
                          .slopes = c.slopes ? slopes.data() : nullptr,
                          .sums = c.sums ? sums.data() : nullptr});
  const DecodeSums s = sums.front();
  Outcome outcome = outcome_of(dots, slopes);
  outcome.push_back({s.count, s.cross_entropy, s.squared_error, s.absolute_error, s.correct});
  return outcome;
}

template <class T>
PairDotsCase<T> random_pair_dots(Draw& draw, const HostGraph& pairs, Index columns) {
  PairDotsCase<T> c;
  c.pairs = pairs;
  const Index stride = random_stride<T>(draw, columns);
  c.a = random_matrix<T>(draw, 1, pairs.receivers, columns, stride);
  c.b = random_matrix<T>(draw, 1, pairs.sources, columns, stride);
  c.values = random_matrix<T>(draw, 1, 1, pairs.levels);
  c.shift = static_cast<T>(draw.one_of({0.0, 3.5}));
  c.dots = draw.chance(0.7);
  c.slopes = draw.chance(0.7);
  c.sums = draw.chance(0.7);
  return c;
}

/// A dot errs by D + 2 roundoffs of the sum |terms|, m, and so does its error; a square by twice that times m. Sums are
/// in double, of a few terms each in T.
template <class T>
Outcome pair_dots_tolerance(PairDotsCase<T> c) {
  const auto was = c;
  for (HostMatrix<T>* matrix : {&c.a, &c.b, &c.values}) *matrix = absolute(*matrix);
  c.values.for_each([](T& x) { x = -x; });  // |dot| + |value|
  c.dots = c.slopes = c.sums = true;
  Reference reference;
  const double each = (c.a.columns + 24) * roundoff<T>;
  Outcome tolerance = scaled(pair_dots(reference, c), each);
  tolerance[2][2] *= 2;
  tolerance[2][0] = tolerance[2][1] = tolerance[2][4] = 0;
  for (std::size_t k = 0; k < 3; ++k)
    if (!std::array{was.dots, was.slopes, was.sums}[k]) std::fill(tolerance[k].begin(), tolerance[k].end(), 0);
  return tolerance;
}

}  // namespace gcmc::testing
