// What kernels use: qualifiers, indices, barriers, warp collectives, atomics and intrinsics, as plain C++.
#pragma once

#include <math.h>  // float overloads in the global namespace, as CUDA has them

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
// One instance for the one thread of the system that runs kernels; filled with 0xFF before every block.
#define __shared__ thread_local

/// Dynamic shared memory. Kernels declare it at global scope, with this name and type:
///   extern __shared__ __align__(16) unsigned char gcmc_dynamic_shared[];
extern __shared__ __align__(16) unsigned char gcmc_dynamic_shared[];

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace emulator {
using Fold = std::uint64_t (*)(std::uint64_t, std::uint64_t);

/// Waits for all threads of the block; the number of those that gave a true predicate.
int block_barrier(bool predicate, const char* file, int line);
/// Waits for the lanes of mask; the value of lane `source`, or all ones if that lane takes no part.
std::uint64_t exchange(const char* name, unsigned mask, std::uint64_t value, int source);
/// Waits for the lanes of mask; the fold of their values.
std::uint64_t fold(const char* name, unsigned mask, std::uint64_t value, Fold operation);
int lane();
/// Lets another thread go on.
void yield();

template <class T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T, class F>
T reduce(const char* name, unsigned mask, T value, F) {
  return from_bits<T>(fold(name, mask, to_bits(value), [](std::uint64_t a, std::uint64_t b) {
    return to_bits<T>(static_cast<T>(F{}(from_bits<T>(a), from_bits<T>(b))));
  }));
}
template <class T, class F>
T read_modify_write(T* address, F change) {
  const T old = *address;
  *address = static_cast<T>(change(old));
  return old;
}
}  // namespace emulator

// Barriers. CUDA C++ programming guide, "Synchronization Functions" and "Memory Fence Functions".
inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulator::block_barrier(false, file, line);
}
inline int __syncthreads_count(int predicate, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return emulator::block_barrier(predicate != 0, file, line);
}
inline int __syncthreads_or(int predicate, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return emulator::block_barrier(predicate != 0, file, line) != 0;
}
inline int __syncthreads_and(int predicate, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return emulator::block_barrier(predicate == 0, file, line) == 0;
}
inline void __threadfence_block() {}
inline void __threadfence() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) { emulator::yield(); }

// Warp collectives: every lane named in the mask takes part. "Warp Shuffle Functions", "Warp Vote Functions".
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) { emulator::exchange("__syncwarp", mask, 0, emulator::lane()); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int first = emulator::lane() & -width;
  return emulator::from_bits<T>(
      emulator::exchange("__shfl_sync", mask, emulator::to_bits(value), first + (source & (width - 1))));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = emulator::lane(), source = lane - static_cast<int>(delta);
  return emulator::from_bits<T>(
      emulator::exchange("__shfl_up_sync", mask, emulator::to_bits(value), source < (lane & -width) ? lane : source));
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = emulator::lane(), source = lane + static_cast<int>(delta);
  return emulator::from_bits<T>(emulator::exchange("__shfl_down_sync", mask, emulator::to_bits(value),
                                                   source >= (lane & -width) + width ? lane : source));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
  const int lane = emulator::lane(), source = lane ^ lane_mask;
  return emulator::from_bits<T>(emulator::exchange("__shfl_xor_sync", mask, emulator::to_bits(value),
                                                   source >= (lane & -width) + width ? lane : source));
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const std::uint64_t bit = predicate != 0 ? std::uint64_t{1} << emulator::lane() : 0;
  return static_cast<unsigned>(
      emulator::fold("__ballot_sync", mask, bit, [](std::uint64_t a, std::uint64_t b) { return a | b; }));
}
inline int __any_sync(unsigned mask, int predicate) {
  return emulator::fold("__any_sync", mask, predicate != 0, [](std::uint64_t a, std::uint64_t b) { return a | b; }) !=
         0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return emulator::fold("__all_sync", mask, predicate != 0, [](std::uint64_t a, std::uint64_t b) { return a & b; }) !=
         0;
}
/// The guide promises no more than the calling lane.
inline unsigned __activemask() { return 1u << emulator::lane(); }

#define GCMC_EMULATED_REDUCE(name, type, expression)                                        \
  inline type name(unsigned mask, type value) {                                             \
    return emulator::reduce(#name, mask, value, [](type a, type b) { return expression; }); \
  }
GCMC_EMULATED_REDUCE(__reduce_add_sync, unsigned, a + b)
GCMC_EMULATED_REDUCE(__reduce_add_sync, int, static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b)))
GCMC_EMULATED_REDUCE(__reduce_min_sync, unsigned, std::min(a, b))
GCMC_EMULATED_REDUCE(__reduce_min_sync, int, std::min(a, b))
GCMC_EMULATED_REDUCE(__reduce_max_sync, unsigned, std::max(a, b))
GCMC_EMULATED_REDUCE(__reduce_max_sync, int, std::max(a, b))
GCMC_EMULATED_REDUCE(__reduce_and_sync, unsigned, a& b)
GCMC_EMULATED_REDUCE(__reduce_or_sync, unsigned, a | b)
GCMC_EMULATED_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef GCMC_EMULATED_REDUCE

// Atomics. Threads run one at a time, so that plain reads and writes are whole. "Atomic Functions".
#define GCMC_EMULATED_ATOMIC(name, expression)                                          \
  template <class T>                                                                    \
  T name(T* address, std::type_identity_t<T> value) {                                   \
    return emulator::read_modify_write(address, [value](T old) { return expression; }); \
  }                                                                                     \
  template <class T>                                                                    \
  T name##_block(T* address, std::type_identity_t<T> value) {                           \
    return name(address, value);                                                        \
  }
GCMC_EMULATED_ATOMIC(atomicAdd, old + value)
GCMC_EMULATED_ATOMIC(atomicSub, old - value)
GCMC_EMULATED_ATOMIC(atomicExch, (static_cast<void>(old), value))
GCMC_EMULATED_ATOMIC(atomicMin, std::min(old, value))
GCMC_EMULATED_ATOMIC(atomicMax, std::max(old, value))
GCMC_EMULATED_ATOMIC(atomicAnd, old& value)
GCMC_EMULATED_ATOMIC(atomicOr, old | value)
GCMC_EMULATED_ATOMIC(atomicXor, old ^ value)
GCMC_EMULATED_ATOMIC(atomicInc, old >= value ? T{0} : static_cast<T>(old + 1))
GCMC_EMULATED_ATOMIC(atomicDec, old == 0 || old > value ? value : static_cast<T>(old - 1))
#undef GCMC_EMULATED_ATOMIC
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  return emulator::read_modify_write(address, [=](T old) { return old == compare ? value : old; });
}

// Intrinsics. CUDA Math API.
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(std::uint64_t{a} * b >> 32); }
inline int __mulhi(int a, int b) { return static_cast<int>(std::int64_t{a} * b >> 32); }
template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
using std::max;
using std::min;
