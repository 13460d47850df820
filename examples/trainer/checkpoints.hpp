// Checkpoints of the program: where they are, when they are written, and what is said of them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/files/checkpoint.hpp"
#include "gcmc/train/ensemble.hpp"
#include "program_options.hpp"

/// The folder for checkpoints of a run that saves to `run_folder`; empty if none was asked for. Throws gcmc::Error if
/// both cannot be.
std::string checkpoint_folder(const ProgramOptions& program, const std::string& run_folder);

/// Writes a training's states to a folder, at intervals.
class CheckpointWriter {
 public:
  using Take = std::function<std::vector<gcmc::TrainState>()>;

  /// Throws gcmc::Error for a folder that cannot be used.
  CheckpointWriter(const std::string& folder, std::map<std::string, std::string> training, double minutes);

  /// Of the newest checkpoint; files that are passed over are told on standard error. Throws gcmc::Error for
  /// checkpoints of another training.
  std::vector<gcmc::TrainState> newest();
  /// Writes the states if it is time, or they are the last. Returns whether they were written.
  bool offer(bool last, const Take& take);
  /// Whatever becomes of a file, training goes on: returns whether it could be written. Each kind of failure is told
  /// once.
  bool try_to(const std::string& do_what, const std::function<void()>& write);
  void remove() { files_.remove(); }

 private:
  using Clock = std::chrono::steady_clock;

  gcmc::CheckpointFolder files_;
  Clock::duration interval_;
  Clock::time_point written_at_ = Clock::now();
  std::set<std::string> told_;  ///< failures
};

/// Those of gcmc train.
class Checkpoints {
 public:
  /// Reads and writes nothing if `folder` is empty; tells on standard error where training goes on. The ratings must
  /// outlive it. Throws gcmc::Error for a folder that cannot be used, and for checkpoints of another training.
  Checkpoints(const Settings& settings, const std::string& folder, const gcmc::Ratings& ratings,
              std::span<const gcmc::SavedModel> weights);

  bool are_kept() const { return writer_.has_value(); }
  /// The states that training goes on from, once, and who is offered its state.
  gcmc::EnsembleContinuation continuation();
  /// The run has been saved: nothing is left to go on from.
  void remove();

 private:
  void offer(bool last, const CheckpointWriter::Take& take);
  void write_best(std::vector<gcmc::TrainState> states);

  const gcmc::Ratings& ratings_;
  gcmc::Options options_;
  std::string folder_;
  bool own_folder_ = false;  ///< made for the checkpoints alone
  std::optional<CheckpointWriter> writer_;
  std::vector<gcmc::TrainState> states_;
};

/// Those of the trainings that a search has under way, each in a folder of its own.
class SearchCheckpoints {
 public:
  /// Below `folder`, which need not be there.
  SearchCheckpoints(std::string folder, double minutes) : folder_(std::move(folder)), minutes_(minutes) {}

  /// train_on_cpu, from where the same training was cut. Fit for several threads at once.
  gcmc::TrainResult train(const gcmc::Ratings& ratings, const gcmc::Options& options,
                          const gcmc::OnProgress& on_progress, std::stop_token stop) const;
  /// The search is complete: nothing is left to go on from.
  void remove() const;

 private:
  std::string folder_;
  double minutes_;
};
