// How many threads a process may use: what it may run on, and what its container's quota pays for.
#pragma once

#include <filesystem>
#include <optional>

#include "gcmc/base/export.hpp"

namespace gcmc {

/// The smallest CPU quota, in whole cores, of the control groups that the process is in; none: no group has one.
///   v2: root/sys/fs/cgroup/<group>/cpu.max, "<quota> <period>" or "max <period>"
///   v1: root/sys/fs/cgroup/cpu/<group>/cpu.cfs_quota_us (-1: none) over cpu.cfs_period_us
/// <group>, which root/proc/self/cgroup names, and every group above it counts. A container may see its own group as
/// the root of sys/fs/cgroup while that file names a path outside: then the root alone is there to count.
/// ceil(quota / period), at least 1. Files that are missing or say something else are no quota.
std::optional<int> cgroup_cores(const std::filesystem::path& root = "/");

/// Cores of the affinity mask, but no more than cgroup_cores(); at least 1.
GCMC_EXPORT int available_threads();

}  // namespace gcmc
