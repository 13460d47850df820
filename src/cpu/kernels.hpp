// The table of kernels that one instruction set fills, and what a kernel is given beside its operation.
#pragma once

#include "gcmc/backend/operation_list.hpp"
#include "thread_pool.hpp"

namespace gcmc {

/// Memory of which each thread has a part of its own, two lines or more from the others': processors fetch lines in
/// pairs, so that parts which touch would pass lines to and fro.
template <class T>
struct PerThread {
  T* data = nullptr;
  Offset stride = 0;
  T* of(int thread) const { return data + thread * stride; }
};

/// Threads to use, and scratch memory that grows at first use and is then kept (no allocation in a repeated step).
class CpuContext {
 public:
  explicit CpuContext(int thread_count) : threads(thread_count), pool(thread_count) {}
  CpuContext(const CpuContext&) = delete;
  CpuContext& operator=(const CpuContext&) = delete;
  ~CpuContext();

  /// At least `bytes` bytes, aligned to 64, not cleared; valid until the next call with the same slot.
  void* scratch(int slot, std::size_t bytes);
  template <class T>
  T* scratch_of(int slot, Offset count) {
    return static_cast<T*>(scratch(slot, static_cast<std::size_t>(count) * sizeof(T)));
  }

  /// `count` elements for each thread.
  template <class T>
  PerThread<T> scratch_per_thread(int slot, Offset count) {
    constexpr Offset two_lines = 128 / static_cast<Offset>(sizeof(T)), page = 32 * two_lines;
    const Offset stride = round_up(count + two_lines, page);
    return {scratch_of<T>(slot, threads * stride), stride};
  }

  const int threads;
  ThreadPool pool;

 private:
  static constexpr int slots = 3;
  void* memory_[slots] = {};
  std::size_t size_[slots] = {};
};

#define GCMC_KERNEL(Struct, kernel) void (*kernel)(const Struct<T>&, CpuContext&);
template <class T>
struct CpuKernels {
  GCMC_OPERATIONS(GCMC_KERNEL)
};
#undef GCMC_KERNEL

#define GCMC_KERNEL(Struct, kernel) void (*kernel)(const Struct&, CpuContext&);
struct CpuIndexKernels {
  GCMC_INDEX_OPERATIONS(GCMC_KERNEL)
};
#undef GCMC_KERNEL

struct CpuIsa {
  const char* name;
  CpuIndexKernels index;
  CpuKernels<float> single;
  CpuKernels<double> twice;
};

extern const CpuIsa isa_portable;
extern const CpuIsa isa_avx2;
extern const CpuIsa isa_avx512;

}  // namespace gcmc
