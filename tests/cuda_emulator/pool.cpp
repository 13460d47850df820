// Stream-ordered allocation: "Stream Ordered Memory Allocator" of the programming guide.
#include "pool.hpp"

#include "memory.hpp"
#include "stream.hpp"

namespace emulator {
namespace {

struct Devices {
  std::map<int, std::size_t> used;
  std::map<int, CUmemPoolHandle_st> default_pools;
  std::set<cudaMemPool_t> created;
};
Devices& devices() {
  static Devices* only = new Devices;
  return *only;
}

cudaMemPool_t default_pool(int device) {
  devices().default_pools[device].device = device;
  return &devices().default_pools[device];
}
bool alive(cudaMemPool_t pool) { return pool && (devices().created.count(pool) || pool == default_pool(pool->device)); }

void trim(CUmemPoolHandle_st& pool, std::uint64_t keep) {
  const std::uint64_t kept = std::max(pool.used, std::min(pool.reserved, keep));
  free_device_bytes(pool.device, pool.reserved - kept);
  pool.reserved = kept;
}

bool use_pool_bytes(CUmemPoolHandle_st& pool, std::size_t bytes) {
  const std::uint64_t used = pool.used + bytes;
  if (used > pool.reserved) {
    if (!reserve_device_bytes(pool.device, used - pool.reserved)) return false;
    pool.reserved = used;
  }
  pool.used = used;
  pool.used_high = std::max(pool.used_high, used);
  pool.reserved_high = std::max(pool.reserved_high, pool.reserved);
  return true;
}

cudaError_t allocate_in_order(void** pointer, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  if (!pointer || !alive(pool)) return cudaErrorInvalidValue;
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  if (is_capturing(stream)) return cudaErrorNotSupported;  // memory nodes of graphs are not emulated
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (!use_pool_bytes(*pool, bytes)) return cudaErrorMemoryAllocation;
  Allocation* made = allocate(bytes, pool->device, false, false, pool);
  if (!made) return cudaErrorMemoryAllocation;
  *pointer = made->pointer;
  return enqueue(stream, {"allocation", [where = made->pointer] {
                            if (Allocation* a = allocation_at(where)) open_allocation(*a);
                          }});
}

cudaError_t free_in_order(void* pointer, cudaStream_t stream) {
  if (!pointer) return cudaSuccess;
  Allocation* a = allocation_at(pointer);
  if (!a || a->host || a->doomed) return cudaErrorInvalidValue;
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  if (is_capturing(stream)) return cudaErrorNotSupported;
  if (a->pool) unuse_pool_bytes(*a->pool, a->bytes);
  a->doomed = true;
  const auto let_go = [pointer] {
    if (const Allocation* doomed = allocation_at(pointer)) {
      if (!doomed->pool) free_device_bytes(doomed->device, doomed->bytes);
      release(*doomed);
    }
  };
  if (state().sticky == cudaSuccess) return enqueue(stream, {"release", let_go});
  let_go();
  return cudaSuccess;
}

}  // namespace

bool reserve_device_bytes(int device, std::size_t bytes) {
  std::size_t& used = devices().used[device];
  if (used + bytes > state().machine.memory) return false;
  used += bytes;
  return true;
}
void free_device_bytes(int device, std::size_t bytes) { devices().used[device] -= bytes; }
void unuse_pool_bytes(CUmemPoolHandle_st& pool, std::size_t bytes) { pool.used -= bytes; }
void release_doomed() {
  std::vector<Allocation> doomed;
  for (const auto& [end, a] : allocations())
    if (a.doomed) doomed.push_back(a);
  for (const Allocation& a : doomed) {
    if (!a.pool) free_device_bytes(a.device, a.bytes);
    release(a);
  }
}
void trim_pools() {
  for (auto& [device, pool] : devices().default_pools) trim(pool, pool.threshold);
  for (cudaMemPool_t pool : devices().created) trim(*pool, pool->threshold);
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return api(__func__, [&] {
    *total = state().machine.memory;
    *free = *total - std::min(*total, devices().used[host_thread().device]);
    return cudaSuccess;
  });
}
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  return api(__func__, [&] {
    if (!valid(stream)) return cudaErrorInvalidResourceHandle;
    return allocate_in_order(pointer, bytes, default_pool(host_thread().device), stream);
  });
}
cudaError_t cudaMallocFromPoolAsync(void** pointer, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return api(__func__, [&] { return allocate_in_order(pointer, bytes, pool, stream); });
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return api(
      __func__, [&] { return free_in_order(pointer, stream); }, true);
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* p) {
  return api(__func__, [&] {
    if (!pool || !p || p->allocType != cudaMemAllocationTypePinned || p->location.type != cudaMemLocationTypeDevice ||
        p->location.id < 0 || p->location.id >= state().machine.devices)
      return cudaErrorInvalidValue;
    *pool = new CUmemPoolHandle_st;
    (*pool)->device = p->location.id;
    devices().created.insert(*pool);
    state().objects[*pool] = "memory pool";
    return cudaSuccess;
  });
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return api(
      __func__,
      [&] {
        if (!devices().created.count(pool)) return cudaErrorInvalidValue;
        // "If any pointers obtained from this pool haven't been freed ..., the function will return immediately".
        for (const auto& [end, a] : allocations())
          if (a.pool == pool && !a.doomed) return cudaErrorInvalidValue;  // permitted, but nothing here should do it
        finish_all();
        free_device_bytes(pool->device, pool->reserved);
        devices().created.erase(pool);
        state().objects.erase(pool);
        delete pool;
        return cudaSuccess;
      },
      true);
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return api(__func__, [&] {
    if (!alive(pool) || !value) return cudaErrorInvalidValue;
    switch (attribute) {
      case cudaMemPoolReuseFollowEventDependencies:
      case cudaMemPoolReuseAllowOpportunistic:
      case cudaMemPoolReuseAllowInternalDependencies:
        return cudaSuccess;  // addresses are never used again here
      case cudaMemPoolAttrReleaseThreshold:
        pool->threshold = *static_cast<std::uint64_t*>(value);
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:  // "Only zero can be set"
        if (*static_cast<std::uint64_t*>(value) != 0) return cudaErrorInvalidValue;
        pool->used_high = pool->used;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
        if (*static_cast<std::uint64_t*>(value) != 0) return cudaErrorInvalidValue;
        pool->reserved_high = pool->reserved;
        return cudaSuccess;
      default:
        return cudaErrorInvalidValue;
    }
  });
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return api(__func__, [&] {
    if (!alive(pool) || !value) return cudaErrorInvalidValue;
    auto& out = *static_cast<std::uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold:
        out = pool->threshold;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemCurrent:
        out = pool->reserved;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
        out = pool->reserved_high;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemCurrent:
        out = pool->used;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:
        out = pool->used_high;
        return cudaSuccess;
      default:
        return cudaErrorInvalidValue;
    }
  });
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t bytes_to_keep) {
  return api(__func__, [&] {
    if (!alive(pool)) return cudaErrorInvalidValue;
    trim(*pool, bytes_to_keep);
    return cudaSuccess;
  });
}
