// Devices, versions, errors, and what a test sets.
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "memory.hpp"
#include "pool.hpp"
#include "stream.hpp"

namespace emulator {
namespace {

struct PlantedFailure {
  std::string call;
  int nth;
  int status;
};
std::vector<PlantedFailure> planted;
PlantedFailure planted_kernel{"", 0, 0};

void check_at_exit() {
  const auto left = leaks();
  for (const std::string& what : left) std::fprintf(stderr, "gcmc emulator: leaked at exit: %s\n", what.c_str());
  const auto faults = take_faults();
  if (left.empty() && faults.empty()) return;
  std::fprintf(stderr, "gcmc emulator: %zu leaks, %zu faults nobody took\n", left.size(), faults.size());
  std::fflush(nullptr);
  _exit(unclean_exit);
}

/// Before main: handlers of addresses and exit, and the seed.
const bool started = [] {
  const char* text = std::getenv("GCMC_EMULATOR_SEED");
  seed(text ? std::strtoull(text, nullptr, 10) : 1);
  watch_addresses();
  std::atexit(check_at_exit);
  return true;
}();

}  // namespace

State& state() {
  static State* only = new State;
  return *only;
}

HostThread& host_thread() {
  static std::map<std::thread::id, HostThread>* threads = new std::map<std::thread::id, HostThread>;
  return (*threads)[std::this_thread::get_id()];
}

int planted_failure(const char* call) {
  for (std::size_t i = 0; i < planted.size(); ++i) {
    if (std::string_view(call).substr(0, planted[i].call.size()) != planted[i].call || --planted[i].nth > 0) continue;
    const int status = planted[i].status;
    planted.erase(planted.begin() + static_cast<std::ptrdiff_t>(i));
    return status;
  }
  return 0;
}

bool planted_kernel_failure(cudaError_t& error) {
  if (planted_kernel.nth == 0 || --planted_kernel.nth > 0) return false;
  error = static_cast<cudaError_t>(planted_kernel.status);
  return true;
}

void fail(const std::string& call, int nth, int status) { planted.push_back({call, nth, status}); }
void fail_kernel(int nth, int error) { planted_kernel = {"", nth, error}; }

void reset(const Machine& machine) {
  const std::lock_guard lock(state().mutex);
  drop_queued_work();
  release_doomed();
  state().machine = machine;
  state().sticky = cudaSuccess;
  host_thread() = {};
  planted.clear();
  planted_kernel.nth = 0;
  take_faults();
}

std::vector<std::string> leaks() {
  const std::lock_guard lock(state().mutex);
  std::vector<std::string> left;
  for (const auto& [handle, what] : state().objects) left.push_back(what);
  for (const auto& [end, a] : allocations())
    if (!a.doomed) left.push_back(text("%zu bytes of %s memory", a.bytes, a.host ? "page-locked host" : "device"));
  return left;
}

cudaError_t check_device(int device) {
  return device >= 0 && device < state().machine.devices ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaDeviceProp properties_of(int device) {
  cudaDeviceProp p = {};
  std::snprintf(p.name, sizeof p.name, "emulated device %d", device);
  p.totalGlobalMem = state().machine.memory;
  p.sharedMemPerBlock = 49152;
  p.sharedMemPerBlockOptin = p.sharedMemPerMultiprocessor = max_dynamic_shared;
  p.regsPerBlock = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = p.maxThreadsPerMultiProcessor = 1024;
  p.multiProcessorCount = 4;
  p.l2CacheSize = 4 << 20;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 2147483647;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.major = 7;
  p.minor = 5;
  p.memoryPoolsSupported = p.concurrentKernels = p.asyncEngineCount = p.unifiedAddressing = 1;
  p.memoryBusWidth = 256;
  return p;
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetDeviceCount(int* count) {
  return api(__func__, [&] {
    *count = state().machine.devices;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return api(__func__, [&] {
    if (const auto error = check_device(device)) return error;
    *properties = properties_of(device);
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api(__func__, [&] {
    if (const auto error = check_device(device)) return error;
    const cudaDeviceProp p = properties_of(device);
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        *value = p.maxThreadsPerBlock;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(p.sharedMemPerBlock);
        break;
      case cudaDevAttrWarpSize:
        *value = p.warpSize;
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = p.multiProcessorCount;
        break;
      case cudaDevAttrL2CacheSize:
        *value = p.l2CacheSize;
        break;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = p.maxThreadsPerMultiProcessor;
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = p.major;
        break;
      case cudaDevAttrComputeCapabilityMinor:
        *value = p.minor;
        break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(p.sharedMemPerMultiprocessor);
        break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(p.sharedMemPerBlockOptin);
        break;
      case cudaDevAttrMemoryPoolsSupported:
        *value = p.memoryPoolsSupported;
        break;
      default:
        return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  });
}
cudaError_t cudaSetDevice(int device) {
  return api(__func__, [&] {
    if (const auto error = check_device(device)) return error;
    host_thread().device = device;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDevice(int* device) {
  return api(__func__, [&] {
    *device = host_thread().device;
    return cudaSuccess;
  });
}
cudaError_t cudaDriverGetVersion(int* version) {  // answers without a device, and with any driver
  *version = state().machine.devices == 0 ? 0 : state().machine.driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

/// "Returns the last error ... and resets it to cudaSuccess", but for those that leave the process unusable.
cudaError_t cudaGetLastError() {
  const std::lock_guard lock(state().mutex);
  const cudaError_t error = cudaPeekAtLastError();
  host_thread().last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(state().mutex);
  return state().sticky != cudaSuccess ? state().sticky : host_thread().last_error;
}
