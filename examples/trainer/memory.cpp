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

/// Of a control group's memory, what holds files that were read and is given back when it is wanted; by either
/// version's name.
Offset spare_in(const std::filesystem::path& folder) {
  std::ifstream file(folder / "memory.stat");
  Offset spare = 0, bytes = 0;
  for (std::string name; file >> name >> bytes;)
    if (name == "inactive_file" || name == "total_inactive_file") spare = std::max(spare, bytes);
  return spare;
}

/// What the control groups from `root`/`group` up to `root` leave, by the names of two files in each.
Offset left_by(const std::filesystem::path& root, const std::string& group, const char* most, const char* used) {
  Offset left = no_limit;
  for (std::filesystem::path folder = root / group;; folder = folder.parent_path()) {
    const Offset limit = number_in(folder / most, no_limit);
    if (limit != no_limit)
      left = std::min(left, std::max<Offset>(limit - number_in(folder / used, 0) + spare_in(folder), 0));
    if (folder == root || folder.empty() || folder == "/") return left;
  }
}

/// What the control groups of this process, and those above it, leave: of version 2 (0::/group), and of version 1
/// (12:memory:/group), which a container sees at the root.
Offset left_by_groups() {
  std::ifstream file("/proc/self/cgroup");
  std::string group, memory_group;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) group = line.substr(4);
    if (const std::size_t at = line.find(":memory:/"); at != std::string::npos) memory_group = line.substr(at + 9);
  }
  const std::filesystem::path root = "/sys/fs/cgroup";
  return std::min(left_by(root, group, "memory.max", "memory.current"),
                  left_by(root / "memory", memory_group, "memory.limit_in_bytes", "memory.usage_in_bytes"));
}

std::string gigabytes(Offset bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text.data();
}

std::string refusal(const std::string& what_takes, Offset needed, Offset left, const gcmc::Ratings& ratings,
                    const gcmc::Options& options) {
  const bool on_device = options.run.device.kind != gcmc::Device::Kind::cpu;
  return what_takes + " " + gigabytes(needed) + " of memory at least, and there are " + gigabytes(left) +
         ": the weights of " + std::to_string(ratings.users()) + " users and " + std::to_string(ratings.items()) +
         " items in " + std::to_string(ratings.levels.size()) + " levels of " + std::to_string(options.model.units) +
         " units each, " +
         (on_device ? "which are drawn here before a device has them" : "and what training keeps beside them") +
         "; less is taken by --gcn-agg-accum stack, fewer --gcn-agg-units, or fewer levels (--rating-levels "
         "quantiles:10)";
}

/// 0 for a trial whose options do not fit these ratings: it fails by itself, and says so.
Offset least_of_trial(const gcmc::Ratings& ratings, const gcmc::Options& options) try {
  return least_training_memory(ratings, options);
} catch (const gcmc::InputError&) {
  return 0;
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
  const bool on_device = options.run.device.kind != gcmc::Device::Kind::cpu;
  const int beside = 1 + (train.optimizer == gcmc::OptimizerKind::adam ? 2 : 0) + (train.average_decay > 0 ? 1 : 0) +
                     (train.selection == gcmc::Selection::best_valid ? 1 : 0);
  const bool twice = options.model.precision == gcmc::Precision::float64;
  const int here = (on_device ? 1 : 1 + beside) + train.members() - 1;  // a refit's model waits for the others
  return here * numbers * static_cast<Offset>(twice ? sizeof(double) : sizeof(float));
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
  const Offset needed = least_training_memory(ratings, options), left = available_memory();
  gcmc::require(needed <= left, [&] { return refusal("training takes", needed, left, ratings, options); });
}

void check_memory(const gcmc::Ratings& ratings, const gcmc::TunePlan& plan, const std::vector<gcmc::TuneRun>& done,
                  int threads) {
  const std::vector<gcmc::TrialValues> trials = gcmc::draw_trials(plan);
  const Offset left = available_memory();
  Offset together = 0;
  for (int k = 0, begun = 0; k < static_cast<int>(trials.size()); ++k) {
    const auto is_of_trial = [&](const gcmc::TuneRun& run) { return run.trial == k + 1; };
    if (std::any_of(done.begin(), done.end(), is_of_trial)) continue;
    const gcmc::TrialValues& values = trials[static_cast<std::size_t>(k)];
    gcmc::Options options = gcmc::trial_options(plan, values, 1);
    options.run.device = {};  // trials are trained on the CPU
    const Offset needed = least_of_trial(ratings, options);
    gcmc::require(needed <= left, [&] {
      const std::string trial = "trial " + std::to_string(k + 1) + ", " + gcmc::trial_text(plan, values);
      return refusal(trial + ": training takes", needed, left, ratings, options);
    });
    const int beside = std::min(options.train.seeds, threads - begun);
    begun += beside;
    together += beside * needed;
    gcmc::require(together <= left, [&] {
      return refusal(std::to_string(begun) + " trainings side by side take", together, left, ratings, options) +
             ", or by fewer --threads";
    });
  }
}
