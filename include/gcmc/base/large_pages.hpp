// Large arrays on the host that are read or written here and there.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gcmc/base/parallel.hpp"

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

/// Makes room for so many values, in large pages where the vector had no such room. Of 16 MB and more, several threads
/// write into the new pages first: the system gives and clears a page then, on the thread that touches it.
template <class T>
void reserve_in_large_pages(std::vector<T>& values, std::size_t size, int threads = 1) {
  if (values.capacity() >= size) return;
  values.reserve(size);
  char* const begin = reinterpret_cast<char*>(values.data() + values.size());
  const std::size_t bytes = (size - values.size()) * sizeof(T);
  ask_for_large_pages(begin, bytes);
  constexpr std::size_t large = std::size_t{2} << 20, small = std::size_t{1} << 12, worth_threads = 8 * large;
  if (threads > 1 && bytes >= worth_threads)
    run_parallel(threads, static_cast<Offset>(bytes / large), [&](Offset piece) {
      char* const page = begin + static_cast<std::size_t>(piece) * large;
      for (std::size_t byte = 0; byte < large; byte += small) static_cast<volatile char*>(page)[byte] = 0;
    });
}

}  // namespace gcmc
