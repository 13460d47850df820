// The graph convolution: tables of the kept messages, the gather-sum forward with its epilogue, and its gradient. The
// sums are a gather's or, by choice, cuSPARSE's.
#include <algorithm>
#include <type_traits>

#include "gather.hpp"
#include "kernels.hpp"
#include "spmm.hpp"

namespace gcmc::kernels {
namespace {

template <class T>
__device__ void store_scaled(T* to, Pack<T> pack, T scale) {
  for (T& value : pack.value) value *= scale;
  store(to, pack);
}

/// A warp a kept pair.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) build_table(const BuildTable<T> op) {
  const Index n = warp_of_grid();
  if (n >= (op.kept ? *op.kept.count : op.weights.blocks * op.weights.rows)) return;
  const Index pair = op.kept ? op.kept.list[n] : n;
  const T scale = op.source_scale ? op.scale * op.source_scale[pair % op.weights.rows] : op.scale;
  const T* from = op.weights.data + Offset{pair} * op.weights.stride;
  for (Index c = lane_of_thread() * Pack<T>::size; c < op.weights.stride; c += warp_lanes * Pack<T>::size)
    store_scaled(op.table.row(pair) + c, load(from + c), scale);
}

/// A warp a source: its levels' tables are summed on the way.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) build_ordinal_table(const BuildTable<T> op) {
  const Index source = warp_of_grid();
  if (source >= op.weights.rows) return;
  const T scale = op.source_scale ? op.scale * op.source_scale[source] : op.scale;
  for (Index c = lane_of_thread() * Pack<T>::size; c < op.weights.stride; c += warp_lanes * Pack<T>::size) {
    Pack<T> sum;
    for (Index k = 0; k < op.weights.blocks; ++k) {
      const Pack<T> weight = load(op.weights.block(k) + Offset{source} * op.weights.stride + c);
      if (k < op.levels)
        for (Index i = 0; i < Pack<T>::size; ++i) sum.value[i] += weight.value[i];
      const Index pair = k * op.weights.rows + source;
      if (op.kept.keeps(k, op.weights.rows, source))
        store_scaled(op.table.row(pair) + c, k < op.levels ? sum : weight, scale);
    }
  }
}

/// Aggregate as a gather: output (i, block) from the tables.
template <class T>
struct Forward {
  using Element = T;
  static constexpr int sums = 1;
  static constexpr bool weighted = false;
  static constexpr Index rows_each = 1;
  Adjacency adjacency;
  Offset stride;
  Index columns, blocks;
  Aggregate<T> op;

  explicit Forward(const Aggregate<T>& aggregate)
      : adjacency(aggregate.adjacency),
        stride(aggregate.table.stride),
        columns(row_stride<T>(aggregate.width)),
        blocks(aggregate.stack ? aggregate.tables : 1),
        op(aggregate) {}

  __host__ __device__ Index outputs() const { return adjacency.receivers * blocks; }
  __device__ EntryRows rows(Index output) const {
    const Offset first = Offset{output / blocks} * adjacency.levels;
    const Index block = output % blocks;
    if (op.stack && !serves_all_levels(block, op.tables, adjacency.levels)) return {first + block, 1, 1};
    return {first, adjacency.levels, op.stack || op.tables <= adjacency.levels ? 1 : 2};
  }
  __device__ Addend look_up(Index output, const Place& place) const {
    Index table = op.stack ? output % blocks : place.row;
    if (table >= op.tables) table = op.tables - 1;
    const Index source = adjacency.source[place.entry];
    return {op.kept.keeps(table, adjacency.sources, source) ? table * adjacency.sources + source : -1, 0};
  }
  __device__ T weight(const Addend&, Index, int) const { return T(1); }
  __device__ const T* base(Index) const { return op.table.data; }
  __device__ Offset product_row(Index output) const { return output; }

  /// The epilogue: scale, activation, dropout.
  __device__ void finish(Index output, int, Index column, Pack<T> pack) const {
    const Index i = output / blocks, at = output % blocks * op.width + column;
    const Offset first_bit = Offset{i} * round_up(op.hidden.columns, 64) + at;
    const T scale = op.receiver_scale ? op.receiver_scale[i] : T(1);
    const Index count = op.width - column < Pack<T>::size ? op.width - column : Pack<T>::size;
#pragma unroll
    for (Index k = 0; k < Pack<T>::size; ++k) {
      const T value = activation_value(op.activation, pack.value[k] * scale);
      const bool keep = k < count && unit_kept(op.bits, first_bit + k);
      pack.value[k] = keep ? value * op.dropout_scale : T(0);
    }
    store_some(op.hidden.row(i) + at, pack, count);
  }
};

/// AggregateBackward as a gather: output (table, source) from the blocks' gradients of the receivers.
template <class T>
struct Backward {
  using Element = T;
  static constexpr int sums = 1;
  static constexpr bool weighted = false;
  static constexpr Index rows_each = 1;
  Adjacency adjacency;
  Offset stride;
  Index columns;
  AggregateBackward<T> op;

  explicit Backward(const AggregateBackward<T>& backward)
      : adjacency(backward.adjacency),
        stride(backward.blocks.stride),
        columns(backward.gradient.stride),
        op(backward) {}

  __host__ __device__ Index outputs() const { return op.tables * adjacency.receivers; }
  __device__ bool dropped(Index output) const {
    const Index sources = adjacency.receivers;
    return !op.kept.keeps(output / sources, sources, output % sources);
  }
  __device__ EntryRows rows(Index output) const {
    if (dropped(output)) return {};
    const Offset first = Offset{output % adjacency.receivers} * adjacency.levels;
    const Index table = output / adjacency.receivers;
    const bool all = serves_all_levels(table, op.tables, adjacency.levels);
    return all ? EntryRows{first, adjacency.levels, 1} : EntryRows{first + table, 1, 1};
  }
  __device__ Addend look_up(Index, const Place& place) const { return {adjacency.source[place.entry], 0}; }
  __device__ T weight(const Addend&, Index, int) const { return T(1); }
  __device__ const T* base(Index output) const { return op.blocks.block(op.stack ? output / adjacency.receivers : 0); }
  __device__ Offset product_row(Index output) const {
    return Offset{output % adjacency.receivers} * op.tables + output / adjacency.receivers;
  }
  __device__ void finish(Index output, int, Index column, Pack<T> pack) const {
    if (dropped(output)) {
      if (!op.ordinal) return;
      pack = {};
    }
    const Index source = output % adjacency.receivers;
    const T scale = op.source_scale ? op.scale * op.source_scale[source] : op.scale;
    store_scaled(op.gradient.data + Offset{output} * op.gradient.stride + column, pack, scale);
  }
};

/// What lies behind cuSPARSE's product: a warp an output, finished as after a gather.
template <class Policy>
__global__ void __launch_bounds__(block_threads, least_blocks)
    finish_products(const Policy policy, const MatrixView<const typename Policy::Element> products) {
  constexpr Index size = Pack<typename Policy::Element>::size;
  const Index output = warp_of_grid();
  if (output >= policy.outputs()) return;
  for (Index c = lane_of_thread() * size; c < policy.columns; c += warp_lanes * size)
    policy.finish(output, 0, c, load(products.row(policy.product_row(output)) + c));
}

/// The tables' rows, zeros where a pair is dropped. A warp a row.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    copy_kept(const MatrixView<const T> table, const KeptPairs kept, Index sources, const MatrixView<T> to) {
  const Index pair = warp_of_grid();
  if (pair >= table.rows) return;
  const bool keep = kept.keeps(pair / sources, sources, pair % sources);
  for (Index c = lane_of_thread() * Pack<T>::size; c < to.stride; c += warp_lanes * Pack<T>::size)
    store(to.row(pair) + c, keep ? load(table.row(pair) + c) : Pack<T>{});
}

/// Ordinal: dT_s = sum over r >= s of dW_r, highest level first. A warp a source.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    sum_levels_from_above(const BlockMatrix<T> gradient, Index levels) {
  const Index source = warp_of_grid();
  if (source >= gradient.rows) return;
  for (Index c = lane_of_thread() * Pack<T>::size; c < gradient.stride; c += warp_lanes * Pack<T>::size) {
    Pack<T> sum;
    for (Index level = levels - 1; level >= 0; --level) {
      T* at = gradient.block(level) + Offset{source} * gradient.stride + c;
      const Pack<T> own = load(at);
      for (Index i = 0; i < Pack<T>::size; ++i) sum.value[i] += own.value[i];
      store(at, sum);
    }
  }
}

/// What a gather would do, by cuSPARSE: the products of all rows, and what becomes of them.
template <class Policy, class T = typename Policy::Element>
void multiply_and_finish(CudaContext& context, const Expansion& expansion,
                         MatrixView<const std::type_identity_t<T>> table, const Policy& policy) {
  const MatrixView<T> products{context.scratch<T>(0, Offset{expansion.rows()} * policy.columns), expansion.rows(),
                               policy.columns, policy.columns};
  context.spmm()->multiply<T>(context, expansion, table, products);
  context.launch("finish_products", &finish_products<Policy>, blocks_for(policy.outputs(), warp_lanes), policy,
                 products);
}

template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) degree_scale(const DegreeScale<T> op) {
  const Offset i = thread_of_grid();
  if (i >= op.count) return;
  const T degree = static_cast<T>(op.degree[i]);
  op.scale[i] = op.degree[i] == 0                              ? T(0)
                : op.normalization == Normalization::symmetric ? T(1) / sqrt(degree)
                                                               : T(1) / degree;
}

}  // namespace

/// The number of kept pairs stays on the device: the grid is as large as if all were kept, and surplus warps return.
template <class T>
void run(CudaContext& context, const BuildTable<T>& op) {
  if (op.ordinal)
    context.launch("build_ordinal_table", &build_ordinal_table<T>, blocks_for(op.weights.rows, warp_lanes), op);
  else
    context.launch("build_table", &build_table<T>, blocks_for(Offset{op.weights.blocks} * op.weights.rows, warp_lanes),
                   op);
}

template <class T>
void run(CudaContext& context, const Aggregate<T>& op) {
  const Forward<T> forward(op);
  if (!context.spmm()) return run_gather(context, "aggregate", forward);
  MatrixView<const T> table = op.table;
  if (op.kept) {
    const MatrixView<T> copy{context.scratch<T>(1, Offset{table.rows} * forward.columns), table.rows, forward.columns,
                             forward.columns};
    context.launch("copy_kept", &copy_kept<T>, blocks_for(table.rows, warp_lanes), table, op.kept, op.adjacency.sources,
                   copy);
    table = copy;
  }
  const bool alone = op.tables == 1;
  multiply_and_finish(context, {op.adjacency, op.tables, !op.stack || alone, !alone}, table, forward);
}

template <class T>
void run(CudaContext& context, const AggregateBackward<T>& op) {
  const Backward<T> backward(op);
  if (context.spmm()) {
    const BlockMatrix<const T>& blocks = op.blocks;
    const bool alone = op.tables == 1;
    multiply_and_finish(context, {op.adjacency, op.tables, alone, op.stack && !alone},
                        {blocks.data, blocks.blocks * blocks.rows, blocks.columns, blocks.stride}, backward);
  } else {
    run_gather(context, "aggregate_backward", backward);
  }
  if (op.ordinal)
    context.launch("sum_levels_from_above", &sum_levels_from_above<T>, blocks_for(op.gradient.rows, warp_lanes),
                   op.gradient, std::min(op.tables, op.adjacency.levels));
}

template <class T>
void run(CudaContext& context, const DegreeScale<T>& op) {
  context.launch("degree_scale", &degree_scale<T>, blocks_for(op.count), op);
}

#define GCMC_INSTANTIATE(T)                                        \
  template void run<T>(CudaContext&, const BuildTable<T>&);        \
  template void run<T>(CudaContext&, const Aggregate<T>&);         \
  template void run<T>(CudaContext&, const AggregateBackward<T>&); \
  template void run<T>(CudaContext&, const DegreeScale<T>&);
GCMC_INSTANTIATE(float)
GCMC_INSTANTIATE(double)

}  // namespace gcmc::kernels
