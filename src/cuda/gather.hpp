// Sums of gathered rows, the kernel of the graph convolution both ways and of the decoder's gradients:
//   output row o, sum s = sum over the entries of o, over an entry's rows, of weight_s * row
// One warp an output row; an output of many entries is taken by its whole block, whose warps' sums are added in order.
// Each lane looks one entry up; what is kept lines up in shared memory, so that rows are loaded one behind the other
// without waiting for their indices, and a dropped entry costs no load.
#pragma once

#include "device.hpp"

namespace gcmc {

/// Outputs of more entries than this are shared out over a block.
constexpr Index long_output = 512;

/// The adjacency's rows that an output draws from: `count` from `first` on, once or twice.
struct EntryRows {
  Offset first = 0;
  Index count = 0, repeats = 1;
};

/// The n-th entry among EntryRows: its position in Adjacency::source, and the number of its row, repeats counted on.
struct Place {
  Index row = 0;
  Offset entry = 0;
};

__device__ inline Index entries_of(const Adjacency& graph, const EntryRows& rows) {
  Index entries = 0;
  for (Index row = 0; row < rows.count; ++row)
    entries += static_cast<Index>(graph.end[rows.first + row] - graph.begin[rows.first + row]);
  return entries * rows.repeats;
}

/// n must lie below entries_of. A few loads, which neighbouring lanes share.
__device__ inline Place locate(const Adjacency& graph, const EntryRows& rows, Index n) {
  for (Index row = 0;; ++row) {
    const Offset at = rows.first + (row < rows.count ? row : row - rows.count), begin = graph.begin[at];
    const auto size = static_cast<Index>(graph.end[at] - begin);
    if (n < size) return {row, begin + n};
    n -= size;
  }
}

/// What an entry adds: rows row * rows_each .. row * rows_each + rows_each - 1, weighted by what `weight` names; or
/// nothing, if row < 0.
struct Addend {
  Index row = -1;
  Offset weight = 0;
};

/// The kernel for one shape: a lane holds `packs` packs of an output; with halves == 2, rows are narrow enough for one
/// half of a warp, and two are added at a time.
///
/// Policy: a struct of the operation's fields with
///   Element, sums (outputs that one gather adds up, each with its own weights), weighted (false: all weights are 1)
///   adjacency, from, stride, columns (of the gathered rows, a multiple of a pack), rows_each
///   Index outputs()                              their number
///   EntryRows rows(output)                       none, where nothing is to be gathered
///   Addend look_up(output, place)                of one entry
///   Element weight(addend, part, s)              of its row `part` in sum s
///   const Element* base(output)                  of the gathered rows
///   void finish(output, s, column, pack)         takes a finished pack
template <class Policy, int halves, int packs>
class Gather {
 public:
  using T = typename Policy::Element;
  static constexpr int sums = Policy::sums, lanes = warp_lanes / halves;
  /// Columns that one warp covers.
  static constexpr Index tile = lanes * packs * Pack<T>::size;

  struct Shared {
    bool is_long[block_warps];
    Index row[block_warps][2 * warp_lanes];
    T weight[block_warps][Policy::weighted ? sums : 1][2 * warp_lanes];
    Pack<T> partial[block_warps][lanes];
  };

  __device__ Gather(const Policy& policy, Shared& shared) : policy_(policy), shared_(shared) {}

  /// Outputs first .. first + block_warps - 1.
  __device__ void run(Index first) {
    const int warp = warp_of_block();
    const bool mine = first + warp < policy_.outputs();
    const Index entries = mine ? entries_of(policy_.adjacency, policy_.rows(first + warp)) : 0;
    if (lane_of_thread() == 0) shared_.is_long[warp] = entries > long_output;
    if (mine && entries <= long_output) {
      add_entries(first + warp, entries, 0, 1);
#pragma unroll
      for (int s = 0; s < sums; ++s)
#pragma unroll
        for (int v = 0; v < packs; ++v) finish(first + warp, s, v);
    }
    __syncthreads();
    for (int long_one = 0; long_one < block_warps; ++long_one)
      if (shared_.is_long[long_one]) share_out(first + long_one);
  }

 private:
  /// The whole block adds up one output: batch b of 32 entries by warp b % block_warps.
  __device__ void share_out(Index output) {
    const int warp = warp_of_block(), lane = lane_of_thread();
    add_entries(output, entries_of(policy_.adjacency, policy_.rows(output)), warp, block_warps);
#pragma unroll
    for (int s = 0; s < sums; ++s)
#pragma unroll
      for (int v = 0; v < packs; ++v) {
        if (lane < lanes) shared_.partial[warp][lane] = sum_[s][v];
        __syncthreads();
        if (warp == 0 && lane < lanes) {
          for (int other = 1; other < block_warps; ++other)
#pragma unroll
            for (Index i = 0; i < Pack<T>::size; ++i) sum_[s][v].value[i] += shared_.partial[other][lane].value[i];
          finish(output, s, v);
        }
        __syncthreads();
      }
  }

  /// sum_ = the sum over every warps-th batch of the entries, from batch `first` on.
  __device__ void add_entries(Index output, Index entries, int first, int warps) {
#pragma unroll
    for (int s = 0; s < sums; ++s)
#pragma unroll
      for (int v = 0; v < packs; ++v) sum_[s][v] = Pack<T>{};
    const EntryRows rows = policy_.rows(output);
    const T* base = policy_.base(output);
    const int lane = lane_of_thread();
    int listed = 0;
    for (Index batch = first * warp_lanes; batch < entries; batch += warps * warp_lanes) {
      Addend addend;
      if (batch + lane < entries) addend = policy_.look_up(output, locate(policy_.adjacency, rows, batch + lane));
      for (Index part = 0; part < policy_.rows_each; ++part) {
        listed = list(addend, part, listed);
        if (listed > warp_lanes) {
          add_listed(base, listed);
          listed = 0;
        }
      }
    }
    add_listed(base, listed);
    if constexpr (halves == 2)
#pragma unroll
      for (int s = 0; s < sums; ++s)
#pragma unroll
        for (int v = 0; v < packs; ++v)
#pragma unroll
          for (T& value : sum_[s][v].value) value += __shfl_xor_sync(whole_warp, value, lanes);
  }

  /// Appends the lanes' rows, in the lanes' order; returns how many are listed now.
  __device__ int list(const Addend& addend, Index part, int listed) {
    const int warp = warp_of_block();
    const unsigned kept = __ballot_sync(whole_warp, addend.row >= 0);
    if (addend.row >= 0) {
      const int at = listed + __popc(kept & ((1u << lane_of_thread()) - 1));
      shared_.row[warp][at] = addend.row * policy_.rows_each + part;
      if constexpr (Policy::weighted)
#pragma unroll
        for (int s = 0; s < sums; ++s) shared_.weight[warp][s][at] = policy_.weight(addend, part, s);
    }
    return listed + __popc(kept);
  }

  __device__ void add_listed(const T* base, int listed) {
    const int warp = warp_of_block(), half = lane_of_thread() / lanes;
    __syncwarp();
#pragma unroll 4
    for (int k = half; k < listed; k += halves) {
      const T* row = base + Offset{shared_.row[warp][k]} * policy_.stride;
#pragma unroll
      for (int v = 0; v < packs; ++v) {
        if (column(v) >= policy_.columns) continue;
        const Pack<T> pack = load(row + column(v));
#pragma unroll
        for (int s = 0; s < sums; ++s)
#pragma unroll
          for (Index i = 0; i < Pack<T>::size; ++i)
            sum_[s][v].value[i] += Policy::weighted ? shared_.weight[warp][s][k] * pack.value[i] : pack.value[i];
      }
    }
    __syncwarp();
  }

  __device__ void finish(Index output, int s, int v) const {
    if (lane_of_thread() < lanes && column(v) < policy_.columns) policy_.finish(output, s, column(v), sum_[s][v]);
  }

  /// The first column of this lane's pack v.
  __device__ Index column(int v) const {
    return static_cast<Index>(blockIdx.y) * tile + (v * lanes + lane_of_thread() % lanes) * Pack<T>::size;
  }

  const Policy& policy_;
  Shared& shared_;
  Pack<T> sum_[sums][packs];
};

template <class Policy, int halves, int packs>
__global__ void __launch_bounds__(block_threads, least_blocks) gather(const Policy policy) {
  __shared__ typename Gather<Policy, halves, packs>::Shared shared;
  Gather<Policy, halves, packs>(policy, shared).run(static_cast<Index>(blockIdx.x) * block_warps);
}

/// Runs a policy in the shape that suits its columns.
template <class Policy>
void run_gather(CudaContext& context, const char* name, const Policy& policy) {
  constexpr Index size = Pack<typename Policy::Element>::size;
  const auto launch = [&](auto kernel, Index tile) {
    context.launch(name, kernel, dim3(blocks_for(policy.outputs(), warp_lanes), (policy.columns + tile - 1) / tile),
                   policy);
  };
  const Index packs = policy.columns / size;
  if (packs <= warp_lanes / 2)
    launch(&gather<Policy, 2, 1>, Gather<Policy, 2, 1>::tile);
  else if (packs <= warp_lanes)
    launch(&gather<Policy, 1, 1>, Gather<Policy, 1, 1>::tile);
  else if (packs <= 2 * warp_lanes)
    launch(&gather<Policy, 1, 2>, Gather<Policy, 1, 2>::tile);
  else
    launch(&gather<Policy, 1, 4>, Gather<Policy, 1, 4>::tile);
}

}  // namespace gcmc
