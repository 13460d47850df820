// Allocation, copies and fills. "API synchronization behavior" of the runtime's reference says which of them wait.
#include "memory.hpp"
#include "pool.hpp"
#include "stream.hpp"

namespace emulator {
namespace {

struct Side {
  const Allocation* allocation;  ///< null: pageable host memory
  bool device() const { return allocation && !allocation->host; }
};

Side side_of(const void* pointer) { return {find_allocation(pointer)}; }

/// Whether one end of a copy may be what `kind` says it is.
bool fits(const void* pointer, std::size_t bytes, bool device) {
  if (device) {
    const Side side = side_of(pointer);
    return side.device() && check_device_range(pointer, bytes).empty();
  }
  if (!is_device_memory_range(pointer)) return pointer != nullptr;
  return side_of(pointer).allocation && !side_of(pointer).device() && check_device_range(pointer, bytes).empty();
}

int where(const void* pointer) { return side_of(pointer).device() ? side_of(pointer).allocation->device : -1; }

/// As a kernel would, a copy faults where memory is not yet, or no longer, allocated in stream order.
bool usable(const void* pointer, const char* who) {
  const Allocation* a = find_allocation(pointer);
  if (a ? a->open : !is_device_memory_range(pointer)) return true;
  report(text("%s: invalid access: %s", who, describe(pointer).c_str()));
  state().sticky = cudaErrorIllegalAddress;
  return false;
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream, bool wait) {
  if (bytes == 0) return cudaSuccess;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (kind == cudaMemcpyDefault)
    kind = static_cast<cudaMemcpyKind>((side_of(to).device() ? 1 : 0) + (side_of(from).device() ? 2 : 0));
  const bool to_device = kind & 1, from_device = kind & 2;
  if (!fits(to, bytes, to_device) || !fits(from, bytes, from_device)) return cudaErrorInvalidValue;
  if (wait)
    if (const auto error = forbid_during_capture()) return error;
  const auto work = [=](const void* source) {
    if (usable(to, "copy") && usable(source, "copy")) std::memcpy(to, source, bytes);
  };
  if (wait && to_device && !side_of(from).allocation) {
    // "a stream sync is performed before the copy is initiated. The function will return once the pageable buffer has
    // been copied to the staging memory ..., but the DMA to final destination may not have completed."
    if (const auto error = finish_stream(stream)) return error;
    const char* first = static_cast<const char*>(from);
    const auto staged = std::make_shared<std::vector<char>>(first, first + bytes);
    return enqueue(stream, {"copy", [=] { work(staged->data()); }});
  }
  // An asynchronous copy with pageable memory "might be synchronous": so nobody may count on it, and here it is not.
  const cudaError_t error = enqueue(stream, {"copy", [=] { work(from); }, {where(to), where(from)}});
  const bool returns_at_once = to_device && from_device;
  return error != cudaSuccess || !wait || returns_at_once ? error : finish_stream(stream);
}

cudaError_t set(void* to, int value, std::size_t bytes, cudaStream_t stream, bool wait) {
  if (bytes == 0) return cudaSuccess;
  const Side side = side_of(to);
  if (!side.allocation || !check_device_range(to, bytes).empty()) return cudaErrorInvalidValue;
  if (wait)
    if (const auto error = forbid_during_capture()) return error;
  const cudaError_t error = enqueue(stream, {"fill",
                                             [=] {
                                               if (usable(to, "fill")) std::memset(to, value, bytes);
                                             },
                                             {where(to)}});
  // "asynchronous with respect to the host, except when the target is pinned host memory"
  return error == cudaSuccess && wait && side.allocation->host ? finish_stream(stream) : error;
}

cudaError_t allocate_now(void** pointer, std::size_t bytes, bool host) {
  if (!pointer) return cudaErrorInvalidValue;
  if (const auto error = forbid_during_capture()) return error;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (!host && !reserve_device_bytes(host_thread().device, bytes)) return cudaErrorMemoryAllocation;
  Allocation* made = allocate(bytes, host_thread().device, host, true, nullptr);
  if (!made) return cudaErrorMemoryAllocation;
  *pointer = made->pointer;
  return cudaSuccess;
}

cudaError_t free_now(void* pointer, bool host) {
  if (!pointer) return cudaSuccess;
  if (state().sticky == cudaSuccess)
    if (const auto error = forbid_during_capture()) return error;
  finish_all();  // freeing waits for all work
  const Allocation* a = allocation_at(pointer);
  if (!a || a->host != host || a->doomed) return cudaErrorInvalidValue;
  if (a->pool)
    unuse_pool_bytes(*a->pool, a->bytes);
  else if (!host)
    free_device_bytes(a->device, a->bytes);
  release(*a);
  return cudaSuccess;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return api(__func__, [&] { return allocate_now(pointer, bytes, false); });
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return api(__func__, [&] { return allocate_now(pointer, bytes, true); });
}
cudaError_t cudaFree(void* pointer) {
  return api(
      __func__, [&] { return free_now(pointer, false); }, true);
}
cudaError_t cudaFreeHost(void* pointer) {
  return api(
      __func__, [&] { return free_now(pointer, true); }, true);
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return api(__func__, [&] { return copy(to, from, bytes, kind, nullptr, true); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return api(__func__, [&] { return copy(to, from, bytes, kind, stream, false); });
}
cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return api(__func__, [&] { return set(to, value, bytes, nullptr, true); });
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return api(__func__, [&] { return set(to, value, bytes, stream, false); });
}
