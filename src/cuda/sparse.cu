// Products of weighted sparse rows: a gather whose rows have the weights of their entries.
#include "gather.hpp"
#include "kernels.hpp"

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
  __device__ EntryRows rows(Index output) const { return {output, 1, 1}; }
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

}  // namespace

template <class T>
void run(CudaContext& context, const MultiplySparse<T>& op) {
  run_gather(context, "multiply_sparse", WeightedRows<T>(op));
}

template void run<float>(CudaContext&, const MultiplySparse<float>&);
template void run<double>(CudaContext&, const MultiplySparse<double>&);

}  // namespace gcmc::kernels
