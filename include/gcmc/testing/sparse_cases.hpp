// Cases of products of weighted sparse rows.
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

/// The rows of a graph of one level, with weights of their entries.
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

}  // namespace gcmc::testing
