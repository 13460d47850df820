// The table of kernels that one instruction set fills, and what a kernel is given beside its operation.
#pragma once

#include "gcmc/backend/operations.hpp"
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

template <class T>
struct CpuKernels {
  void (*build_table)(const BuildTable<T>&, CpuContext&);
  void (*aggregate)(const Aggregate<T>&, CpuContext&);
  void (*aggregate_backward)(const AggregateBackward<T>&, CpuContext&);
  void (*multiply)(const Multiply<T>&, CpuContext&);
  void (*multiply_transposed)(const MultiplyTransposed<T>&, CpuContext&);
  void (*column_sums)(const ColumnSums<T>&, CpuContext&);
  void (*activate)(const Activate<T>&, CpuContext&);
  void (*dense_backward)(const DenseBackward<T>&, CpuContext&);
  void (*decode)(const Decode<T>&, CpuContext&);
  void (*predict)(const Predict<T>&, CpuContext&);
  void (*degree_scale)(const DegreeScale<T>&, CpuContext&);
  void (*square_sum)(const SquareSum<T>&, CpuContext&);
  void (*update)(const Update<T>&, CpuContext&);
  void (*record_step)(const RecordStep<T>&, CpuContext&);
};

struct CpuIndexKernels {
  void (*draw_mask)(const DrawMask&, CpuContext&);
  void (*select_sources)(const SelectSources&, CpuContext&);
  void (*split_edges)(const SplitEdges&, CpuContext&);
};

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
