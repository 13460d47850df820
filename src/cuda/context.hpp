// What every kernel is launched with: the device, its stream, pool, cuBLAS and scratch memory, each freeing itself.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "check.hpp"
#include "gcmc/cuda.hpp"

namespace gcmc {

/// A handle that `destroy` frees.
template <class Handle, auto destroy>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, Handle{})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_) destroy(handle_);
  }
  Handle get() const { return handle_; }
  explicit operator bool() const { return handle_ != Handle{}; }

 private:
  Handle handle_{};
};

using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Pool = Owned<cudaMemPool_t, cudaMemPoolDestroy>;
using RecordedGraph = Owned<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;
using Cublas = Owned<cublasHandle_t, cublasDestroy>;
using HostMemory = Owned<void*, cudaFreeHost>;

class Spmm;

/// Memory of the pool, freed in the stream's order.
class PoolMemory {
 public:
  PoolMemory() = default;
  PoolMemory(cudaMemPool_t pool, cudaStream_t stream, std::size_t bytes) : stream_(stream), bytes_(bytes) {
    GCMC_CHECK(cudaMallocFromPoolAsync(&data_, bytes, pool, stream));
  }
  PoolMemory(PoolMemory&& other) noexcept { swap(other); }
  PoolMemory& operator=(PoolMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~PoolMemory() {
    if (data_) cudaFreeAsync(data_, stream_);
  }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Gives it to the caller.
  void* release() { return std::exchange(data_, nullptr); }

 private:
  void swap(PoolMemory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(stream_, other.stream_);
    std::swap(bytes_, other.bytes_);
  }
  void* data_ = nullptr;
  cudaStream_t stream_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Threads of a block, everywhere; a multiple of the warp.
inline constexpr int block_threads = 256;
/// Blocks that a multiprocessor holds at least: leaves a thread 128 registers, and makes ptxas use them before it
/// spills.
inline constexpr int least_blocks = 2;

/// Scratch memory grows at first use and is then kept, so that a repeated step allocates nothing.
class CudaContext {
 public:
  static constexpr int slots = 4;

  CudaContext(int device, const CudaOptions& options);
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;
  ~CudaContext();

  /// The calling thread's CUDA calls go to this device.
  void activate() const { GCMC_CHECK(cudaSetDevice(device)); }
  cudaStream_t stream() const { return stream_.get(); }
  cudaMemPool_t pool() const { return pool_.get(); }

  /// Copies between the host's memory and the device's, and waits. The host's memory is not looked at after the return,
  /// however it ends.
  void copy_to_device(void* to, const void* from, std::size_t bytes);
  void copy_to_host(void* to, const void* from, std::size_t bytes);
  cublasHandle_t cublas() const { return cublas_.get(); }

  /// Counts what a rehearsal would allocate; see Cuda::require_memory.
  struct Need {
    std::size_t now = 0, most = 0;
    void add(std::size_t bytes) {
      now += rounded(bytes);
      most = now > most ? now : most;
    }
    void remove(std::size_t bytes) { now -= rounded(bytes); }
    /// The pool hands out whole multiples of this.
    static std::size_t rounded(std::size_t bytes) { return (bytes + 511) / 512 * 512; }
    /// Another one each time, and no device's.
    void* address() { return reinterpret_cast<void*>(addresses += 512); }
    std::size_t scratch[slots] = {};
    std::uintptr_t addresses = 0;
  };
  std::optional<Need> rehearsal;

  /// Memory to keep; in a rehearsal counted, and none. Throws while recording.
  PoolMemory take(std::size_t bytes);

  /// cuSPARSE's path of the graph convolution; nullptr: gcmc's own.
  Spmm* spmm() const { return spmm_.get(); }

  /// At least `count` elements, not cleared; valid until the next call with the same slot. Throws while recording if it
  /// would have to grow.
  template <class T>
  T* scratch(int slot, Offset count) {
    return static_cast<T*>(scratch_bytes(slot, static_cast<std::size_t>(count) * sizeof(T)));
  }

  /// Launches kernel(arguments...) on `blocks` blocks of block_threads threads; none, if blocks is 0.
  template <class... Parameters, class... Arguments>
  void launch(const char* name, void (*kernel)(Parameters...), dim3 blocks, Arguments... arguments) {
    if (rehearsal || blocks.x == 0 || blocks.y == 0 || blocks.z == 0) return;
    cudaLaunchConfig_t config{};
    config.gridDim = blocks;
    config.blockDim = dim3(block_threads);
    config.stream = stream();
    check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
  }

  /// Memory was allocated: whoever did may go on to operations of new sizes.
  void note_allocation() { allocated_ = true; }

  /// Records what is launched from now on; false: not this time, since memory was allocated after the last.
  bool begin_recording();
  /// Ends the recording and launches it as one graph.
  void launch_recorded();
  void drop_recorded() noexcept;

  const int device;

 private:
  void* scratch_bytes(int slot, std::size_t bytes);

  HostMemory staging_;  ///< page-locked; a copy on its way may still use it when its wait has failed
  Pool pool_;
  Stream stream_;
  PoolMemory workspace_;
  PoolMemory scratch_[slots];
  Cublas cublas_;
  std::unique_ptr<Spmm> spmm_;
  GraphExec executable_;
  bool recording_ = false, allocated_ = true;
};

/// Blocks of block_threads threads that give each of `count` tasks `threads` threads.
inline unsigned blocks_for(Offset count, int threads = 1) {
  return static_cast<unsigned>((count * threads + block_threads - 1) / block_threads);
}

}  // namespace gcmc
