// What a test asks of the emulator: seeds, planted failures, the faults and leaks it has seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

/// The machine that the runtime claims to find.
struct Machine {
  int devices = 1;
  std::size_t memory = std::size_t{4} << 30;  ///< bytes of each device
  int driver_version = 13000;                 ///< below CUDART_VERSION: every call answers cudaErrorInsufficientDriver
};
/// Starts anew: drops queued work, faults, planted failures and last errors. What is still allocated stays so.
void reset(const Machine& machine = {});

/// Orders threads, warps, blocks and streams from now on. At first GCMC_EMULATOR_SEED, or 1.
void seed(std::uint64_t value);

/// The nth call from now (1: the next one) whose name begins so returns `status` and does nothing: "cudaMalloc" covers
/// cudaMallocAsync too, "cudaLaunchKernelEx" is a launch, "cublas" any call of that library.
void fail(const std::string& call, int nth, int status);
/// The nth kernel to run from now ends with `error` instead: found at a later call, and sticky.
void fail_kernel(int nth, int error);

/// Faults of kernels and broken rules since the last call, one line each. Those never asked for fail the process.
std::vector<std::string> take_faults();
/// What is allocated, created and not yet destroyed: memory, streams, events, graphs, handles and descriptors.
std::vector<std::string> leaks();

/// Exit codes of a process that the emulator ends, or whose exit code it changes.
constexpr int host_touched_device_memory = 86;  ///< host code dereferenced a device pointer
constexpr int unclean_exit = 87;                ///< leaks, or faults that nobody took
constexpr int crashed = 88;                     ///< any other invalid address

}  // namespace emulator
