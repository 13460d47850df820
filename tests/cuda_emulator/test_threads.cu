// Threads, barriers and warps: right kernels give right results in every order of their threads; wrong ones are caught.
#include <numeric>

#include "emulator_test.hpp"

extern __shared__ __align__(16) unsigned char gcmc_dynamic_shared[];

namespace {

enum class Bug { none, no_barrier, no_second_barrier };

/// out[block] = sum of the block's part of x, twice over.
template <class T>
__global__ void __launch_bounds__(256) block_sums(const T* x, T* out, Bug bug) {
  __shared__ T sums[8];
  T total = 0;
  for (int round = 0; round < 2; ++round) {
    T value = x[blockIdx.x * blockDim.x + threadIdx.x] * T(round + 1);
    for (int distance = 16; distance > 0; distance /= 2) value += __shfl_down_sync(0xFFFFFFFFu, value, distance);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    if (bug != Bug::no_barrier) __syncthreads();
    for (int warp = 0; warp < 8; ++warp) total += sums[warp];
    if (bug != Bug::no_second_barrier) __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

template <class T>
bool sums_are_right(Bug bug) {
  std::vector<T> values(5 * 256);
  std::iota(values.begin(), values.end(), T(1));
  const DeviceArray<T> x(values), out(5);
  REQUIRE(run(5, 256, block_sums<T>, x.data, out.data, bug) == cudaSuccess);
  const std::vector<T> sums = out.get();
  for (int block = 0; block < 5; ++block)
    if (!(sums[block] == 3 * std::accumulate(&values[block * 256], &values[block * 256] + 256, T(0)))) return false;
  return true;
}

TEMPLATE_TEST_CASE("a block's sum is right in every order of its threads, and wrong without either barrier",
                   "[emulator]", float, double) {
  const Clean clean;
  CHECK(count_seeds([] { return sums_are_right<TestType>(Bug::none); }) == 20);
  CHECK(count_seeds([] { return sums_are_right<TestType>(Bug::no_barrier); }) <= 1);
  CHECK(count_seeds([] { return sums_are_right<TestType>(Bug::no_second_barrier); }) <= 1);
}

/// Inclusive scan of one block: warps by shuffles, then their totals in dynamic shared memory.
__global__ void scan(const int* x, int* out) {
  int* totals = reinterpret_cast<int*>(gcmc_dynamic_shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int value = x[threadIdx.x];
  for (int distance = 1; distance < 32; distance *= 2) {
    const int before = __shfl_up_sync(0xFFFFFFFFu, value, distance);
    if (lane >= distance) value += before;
  }
  if (lane == 31) totals[warp] = value;
  __syncthreads();
  for (int w = 0; w < warp; ++w) value += totals[w];
  out[threadIdx.x] = value;
}

TEST_CASE("a scan by shuffles is right in every order of its threads", "[emulator]") {
  const Clean clean;
  for (const unsigned threads : {1u, 31u, 32u, 33u, 100u, 1024u}) {
    std::vector<int> values(threads), sums(threads);
    for (unsigned i = 0; i < threads; ++i) values[i] = static_cast<int>(i * i % 17);
    std::partial_sum(values.begin(), values.end(), sums.begin());
    const DeviceArray<int> x(values), out(threads);
    CHECK(count_seeds([&] {
            REQUIRE(launch_on(nullptr, 1, threads, 128, scan, x.data, out.data) == cudaSuccess);
            return out.get() == sums;
          }) == 20);
  }
}

__global__ void reverse_in_warp(int* x, bool wait) {
  __shared__ volatile int lanes[32];
  lanes[threadIdx.x] = x[threadIdx.x];
  if (wait) __syncwarp();
  x[threadIdx.x] = lanes[31 - threadIdx.x];
}

TEST_CASE("lanes of a warp do not run in step: a missing __syncwarp shows", "[emulator]") {
  const Clean clean;
  std::vector<int> values(32);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<int> reversed(values.rbegin(), values.rend());
  const auto is_reversed = [&](bool wait) {
    const DeviceArray<int> x(values);
    REQUIRE(run(1, 32, reverse_in_warp, x.data, wait) == cudaSuccess);
    return x.get() == reversed;
  };
  CHECK(count_seeds([&] { return is_reversed(true); }) == 20);
  CHECK(count_seeds([&] { return is_reversed(false); }) == 0);
}

__global__ void shift_in_warp(int* x) {
  __shared__ volatile int lanes[33];
  lanes[threadIdx.x + 1] = x[threadIdx.x];
  if (threadIdx.x == 0) lanes[0] = 0;
  x[threadIdx.x] = lanes[threadIdx.x];
}
/// Warp 1 reads what warp 0 overwrites after many waits of its own.
__global__ void overtake(int* out) {
  __shared__ volatile int value;
  if (threadIdx.x == 0) value = 1;
  __syncthreads();
  if (threadIdx.x < 32)
    for (int i = 0; i < 500; ++i) __syncwarp();
  if (threadIdx.x == 0) value = 2;
  if (threadIdx.x == 32) *out = value;
}

TEST_CASE("no order of lanes or warps is safe: later lanes run first, and a warp far ahead of another", "[emulator]") {
  const Clean clean;
  std::vector<int> values(32), shifted(32);
  std::iota(values.begin(), values.end(), 1);
  std::iota(shifted.begin(), shifted.end(), 0);
  const int shifts = count_seeds([&] {
    const DeviceArray<int> x(values);
    REQUIRE(run(1, 32, shift_in_warp, x.data) == cudaSuccess);
    return x.get() == shifted;
  });
  CHECK(shifts <= 1);
  const int first = count_seeds([&] {
    const DeviceArray<int> out(1);
    REQUIRE(run(1, 64, overtake, out.data) == cudaSuccess);
    return out.get()[0] == 1;
  });
  CHECK(first > 0);
  CHECK(first < 20);
}

/// counts: 0 atomicAdd over all threads, 1 largest, 2 votes, 3 fold of halves, 4 count at a barrier, 5 or of bits, 6
/// xor.
__global__ void collectives(unsigned* counts, float* sum) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  atomicAdd(&counts[0], 1u);
  atomicMax(&counts[1], i);
  if (__ballot_sync(0xFFFFFFFFu, lane % 3 == 0) == 0x49249249u && __any_sync(0xFFFFFFFFu, lane == 7) &&
      !__all_sync(0xFFFFFFFFu, lane != 7) && __all_sync(0xFFFFFFFFu, 1))
    atomicAdd(&counts[2], 1u);
  const unsigned half = lane < 16 ? 0xFFFFu : 0xFFFF0000u;  // two collectives of one warp at a time
  if (__reduce_add_sync(half, lane) == (lane < 16 ? 120u : 376u) &&
      __reduce_min_sync(half, static_cast<int>(lane) - 20) == (lane < 16 ? -20 : -4))
    atomicAdd(&counts[3], 1u);
  if (__syncthreads_count(threadIdx.x % 5 == 0) == 13 && __syncthreads_or(threadIdx.x == 3) &&
      !__syncthreads_and(threadIdx.x != 3))
    atomicAdd(&counts[4], 1u);
  atomicOr(&counts[5], 1u << lane);
  if (__shfl_xor_sync(0xFFFFFFFFu, lane, 5) == (lane ^ 5) && __shfl_sync(0xFFFFFFFFu, lane, 3, 8) == (lane & ~7u) + 3)
    atomicAdd(&counts[6], 1u);
  atomicAdd(sum, 0.5f);
}

TEST_CASE("atomics, votes, warp reductions and counting barriers give what the guide says", "[emulator]") {
  const Clean clean;
  CHECK(count_seeds([] {
          const DeviceArray<unsigned> counts(std::vector<unsigned>(7, 0));
          const DeviceArray<float> sum(std::vector<float>(1, 0));
          REQUIRE(run(3, 64, collectives, counts.data, sum.data) == cudaSuccess);
          return counts.get() == std::vector<unsigned>{192, 191, 192, 192, 192, ~0u, 192} && sum.get()[0] == 96;
        }) == 20);
}

__global__ void pass_on(volatile int* turn) {
  while (*turn != static_cast<int>(threadIdx.x)) __nanosleep(10);
  *turn = *turn + 1;
}

TEST_CASE("threads that poll one another go on", "[emulator]") {
  const Clean clean;
  const DeviceArray<int> turn(std::vector<int>{0});
  CHECK(count_seeds([&] {
          REQUIRE(cudaMemset(turn.data, 0, 4) == cudaSuccess);
          REQUIRE(run(1, 100, pass_on, turn.data) == cudaSuccess);
          return turn.get()[0] == 100;
        }) == 20);
}

__global__ void leave_early() {
  if (threadIdx.x < 5) return;
  __syncthreads();
}
__global__ void two_barriers() {
  if (threadIdx.x < 5)
    __syncthreads();
  else
    __syncthreads();
}
__global__ void absent_lane(int* out) {
  if (threadIdx.x != 9) out[0] = __shfl_sync(0xFFFFFFFFu, 1, 0);
  __syncthreads();
}
__global__ void not_in_mask(int* out) { out[threadIdx.x] = __shfl_sync(0xFFFFu, 1, 0); }

TEST_CASE("a barrier that some threads miss is reported with the kernel's name", "[emulator]") {
  const Clean clean;
  const DeviceArray<int> out(32);
  CHECK(run(2, 64, leave_early) == cudaErrorLaunchFailure);
  check_one_fault(
      {"leave_early", "block (", "64 threads 5 have exited", "59 wait at the barrier at", "test_threads.cu"});
  CHECK(run(1, 64, two_barriers) == cudaErrorLaunchFailure);
  check_one_fault({"two_barriers", "thread (", "other threads of its block at"});
  CHECK(run(1, 32, absent_lane, out.data) == cudaErrorLaunchFailure);
  check_one_fault({"absent_lane", "lanes fffffdff of mask ffffffff wait at __shfl_sync"});
  CHECK(run(1, 32, not_in_mask, out.data) == cudaErrorLaunchFailure);
  check_one_fault({"not_in_mask", "lacks the calling lane"});
}

__global__ void shuffle_from_exited(float* out) {
  if (threadIdx.x == 31) return;
  out[threadIdx.x] = __shfl_sync(0xFFFFFFFFu, 1.0f, 31);
}
__global__ void read_shared(float* out) {
  __shared__ float never_written[32];
  out[threadIdx.x] = never_written[threadIdx.x];
  never_written[threadIdx.x] = 1;  // the next block may not see it
}

TEST_CASE("what a kernel may not rely on reads as NaN", "[emulator]") {
  const Clean clean;
  const auto all_nan = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isnan(x); });
  };
  const DeviceArray<float> out(std::vector<float>(31, 0)), shared(std::vector<float>(32, 0));
  REQUIRE(run(1, 32, shuffle_from_exited, out.data) == cudaSuccess);
  CHECK(all_nan(out.get()));
  REQUIRE(run(3, 32, read_shared, shared.data) == cudaSuccess);
  CHECK(all_nan(shared.get()));
}

__global__ void write_dynamic(int count) { reinterpret_cast<int*>(gcmc_dynamic_shared)[count] = 0; }

TEST_CASE("an overrun of dynamic shared memory is reported", "[emulator]") {
  const Clean clean;
  REQUIRE(launch_on(nullptr, 1, 1, 16, write_dynamic, 3) == cudaSuccess);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  REQUIRE(emulator::take_faults().empty());
  REQUIRE(launch_on(nullptr, 1, 1, 16, write_dynamic, 4) == cudaSuccess);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  check_one_fault({"write_dynamic", "wrote up to 4 bytes behind its 16 bytes of dynamic shared memory"});
}

__global__ void nothing() {}

TEST_CASE("launches beyond the documented limits are refused", "[emulator]") {
  const Clean clean;
  CHECK(run(1, 0, nothing) == cudaErrorInvalidConfiguration);
  CHECK(run(0, 32, nothing) == cudaErrorInvalidConfiguration);
  CHECK(run(1, 1025, nothing) == cudaErrorInvalidConfiguration);
  CHECK(run(1, dim3(1, 1, 65), nothing) == cudaErrorInvalidConfiguration);
  CHECK(run(dim3(1, 65536), 32, nothing) == cudaErrorInvalidConfiguration);
  CHECK(cudaPeekAtLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(launch_on(nullptr, 1, 32, 49153, nothing) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 65537) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536) == cudaSuccess);
  CHECK(launch_on(nullptr, 1, 32, 65536, nothing) == cudaSuccess);
  CHECK(run(dim3(2, 3, 4), dim3(4, 8, 16), nothing) == cudaSuccess);
}

__global__ void where_am_i(uint3* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = {
      blockIdx.x * 10 + threadIdx.x, blockIdx.y * 10 + threadIdx.y, blockIdx.z * 10 + threadIdx.z};
}

TEST_CASE("every thread of a three-dimensional launch runs once, at its place", "[emulator]") {
  const Clean clean;
  const DeviceArray<uint3> out(2 * 3 * 2 * 4 * 2 * 3);
  REQUIRE(run(dim3(2, 3, 2), dim3(4, 2, 3), where_am_i, out.data) == cudaSuccess);
  const std::vector<uint3> seen = out.get();
  std::size_t at = 0, wrong = 0;
  for (unsigned bz = 0; bz < 2; ++bz)
    for (unsigned by = 0; by < 3; ++by)
      for (unsigned bx = 0; bx < 2; ++bx)
        for (unsigned tz = 0; tz < 3; ++tz)
          for (unsigned ty = 0; ty < 2; ++ty)
            for (unsigned tx = 0; tx < 4; ++tx, ++at)
              wrong += seen[at].x != bx * 10 + tx || seen[at].y != by * 10 + ty || seen[at].z != bz * 10 + tz;
  CHECK(wrong == 0);
}

}  // namespace
