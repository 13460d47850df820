// Device memory, to the calls that allocate it.
#pragma once

#include "internal.hpp"

namespace emulator {

/// Null if no addresses are left. `open`: usable at once; otherwise from open_allocation on.
Allocation* allocate(std::size_t bytes, int device, bool host, bool open, CUmemPoolHandle_st* pool);
void open_allocation(Allocation& allocation);
void release(const Allocation& allocation);
/// The allocation that begins at this address, or null.
Allocation* allocation_at(const void* pointer);
const std::map<std::uintptr_t, Allocation>& allocations();

}  // namespace emulator
