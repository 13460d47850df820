// Kernel launches: what the runtime refuses, and what a kernel may be given.
#include <sys/mman.h>

#include "memory.hpp"
#include "stream.hpp"

namespace emulator {
namespace {

std::map<const void*, int>& dynamic_shared_limits() {
  static auto* limits = new std::map<const void*, int>;
  return *limits;
}
int dynamic_shared_limit(const void* kernel) {
  const auto found = dynamic_shared_limits().find(kernel);
  return found == dynamic_shared_limits().end() ? 49152 : found->second;
}

/// The limits of "Features and Technical Specifications" in the programming guide.
cudaError_t check_shape(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64)
    return cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 2147483647 || grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  // More than 48 KB only after cudaFuncSetAttribute: "Shared Memory" of compute capability 7.x.
  if (config.dynamicSmemBytes > static_cast<std::size_t>(dynamic_shared_limit(kernel))) return cudaErrorInvalidValue;
  for (unsigned i = 0; i < config.numAttrs; ++i)
    if (config.attrs[i].id != cudaLaunchAttributeIgnore && config.attrs[i].id != cudaLaunchAttributePriority)
      return cudaErrorNotSupported;  // programmatic serialization needs device code that is not emulated
  return cudaSuccess;
}

bool is_host_address(std::uintptr_t address) {
#ifdef __SANITIZE_ADDRESS__
  // AddressSanitizer maps its own tables over what two packed 32-bit numbers may look like; the program lies above.
  if (address < 0x100080000000u) return false;
#endif
  constexpr std::uintptr_t page = 4096, lowest = 1 << 16, highest = std::uintptr_t{1} << 47;
  if (address < lowest || address >= highest || address % 4 != 0) return false;
  if (is_device_memory_range(reinterpret_cast<void*>(address))) return false;  // page-locked memory lies there too
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(address / page * page), 1, &resident) == 0;
}

/// Kernels run in this process and could read host memory, which a device cannot: so no argument may hold the address
/// of any, not even one that is never used. Device memory must be the launching device's own.
void check_argument(const void* kernel, std::size_t number, const Argument& argument) {
  for (std::size_t offset = 0; offset + 8 <= argument.bytes; offset += 8) {
    std::uintptr_t word;
    std::memcpy(&word, static_cast<const char*>(argument.address) + offset, sizeof word);
    const Allocation* a = find_allocation(reinterpret_cast<void*>(word));
    if (a && !a->host && a->device != host_thread().device)
      report(text("kernel %s: argument %zu holds an address of device %d at byte %zu", kernel_name(kernel).c_str(),
                  number, a->device, offset));
    else if (!a && is_host_address(word))
      report(text("kernel %s: argument %zu holds the host address %#zx at byte %zu", kernel_name(kernel).c_str(),
                  number, static_cast<std::size_t>(word), offset));
  }
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t* config, const void* kernel, const std::vector<Argument>& arguments,
                   std::function<void()> call) {
  return api("cudaLaunchKernelEx", [&] {
    if (!config || !kernel) return cudaErrorInvalidValue;
    if (!valid(config->stream)) return cudaErrorInvalidResourceHandle;
    if (resolve(config->stream) != resolve(nullptr) && resolve(config->stream)->device != host_thread().device)
      return cudaErrorInvalidResourceHandle;  // "Multi-Device System: Stream and Event Behavior"
    if (const auto error = check_shape(*config, kernel)) return error;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      bytes += arguments[i].bytes;
      check_argument(kernel, i, arguments[i]);
    }
    if (bytes > 4096) return cudaErrorInvalidValue;  // "Function Parameters"; 32764 only from CUDA 12.1 and sm_70 on
    Launch made{kernel, config->gridDim, config->blockDim, config->dynamicSmemBytes, std::move(call)};
    return enqueue(config->stream, {"kernel", [made = std::move(made)] { run_kernel(made); }});
  });
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return api(__func__, [&] {
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout)
      return value >= -1 && value <= 100 ? cudaSuccess : cudaErrorInvalidValue;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        value > static_cast<int>(max_dynamic_shared))
      return cudaErrorInvalidValue;
    dynamic_shared_limits()[kernel] = std::max(value, 49152);
    return cudaSuccess;
  });
}
