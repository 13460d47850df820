// Products with a sparse matrix: of weighted rows, a gather whose rows have the weights of their entries; and the dot
// products of its entries, with their squared errors.
#include "gather.hpp"
#include "kernels.hpp"
#include "scorer.hpp"

namespace gcmc::kernels {
namespace {

template <class T>
struct WeightedRows {
  using Element = T;
  static constexpr int sums = 1;
  static constexpr bool weighted = true;
  static constexpr Index rows_each = 1;
  Adjacency adjacency;
  Offset stride;
  Index columns;
  MultiplySparse<T> op;

  explicit WeightedRows(const MultiplySparse<T>& product)
      : adjacency(product.a), stride(product.b.stride), columns(row_stride<T>(product.c.columns)), op(product) {}

  __host__ __device__ Index outputs() const { return adjacency.receivers; }
  __device__ EntryRows rows(Index output) const { return rows_of(adjacency, output); }
  __device__ Addend look_up(Index, const Place& place) const { return {adjacency.source[place.entry], place.entry}; }
  __device__ T weight(const Addend& addend, Index, int) const { return op.values[addend.weight]; }
  __device__ const T* base(Index) const { return op.b.data; }
  __device__ void finish(Index output, int, Index column, Pack<T> pack) const {
    T* to = op.c.row(output) + column;
    const Pack<T> before = op.accumulate ? load(to) : Pack<T>{};
#pragma unroll
    for (Index i = 0; i < Pack<T>::size; ++i) {
      if (op.bias) pack.value[i] += op.bias[column + i];
      pack.value[i] += before.value[i];
    }
    store(to, pack);
  }
};

/// A warp's part of PairDots: batches of 32 pairs of one receiver, a lane a pair.
template <class T>
class PairErrors {
 public:
  __device__ explicit PairErrors(const PairDots<T>& op)
      : op_(op), per_pair_(op.slopes ? static_cast<T>(2.0 / static_cast<double>(*op.count)) : T(0)) {}

  __device__ void add(Index receiver, int first, int warps) {
    const EntryRows rows = rows_of(op_.pairs, receiver);
    const Index pairs = entries_of(op_.pairs, rows);
    for (Index batch = first * warp_lanes; batch < pairs; batch += warps * warp_lanes) {
      const bool valid = batch + lane_of_thread() < pairs;
      const Place place = valid ? locate(op_.pairs, rows, batch + lane_of_thread()) : Place{};
      T dot[1] = {};
      pair_dots(op_.a.row(receiver), op_.b, valid ? op_.pairs.source[place.entry] : -1, 1, dot);
      if (valid) report(place, dot[0] + op_.shift);
    }
  }
  __device__ void write(DecodeSums* sums) const {
    const DecodeSums total{warp_sum(count_), 0, warp_sum(squared_error_), warp_sum(absolute_error_), 0};
    if (lane_of_thread() == 0) *sums = total;
  }

 private:
  __device__ void report(const Place& place, T dot) {
    if (op_.dots) op_.dots[place.entry] = dot;
    if (!op_.slopes && !op_.sums) return;
    const T error = dot - op_.values[place.row];
    if (op_.slopes) op_.slopes[place.entry] = error * per_pair_;
    count_ += 1;
    squared_error_ += static_cast<double>(error * error);
    absolute_error_ += static_cast<double>(error < T(0) ? -error : error);
  }

  const PairDots<T>& op_;
  T per_pair_;
  double count_ = 0, squared_error_ = 0, absolute_error_ = 0;
};

template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) pair_errors(const PairDots<T> op, DecodeSums* partial) {
  PairErrors<T> warp(op);
  share_out(op.pairs, warp);
  if (partial) warp.write(partial + warp_of_grid());
}

}  // namespace

template <class T>
void run(CudaContext& context, const PairDots<T>& op) {
  const unsigned blocks = blocks_for(op.pairs.receivers, warp_lanes);
  const Offset warps = Offset{blocks} * block_warps;
  DecodeSums* partial = op.sums ? context.scratch<DecodeSums>(0, warps) : nullptr;
  context.launch("pair_errors", &pair_errors<T>, blocks, op, partial);
  if (op.sums) context.launch("add_sums", &add_sums, 1, partial, warps, true, op.sums);
}

template <class T>
void run(CudaContext& context, const MultiplySparse<T>& op) {
  run_gather(context, "multiply_sparse", WeightedRows<T>(op));
}

template void run<float>(CudaContext&, const MultiplySparse<float>&);
template void run<double>(CudaContext&, const MultiplySparse<double>&);
template void run<float>(CudaContext&, const PairDots<float>&);
template void run<double>(CudaContext&, const PairDots<double>&);

}  // namespace gcmc::kernels
