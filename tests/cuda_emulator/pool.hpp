// How much of a device's memory is in use, and by which pool.
#pragma once

#include "internal.hpp"

struct CUmemPoolHandle_st {
  int device = 0;
  std::uint64_t threshold = 0;  ///< bytes kept at a synchronisation
  std::uint64_t used = 0, used_high = 0, reserved = 0, reserved_high = 0;
};

namespace emulator {

/// False if the device has not that much left.
bool reserve_device_bytes(int device, std::size_t bytes);
void free_device_bytes(int device, std::size_t bytes);
void unuse_pool_bytes(CUmemPoolHandle_st& pool, std::size_t bytes);
/// Releases what cudaFreeAsync was called for, without waiting for the stream.
void release_doomed();
/// What every synchronisation does: pools give back what is unused beyond their threshold.
void trim_pools();

}  // namespace emulator
