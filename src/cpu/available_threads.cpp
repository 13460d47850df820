#include "available_threads.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

namespace gcmc {
namespace {

namespace fs = std::filesystem;

/// quota / period as whole cores. An absent quota ("max", -1) and an absent file fail to read as a positive number.
std::optional<int> whole_cores(std::istream&& quota_file, std::istream&& period_file) {
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, double{std::numeric_limits<int>::max()}));
}

std::optional<int> quota_v2(const fs::path& folder) {
  std::ifstream file(folder / "cpu.max");
  std::string quota, period;
  file >> quota >> period;
  return whole_cores(std::istringstream(quota), std::istringstream(period));
}

std::optional<int> quota_v1(const fs::path& folder) {
  return whole_cores(std::ifstream(folder / "cpu.cfs_quota_us"), std::ifstream(folder / "cpu.cfs_period_us"));
}

/// Lowers `cores` to the smallest quota of `mount`/`group` and the groups above it, `mount` included.
template <class Quota>
void lower(std::optional<int>& cores, const fs::path& mount, const fs::path& group, const Quota& quota) {
  fs::path folder = mount;
  const auto count = [&] {
    if (const auto here = quota(folder)) cores = std::min(*here, cores.value_or(*here));
  };
  count();
  for (const fs::path& part : group.relative_path().lexically_normal()) {
    if (part == "..") return;
    folder /= part;
    count();
  }
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == "cpu") return true;
  return false;
}

int affinity_cores() {
#ifdef CPU_COUNT
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

std::optional<int> cgroup_cores(const fs::path& root) {
  std::optional<int> cores;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  // Lines are number:controllers:group; version 2's has no controllers.
  for (std::string number, controllers, group;
       std::getline(groups, number, ':') && std::getline(groups, controllers, ':') && std::getline(groups, group);) {
    if (controllers.empty())
      lower(cores, mounts, group, quota_v2);
    else if (names_cpu(controllers))
      for (const std::string& mount : {std::string("cpu"), controllers}) lower(cores, mounts / mount, group, quota_v1);
  }
  return cores;
}

int available_threads() {
  const int cores = affinity_cores();
  return std::max(1, std::min(cores, cgroup_cores().value_or(cores)));
}

}  // namespace gcmc
