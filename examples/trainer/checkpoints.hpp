// The checkpoints of gcmc train: where they are, when they are written, and what is said of them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gcmc/files/checkpoint.hpp"
#include "gcmc/train/ensemble.hpp"
#include "program_options.hpp"

/// The folder for checkpoints of a run that saves to `run_folder`; empty if none was asked for. Throws gcmc::Error if
/// both cannot be.
std::string checkpoint_folder(const ProgramOptions& program, const std::string& run_folder);

class Checkpoints {
 public:
  /// Reads and writes nothing if `folder` is empty; tells on standard error where training goes on. The ratings must
  /// outlive it. Throws gcmc::Error for a folder that cannot be used, and for checkpoints of another training.
  Checkpoints(const Settings& settings, const std::string& folder, const gcmc::Ratings& ratings,
              std::span<const gcmc::SavedModel> weights);

  bool are_kept() const { return files_.has_value(); }
  /// The states that training goes on from, once, and who is offered its state.
  gcmc::EnsembleContinuation continuation();
  /// The run has been saved: nothing is left to go on from.
  void remove();

 private:
  using Clock = std::chrono::steady_clock;
  using Take = std::function<std::vector<gcmc::TrainState>()>;

  void offer(bool last, const Take& take);
  bool try_to(const std::string& do_what, const std::function<void()>& write);
  void write_best(std::vector<gcmc::TrainState> states);

  const gcmc::Ratings& ratings_;
  gcmc::Options options_;
  std::string folder_;
  bool own_folder_ = false;  ///< made for the checkpoints alone
  std::optional<gcmc::CheckpointFolder> files_;
  std::vector<gcmc::TrainState> states_;
  Clock::duration interval_{};
  Clock::time_point written_at_ = Clock::now();
  std::set<std::string> told_;  ///< failures
};
