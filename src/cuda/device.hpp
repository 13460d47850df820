// What kernels share: 16-byte packs, sums over a warp and a block in a fixed order. All of a warp's lanes
// take part in every call that names the warp.
#pragma once

#include <cuda_runtime.h>

#include "context.hpp"
#include "gcmc/backend/operations.hpp"

namespace gcmc {

constexpr int warp_lanes = 32;
constexpr int block_warps = block_threads / warp_lanes;
constexpr unsigned whole_warp = 0xFFFFFFFFu;

/// What one load moves. Rows start on 64 bytes and are padded to whole packs.
template <class T>
struct alignas(16) Pack {
  static constexpr Index size = 16 / sizeof(T);
  T value[size] = {};
};

template <class T>
__device__ Pack<T> load(const T* from) {
  return *reinterpret_cast<const Pack<T>*>(from);
}
template <class T>
__device__ void store(T* to, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(to) = pack;
}
/// The first `count` elements; as one store where that is all of them and `to` is aligned.
template <class T>
__device__ void store_some(T* to, const Pack<T>& pack, Index count) {
  if (count >= Pack<T>::size && reinterpret_cast<std::uintptr_t>(to) % 16 == 0) return store(to, pack);
#pragma unroll
  for (Index i = 0; i < Pack<T>::size; ++i)
    if (i < count) to[i] = pack.value[i];
}

__device__ inline int lane_of_thread() { return static_cast<int>(threadIdx.x) % warp_lanes; }
__device__ inline int warp_of_block() { return static_cast<int>(threadIdx.x) / warp_lanes; }
/// Number of this thread, or this warp, in the grid's first dimension. Rows are counted in 32 bits, and so are warps.
__device__ inline Offset thread_of_grid() { return Offset{blockIdx.x} * block_threads + threadIdx.x; }
__device__ inline Index warp_of_grid() { return static_cast<Index>(blockIdx.x) * block_warps + warp_of_block(); }

/// Every lane gets the sum over the warp, or over each aligned group of `lanes` of it.
template <class T>
__device__ T warp_sum(T value, int lanes = warp_lanes) {
  for (int distance = lanes / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(whole_warp, value, distance);
  return value;
}

/// Every thread gets the sum over the block: lanes, then warps in order.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T sums[block_warps];
  value = warp_sum(value);
  if (lane_of_thread() == 0) sums[warp_of_block()] = value;
  __syncthreads();
  value = sums[0];
  for (int warp = 1; warp < block_warps; ++warp) value += sums[warp];
  __syncthreads();
  return value;
}

__device__ inline bool bit_of(const std::uint8_t* bits, Offset i) { return bits[i / 8] >> (i % 8) & 1; }

/// Is a dropout's unit kept? All are where there are no bits.
__device__ inline bool unit_kept(const std::uint8_t* bits, Offset i) { return !bits || bit_of(bits, i); }

}  // namespace gcmc
