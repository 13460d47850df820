// What the stand-ins of cuBLAS and cuSPARSE share.
#pragma once

#include "memory.hpp"
#include "stream.hpp"

namespace emulator {

/// The frame of a library call: planted failures, and `broken` where the runtime answers with an error to everything.
template <class Status, class F>
Status library_call(const char* call, Status broken, F body) {
  const std::lock_guard lock(state().mutex);
  if (const int planted = planted_failure(call)) return static_cast<Status>(planted);
  const Machine& machine = state().machine;
  if (machine.devices == 0 || machine.driver_version < CUDART_VERSION || state().sticky != cudaSuccess) return broken;
  return body();
}

/// Whether `count` elements of `bytes` each lie in one device allocation, aligned to their size.
inline bool is_array(const void* pointer, std::int64_t count, std::size_t bytes) {
  return count == 0 || (reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0 &&
                        check_device_range(pointer, static_cast<std::size_t>(count) * bytes).empty());
}

/// A factor alpha or beta: read at the call in host pointer mode, where the work runs in device pointer mode.
template <class T>
std::function<T()> scalar(const void* pointer, bool on_device_memory) {
  if (on_device_memory) return [pointer] { return *static_cast<const T*>(pointer); };
  return [value = *static_cast<const T*>(pointer)] { return value; };
}

inline bool is_scalar(const void* pointer, bool on_device_memory, std::size_t bytes) {
  return on_device_memory ? pointer && is_array(pointer, 1, bytes) : pointer && !is_device_memory_range(pointer);
}

/// What a library does with an invalid address: its kernel faults when it runs.
template <class Status>
Status enqueue_fault(cudaStream_t stream, const std::string& what) {
  enqueue(stream, {"kernel", [what] {
                     report(what);
                     state().sticky = cudaErrorIllegalAddress;
                   }});
  return static_cast<Status>(0);
}

}  // namespace emulator
