// Shared memory: the thread_local variables of the device's thread, all ones before every block.
#include <link.h>

#include "internal.hpp"

constexpr std::size_t canary_bytes = 1024;
alignas(1024) thread_local unsigned char gcmc_dynamic_shared[emulator::max_dynamic_shared + canary_bytes];

namespace emulator {
namespace {

/// All thread_local variables of the executable, in the calling thread.
std::pair<char*, char*> shared_variables() {
  std::pair<char*, char*> range{nullptr, nullptr};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        for (int i = 0; i < info->dlpi_phnum; ++i)
          if (info->dlpi_phdr[i].p_type == PT_TLS && info->dlpi_tls_data) {
            char* first = static_cast<char*>(info->dlpi_tls_data);
            *static_cast<std::pair<char*, char*>*>(out) = {first, first + info->dlpi_phdr[i].p_memsz};
          }
        return 1;  // the executable comes first
      },
      &range);
  return range;
}

void poison(char* first, char* last) { std::memset(first, 0xFF, static_cast<std::size_t>(last - first)); }

}  // namespace

void poison_shared_memory(std::size_t dynamic_bytes) {
  const auto range = shared_variables();
  char* dynamic = reinterpret_cast<char*>(gcmc_dynamic_shared);
  poison(range.first, dynamic);
  poison(dynamic, dynamic + dynamic_bytes + canary_bytes);
  poison(dynamic + sizeof gcmc_dynamic_shared, range.second);
}

std::size_t overrun_of_shared_memory(std::size_t dynamic_bytes) {
  const unsigned char* end = gcmc_dynamic_shared + dynamic_bytes;
  for (std::size_t i = canary_bytes; i > 0; --i)
    if (end[i - 1] != 0xFF) return i;
  return 0;
}

}  // namespace emulator
