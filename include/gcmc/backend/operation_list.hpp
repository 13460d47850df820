// The one list of operations. The concept of a backend, the overloads of Cpu and Cuda, their tables of kernels and the
// conformance tests follow from it.
#pragma once

#include "gcmc/backend/operations.hpp"

// clang-format off
/// each(struct, kernel) for every operation on elements of type T.
#define GCMC_OPERATIONS(each)                   \
  each(DrawUniform, draw_uniform)               \
  each(BuildTable, build_table)                 \
  each(Aggregate, aggregate)                    \
  each(AggregateBackward, aggregate_backward)   \
  each(Multiply, multiply)                      \
  each(MultiplyTransposed, multiply_transposed) \
  each(MultiplySparse, multiply_sparse)         \
  each(PairDots, pair_dots)                     \
  each(AddScaled, add_scaled)                   \
  each(ColumnSums, column_sums)                 \
  each(Activate, activate)                      \
  each(DenseBackward, dense_backward)           \
  each(Decode, decode)                          \
  each(Predict, predict)                        \
  each(DegreeScale, degree_scale)               \
  each(SquareSum, square_sum)                   \
  each(RecordStep, record_step)                 \
  each(Update, update)

/// The same for those of indices and bits alone.
#define GCMC_INDEX_OPERATIONS(each)   \
  each(DrawMask, draw_mask)           \
  each(SelectSources, select_sources) \
  each(SplitEdges, split_edges)
// clang-format on

namespace gcmc {

template <class Op>
inline constexpr bool is_operation = false;

#define GCMC_IS_OPERATION(Struct, kernel) \
  template <class T>                      \
  inline constexpr bool is_operation<Struct<T>> = true;
GCMC_OPERATIONS(GCMC_IS_OPERATION)
#undef GCMC_IS_OPERATION

#define GCMC_IS_OPERATION(Struct, kernel) \
  template <>                             \
  inline constexpr bool is_operation<Struct> = true;
GCMC_INDEX_OPERATIONS(GCMC_IS_OPERATION)
#undef GCMC_IS_OPERATION

/// A struct of the list.
template <class Op>
concept Operation = is_operation<Op>;

}  // namespace gcmc
