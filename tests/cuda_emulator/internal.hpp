// The parts of the emulator, to each other.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "emulator.hpp"

namespace emulator {

using OperationId = std::uint64_t;
constexpr std::size_t max_dynamic_shared = 65536;  ///< of compute capability 7.5, the smallest that gcmc builds for

struct Launch {
  const void* kernel;
  dim3 grid, block;
  std::size_t shared;
  std::function<void()> call;
};

// block.cpp: one kernel after another, on the device's thread.
void run_kernel(const Launch& launch);
bool kernel_is_running();
/// Gives up the running kernel, whose name, block and thread the report shows.
[[noreturn]] void kernel_fault(cudaError_t error, const char* format, ...) __attribute__((format(printf, 2, 3)));

// random.cpp
std::uint64_t random_below(std::uint64_t n);

// shared_memory.cpp
void poison_shared_memory(std::size_t dynamic_bytes);
/// 0, or how far behind its end somebody wrote.
std::size_t overrun_of_shared_memory(std::size_t dynamic_bytes);

// fault.cpp
/// Installs the handler of invalid addresses, again at every call: test frameworks install theirs before every test.
void watch_addresses();
void watch_addresses_on_this_stack();  ///< gives the calling thread a stack for it
void report(const std::string& line);  ///< prints it and keeps it for take_faults
std::string kernel_name(const void* kernel);

// device_thread.cpp
void on_device(const std::function<void()>& work);  ///< runs it there, with device memory open, and waits
bool is_device_thread();

// memory.cpp
struct Allocation {
  char* pages;
  std::size_t page_bytes;
  char* pointer;
  std::size_t bytes;
  int device;
  bool host;    ///< page-locked host memory
  bool open;    ///< kernels may touch it: from its allocation to its release in stream order
  bool doomed;  ///< cudaFreeAsync has been called
  CUmemPoolHandle_st* pool;
};
void open_memory();
void close_memory();
const Allocation* find_allocation(const void* address);
std::string describe(const void* address);
bool is_device_memory_range(const void* address);  ///< within the arena, allocated or not
/// Reports what a kernel wrote beside its allocations.
void check_canaries(const void* kernel);
/// Null, or what is wrong with an access of `bytes` at a device address.
std::string check_device_range(const void* address, std::size_t bytes);

// stream.cpp
/// Adds work to a stream, or to the graph that it captures.
struct Work {
  std::string kind;  ///< "kernel", "copy", ...
  std::function<void()> run;
  std::vector<int> fixed = {};  ///< what cudaGraphExecUpdate cannot change: devices and types of a copy's memory
};
cudaError_t enqueue(cudaStream_t stream, Work work);
/// What a synchronising or unsafe call has to ask first while a stream captures.
cudaError_t forbid_during_capture();
bool valid(cudaStream_t stream);
bool is_capturing(cudaStream_t stream);
cudaError_t finish_stream(cudaStream_t stream);
cudaError_t finish_all();

// runtime.cpp
struct HostThread {
  int device = 0;
  cudaError_t last_error = cudaSuccess;
};
HostThread& host_thread();
struct State {
  std::recursive_mutex mutex;
  Machine machine;
  cudaError_t sticky = cudaSuccess;
  std::map<const void*, std::string> objects;  ///< alive handles of all kinds: what they are
};
State& state();
/// 0, or the planted failure of this call.
int planted_failure(const char* call);
bool planted_kernel_failure(cudaError_t& error);
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text_of(const char* format, va_list arguments);

/// The frame of a call: planted failures, missing device and driver, sticky errors; records what it returns.
/// `always` runs the body even if the call fails for one of these: what destroys things must not leak then.
template <class F>
cudaError_t api(const char* call, F body, bool always = false) {
  const std::lock_guard lock(state().mutex);
  watch_addresses();
  cudaError_t result = static_cast<cudaError_t>(planted_failure(call));
  if (result == cudaSuccess && state().machine.driver_version < CUDART_VERSION) result = cudaErrorInsufficientDriver;
  if (result == cudaSuccess && state().machine.devices == 0) result = cudaErrorNoDevice;
  if (always || (result == cudaSuccess && state().sticky == cudaSuccess)) {
    const cudaError_t own = body();
    if (result == cudaSuccess) result = own;
  }
  if (state().sticky != cudaSuccess) result = state().sticky;
  if (result != cudaSuccess) host_thread().last_error = result;
  return result;
}

}  // namespace emulator
