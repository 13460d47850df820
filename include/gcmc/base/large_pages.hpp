// Large arrays on the host that are read or written here and there.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gcmc {

/// Asks the system for pages of 2 MB within this memory, which nobody has touched yet: of small ones each costs a
/// fault, and processors remember the places of few.
inline void ask_for_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::size_t page = std::size_t{2} << 20;
  auto* const begin = static_cast<char*>(memory);
  const std::size_t skipped = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
  if (bytes >= skipped + page) madvise(begin + skipped, (bytes - skipped) / page * page, MADV_HUGEPAGE);
#endif
}

/// Makes room for so many values, in large pages where the vector had no such room.
template <class T>
void reserve_in_large_pages(std::vector<T>& values, std::size_t size) {
  if (values.capacity() >= size) return;
  values.reserve(size);
  ask_for_large_pages(values.data() + values.size(), (size - values.size()) * sizeof(T));
}

}  // namespace gcmc
