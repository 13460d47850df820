// Device memory: an arena that host code cannot read, allocations ended by guard pages, all ones until written.
#include <sys/mman.h>

#include "memory.hpp"

namespace emulator {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t alignment = 256;  // "at least 256 bytes": CUDA C++ programming guide, "Device Memory Accesses"
constexpr std::size_t arena_bytes = std::size_t{1} << 42;
constexpr unsigned char poison = 0xFF;

struct Arena {
  char* base = nullptr;
  std::size_t used = std::size_t{1} << 30;  ///< a gap before all else; no address is used twice: stale pointers fault
  std::map<std::uintptr_t, Allocation> allocations;  ///< by the end of their pages
  bool open = false;

  Arena() {
    void* memory = mmap(nullptr, arena_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base = static_cast<char*>(memory);
  }
};
Arena& arena() {
  static Arena* only = new Arena;
  return *only;
}

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }
bool accessible(const Allocation& a) { return a.host || (a.open && arena().open); }
void protect(const Allocation& a) {
  mprotect(a.pages, a.page_bytes, accessible(a) ? PROT_READ | PROT_WRITE : PROT_NONE);
}

/// Writes 0xFF everywhere, whatever the protection.
void fill(const Allocation& a) {
  mprotect(a.pages, a.page_bytes, PROT_READ | PROT_WRITE);
  std::memset(a.pages, poison, a.page_bytes);
  protect(a);
}

/// Null, or the first byte beside the allocation, on its own pages, that someone wrote.
const char* written_beside(const Allocation& a) {
  const auto differs = [](const char* first, const char* last) -> const char* {
    for (; first < last; ++first)
      if (static_cast<unsigned char>(*first) != poison) return first;
    return nullptr;
  };
  if (const char* before = differs(a.pages, a.pointer)) return before;
  return differs(a.pointer + a.bytes, a.pages + a.page_bytes);
}

}  // namespace

Allocation* allocate(std::size_t bytes, int device, bool host, bool open, CUmemPoolHandle_st* pool) {
  Arena& a = arena();
  const std::size_t page_bytes = round_up(std::max<std::size_t>(bytes, 1), page);
  if (a.used + page_bytes + page > arena_bytes) return nullptr;
  char* pages = a.base + a.used;
  a.used += page_bytes + page;  // the guard between this allocation and the next
  char* pointer = pages + page_bytes - round_up(std::max<std::size_t>(bytes, 1), alignment);
  const Allocation made{pages, page_bytes, pointer, bytes, device, host, open, false, pool};
  Allocation& kept = a.allocations[reinterpret_cast<std::uintptr_t>(pages + page_bytes)] = made;
  if (open) fill(kept);
  return &kept;
}

void open_allocation(Allocation& a) {
  a.open = true;
  fill(a);
}

void release(const Allocation& a) {
  if (a.open) {
    mprotect(a.pages, a.page_bytes, PROT_READ);
    if (const char* byte = written_beside(a))
      report(text("something wrote %td bytes %s an allocation of %zu bytes",
                  byte < a.pointer ? a.pointer - byte : byte - (a.pointer + a.bytes),
                  byte < a.pointer ? "before" : "behind", a.bytes));
  }
  madvise(a.pages, a.page_bytes, MADV_DONTNEED);
  mprotect(a.pages, a.page_bytes, PROT_NONE);
  arena().allocations.erase(reinterpret_cast<std::uintptr_t>(a.pages + a.page_bytes));
}

Allocation* allocation_at(const void* pointer) {
  Allocation* found = const_cast<Allocation*>(find_allocation(pointer));
  return found && found->pointer == pointer ? found : nullptr;
}

const std::map<std::uintptr_t, Allocation>& allocations() { return arena().allocations; }

void open_memory() {
  arena().open = true;
  for (const auto& [end, a] : arena().allocations)
    if (a.open && !a.host) protect(a);
}

void close_memory() {
  arena().open = false;
  for (const auto& [end, a] : arena().allocations)
    if (a.open && !a.host) protect(a);
}

const Allocation* find_allocation(const void* address) {
  const auto found = arena().allocations.upper_bound(reinterpret_cast<std::uintptr_t>(address));
  if (found == arena().allocations.end()) return nullptr;
  const char* byte = static_cast<const char*>(address);
  const Allocation& a = found->second;
  return byte >= a.pointer && byte < a.pages + a.page_bytes ? &a : nullptr;
}

bool is_device_memory_range(const void* address) {
  const char* byte = static_cast<const char*>(address);
  return byte >= arena().base && byte < arena().base + arena_bytes;
}

std::string describe(const void* address) {
  if (!is_device_memory_range(address)) return text("%p is no device memory", address);
  constexpr std::ptrdiff_t near = 1 << 16;
  const char* byte = static_cast<const char*>(address);
  const auto& all = arena().allocations;
  const auto next = all.upper_bound(reinterpret_cast<std::uintptr_t>(address));
  if (next != all.end() && byte >= next->second.pointer)
    return text("%p is byte %td of a %sdevice allocation of %zu bytes", address, byte - next->second.pointer,
                next->second.open ? "" : "not yet or no longer usable ", next->second.bytes);
  const std::ptrdiff_t before = next == all.end() ? near : next->second.pointer - byte;
  const std::ptrdiff_t behind =
      next == all.begin() ? near : byte - (std::prev(next)->second.pointer + std::prev(next)->second.bytes);
  if (std::min(before, behind) >= near)
    return text("%p is near no device allocation; released ones stay invalid", address);
  return before < behind
             ? text("%p is %td bytes before a device allocation of %zu bytes", address, before, next->second.bytes)
             : text("%p is %td bytes behind a device allocation of %zu bytes", address, behind,
                    std::prev(next)->second.bytes);
}

void check_canaries(const void* kernel) {
  for (const auto& [end, a] : arena().allocations) {
    if (!accessible(a) || !a.open) continue;
    const char* byte = written_beside(a);
    if (!byte) continue;
    report(text("kernel %s wrote %td bytes %s an allocation of %zu bytes", kernel_name(kernel).c_str(),
                byte < a.pointer ? a.pointer - byte : byte - (a.pointer + a.bytes),
                byte < a.pointer ? "before" : "behind", a.bytes));
    std::memset(a.pages, poison, static_cast<std::size_t>(a.pointer - a.pages));
    std::memset(a.pointer + a.bytes, poison, static_cast<std::size_t>(a.pages + a.page_bytes - a.pointer) - a.bytes);
  }
}

std::string check_device_range(const void* address, std::size_t bytes) {
  const Allocation* a = find_allocation(address);
  if (!a || a->doomed) return describe(address);
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - a->pointer);
  if (offset + bytes > a->bytes)
    return text("%zu bytes from byte %zu overrun a device allocation of %zu bytes", bytes, offset, a->bytes);
  return {};
}

}  // namespace emulator
