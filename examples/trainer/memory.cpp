#include "memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "gcmc/base/error.hpp"
#include "gcmc/layers/model_layers.hpp"

using gcmc::Offset;

namespace {

constexpr Offset no_limit = std::numeric_limits<Offset>::max();

/// The number behind `name` in a file of lines "name: number kB", in bytes; 0 if it is not there.
Offset kilobytes_of(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;)
    if (Offset value = 0; word == name + ":" && file >> value) return value * 1024;
  return 0;
}

Offset number_in(const std::filesystem::path& path, Offset otherwise) {
  std::ifstream file(path);
  Offset value = 0;
  return file >> value ? value : otherwise;
}

/// What the control groups (version 2) of this process, and those above it, leave.
Offset left_by_groups() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  std::filesystem::path group = "/sys/fs/cgroup";
  while (std::getline(file, line))
    if (line.starts_with("0::/")) group /= line.substr(4);
  Offset left = no_limit;
  for (;; group = group.parent_path()) {
    const Offset limit = number_in(group / "memory.max", no_limit);
    if (limit != no_limit) left = std::min(left, limit - number_in(group / "memory.current", 0));
    if (group == "/sys/fs/cgroup" || group.empty() || group == "/") return std::max<Offset>(left, 0);
  }
}

std::string gigabytes(Offset bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text.data();
}

}  // namespace

Offset least_training_memory(const gcmc::Ratings& ratings, const gcmc::Options& options) {
  const gcmc::ModelSizes sizes = gcmc::sizes_of(
      {ratings.users(), ratings.items(), ratings.levels, {&ratings.user_features, &ratings.item_features}},
      options.model);
  Offset numbers = 0;
  for (const gcmc::ParameterPiece& piece : gcmc::ModelLayers(options.model, sizes).pieces())
    numbers += Offset{piece.blocks} * piece.rows * piece.columns;
  const gcmc::TrainOptions& train = options.train;
  const int copies = 2 + (train.optimizer == gcmc::OptimizerKind::adam ? 2 : 0) + (train.average_decay > 0 ? 1 : 0);
  const bool twice = options.model.precision == gcmc::Precision::float64;
  return copies * numbers * static_cast<Offset>(twice ? sizeof(double) : sizeof(float));
}

Offset available_memory() {
  Offset left = kilobytes_of("/proc/meminfo", "MemAvailable") + kilobytes_of("/proc/meminfo", "SwapFree");
  if (left == 0) left = no_limit;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    left = std::min(left, static_cast<Offset>(limit.rlim_cur) - kilobytes_of("/proc/self/status", "VmSize"));
  return std::min(left, left_by_groups());
}

void check_memory(const gcmc::Ratings& ratings, const gcmc::Options& options) {
  if (options.run.device.kind != gcmc::Device::Kind::cpu) return;
  const Offset needed = least_training_memory(ratings, options), left = available_memory();
  gcmc::require(needed <= left, [&] {
    return "training takes " + gigabytes(needed) + " of memory at least, and there are " + gigabytes(left) +
           ": the weights of " + std::to_string(ratings.users()) + " users and " + std::to_string(ratings.items()) +
           " items in " + std::to_string(ratings.levels.size()) + " levels of " + std::to_string(options.model.units) +
           " units each, and what training keeps beside them; less is taken by " +
           "--gcn-agg-accum stack, fewer --gcn-agg-units, or fewer levels (--rating-levels quantiles:10)";
  });
}
