// The bilinear decoder in passes without atomics: scores, softmax, loss and dLoss/dx of all pairs, by user; then both
// sides' gradients, as sums of gathered rows. The pass without gradients is the first alone.
#include "gather.hpp"
#include "kernels.hpp"
#include "scorer.hpp"

namespace gcmc::kernels {
namespace {

template <class T, int held, bool wide>
__global__ void __launch_bounds__(block_threads, least_blocks) score_pairs(const ScorePass<T> pass) {
  Scorer<T, held, wide> scorer(pass);
  share_out(pass.pairs, scorer);
  scorer.write(warp_of_grid());
}

/// One block an element of the coefficients' gradient.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_coefficients(const ScorePass<T> pass, Offset warps, T* gradient) {
  const Index element = static_cast<Index>(blockIdx.x), s = element % pass.bases, r = element / pass.bases;
  double sum = 0;
  for (Offset warp = threadIdx.x; warp < warps; warp += block_threads)
    sum += static_cast<double>(pass.coefficient_partial[warp * gridDim.x + element]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) gradient[Offset{s} * row_stride<T>(pass.pairs.levels) + r] = static_cast<T>(sum);
}

/// d user_basis of blocks first_base and the next: the items' rows weighted by the pairs' slopes.
template <class T, int bases_at_once>
struct UserGradient {
  using Element = T;
  static constexpr int sums = bases_at_once;
  static constexpr bool weighted = true;
  static constexpr Index rows_each = 1;
  Adjacency adjacency;
  MatrixView<const T> items;
  Index columns, bases, first_base;
  Offset stride;
  const T* slopes;
  MatrixView<T> gradient;

  __host__ __device__ Index outputs() const { return adjacency.receivers; }
  __device__ EntryRows rows(Index user) const { return rows_of(adjacency, user); }
  __device__ Addend look_up(Index, const Place& place) const { return {adjacency.source[place.entry], place.entry}; }
  __device__ T weight(const Addend& addend, Index, int s) const {
    return slopes[addend.weight * bases + first_base + s];
  }
  __device__ const T* base(Index) const { return items.data; }
  __device__ void finish(Index user, int s, Index column, const Pack<T>& pack) const {
    store(gradient.row(user) + Offset{first_base + s} * stride + column, pack);
  }
};

/// d items: the users' rows of every basis weighted by the pairs' slopes. `adjacency` holds the pairs by item; a pair's
/// slopes lie where it stands among its user's, whose rows ascend.
template <class T>
struct ItemGradient {
  using Element = T;
  static constexpr int sums = 1;
  static constexpr bool weighted = true;
  Adjacency adjacency, by_user;
  MatrixView<const T> user_basis;
  Index columns, rows_each;
  Offset stride;
  const T* slopes;
  MatrixView<T> gradient;

  __host__ __device__ Index outputs() const { return adjacency.receivers; }
  __device__ EntryRows rows(Index item) const { return rows_of(adjacency, item); }
  __device__ Addend look_up(Index item, const Place& place) const {
    const Index user = adjacency.source[place.entry];
    const Offset row = Offset{user} * by_user.levels + place.row;
    Offset low = by_user.begin[row], high = by_user.end[row];
    while (low < high) {
      const Offset middle = low + (high - low) / 2;
      if (by_user.source[middle] < item)
        low = middle + 1;
      else
        high = middle;
    }
    return {user, low};
  }
  __device__ T weight(const Addend& addend, Index s, int) const { return slopes[addend.weight * rows_each + s]; }
  __device__ const T* base(Index) const { return user_basis.data; }
  __device__ void finish(Index item, int, Index column, const Pack<T>& pack) const {
    store(gradient.row(item) + column, pack);
  }
};

/// Scores all pairs and adds up what the warps leave.
template <class T>
void score(CudaContext& context, ScorePass<T> pass, T* coefficient_gradient, DecodeSums* sums) {
  const unsigned blocks = blocks_for(pass.pairs.receivers, warp_lanes);
  const Offset warps = Offset{blocks} * block_warps;
  pass.sums_partial = context.scratch<DecodeSums>(0, warps);
  if (pass.slopes) pass.coefficient_partial = context.scratch<T>(1, warps * pass.bases * pass.pairs.levels);
  const auto launch = [&](auto kernel) { context.launch("score_pairs", kernel, blocks, pass); };
  if (pass.bases <= 2)
    launch(&score_pairs<T, 2, false>);
  else if (pass.bases <= 4)
    launch(&score_pairs<T, 4, false>);
  else if (pass.bases <= 8)
    launch(&score_pairs<T, 8, false>);
  else {
    pass.x = context.scratch<T>(3, pass.pairs.entries * pass.bases);
    launch(&score_pairs<T, 4, true>);
  }
  if (coefficient_gradient)
    context.launch("add_coefficients", &add_coefficients<T>, static_cast<unsigned>(pass.bases * pass.pairs.levels),
                   pass, warps, coefficient_gradient);
  if (sums) context.launch("add_sums", &add_sums, 1, pass.sums_partial, warps, !pass.slopes, sums);
}

}  // namespace

template <class T>
void run(CudaContext& context, const Decode<T>& op) {
  T* slopes = context.scratch<T>(2, op.pairs.entries * op.bases);
  score<T>(context,
           {op.pairs, op.bases, op.user_basis, op.items, op.coefficients, op.values, op.count, slopes, nullptr, nullptr,
            nullptr, nullptr, nullptr, op.smoothing},
           op.coefficient_gradient, op.sums);
  const Index columns = op.items.stride;
  for (Index s = 0; s < op.bases; s += 2) {
    if (s + 1 < op.bases)
      run_gather(context, "user_gradient",
                 UserGradient<T, 2>{op.pairs, op.items, columns, op.bases, s, columns, slopes, op.user_basis_gradient});
    else
      run_gather(context, "user_gradient",
                 UserGradient<T, 1>{op.pairs, op.items, columns, op.bases, s, columns, slopes, op.user_basis_gradient});
  }
  run_gather(
      context, "item_gradient",
      ItemGradient<T>{op.hints.by_item, op.pairs, op.user_basis, columns, op.bases, columns, slopes, op.item_gradient});
}

template <class T>
void run(CudaContext& context, const Predict<T>& op) {
  score<T>(context,
           {op.pairs, op.bases, op.user_basis, op.items, op.coefficients, op.values, nullptr, nullptr, nullptr, nullptr,
            op.predictions, op.probabilities, nullptr},
           nullptr, op.sums);
}

#define GCMC_INSTANTIATE(T)                             \
  template void run<T>(CudaContext&, const Decode<T>&); \
  template void run<T>(CudaContext&, const Predict<T>&);
GCMC_INSTANTIATE(float)
GCMC_INSTANTIATE(double)

}  // namespace gcmc::kernels
