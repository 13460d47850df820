// Replaces operator new by one that counts its calls, and the bytes that are there at once. A file of its own: inlined
// into its callers, g++ 12 would warn of pointers from new that reach free.
#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

std::atomic<long> allocations{0};
std::atomic<long> allocated_bytes{0}, most_allocated_bytes{0};  ///< now; at most so far, or since this was set

namespace {

/// Counts memory that is handed out, and what comes back.
void* given(void* memory) {
  const long now = allocated_bytes += static_cast<long>(malloc_usable_size(memory));
  for (long most = most_allocated_bytes; now > most && !most_allocated_bytes.compare_exchange_weak(most, now);) {
  }
  return memory;
}
void taken(void* memory) { allocated_bytes -= static_cast<long>(malloc_usable_size(memory)); }

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
                     : std::malloc(bytes ? bytes : 1);
  if (!memory) throw std::bad_alloc();
  return given(memory);
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return given(std::malloc(bytes ? bytes : 1));
}
void operator delete(void* memory) noexcept {
  taken(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { operator delete(memory); }
