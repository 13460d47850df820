#include "checkpoints.hpp"

#include <cstdio>
#include <filesystem>
#include <new>
#include <utility>

#include "gcmc/base/error.hpp"
#include "notes.hpp"

namespace {

namespace fs = std::filesystem;

bool is_same(const std::string& path, const std::string& other) {
  std::error_code none;
  return !path.empty() && fs::equivalent(path, other, none);
}

/// Where the last of the states is.
void tell_resumed(const std::vector<gcmc::TrainState>& states, gcmc::Index models, const std::string& folder) {
  const gcmc::TrainState& last = states.back();
  std::string where = "iteration " + std::to_string(last.iteration());
  if (last.stage() == gcmc::TrainState::Stage::refit) where += " of the refit";
  if (models > 1) where += " of model " + std::to_string(states.size()) + " of " + std::to_string(models);
  tell_note("resumed from " + where + ", by the checkpoint in " + folder);
}

}  // namespace

std::string checkpoint_folder(const ProgramOptions& program, const std::string& run_folder) {
  gcmc::require(!program.resume || !run_folder.empty(),
                "--resume needs --save-dir, whose checkpoints it goes on from; or give --checkpoint-dir");
  if (program.checkpoint_dir.empty() && !program.resume) return "";
  gcmc::require(!is_same(program.checkpoint_dir, run_folder),
                "--checkpoint-dir is the folder of the run: leave it out, and give --resume");
  gcmc::require(!is_same(program.continued, run_folder) && !is_same(program.continued, run_folder + "/model"),
                "--continue names the run that this one replaces, from which a cut run could not start again: give "
                "another --save-dir");
  return program.checkpoint_dir.empty() ? run_folder + "/checkpoint" : program.checkpoint_dir;
}

Checkpoints::Checkpoints(const Settings& settings, const std::string& folder, const gcmc::Ratings& ratings,
                         std::span<const gcmc::SavedModel> weights)
    : folder_(folder),
      own_folder_(settings.program.checkpoint_dir.empty()),
      interval_(std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double, std::ratio<60>>(settings.program.checkpoint_minutes))) {
  if (folder_.empty()) return;
  files_.emplace(folder_, gcmc::training_identity(settings.options, ratings, weights));
  std::vector<std::string> notes;
  states_ = files_->newest(notes);
  for (const std::string& text : notes) tell_note(text);
  if (!states_.empty()) tell_resumed(states_, settings.options.train.seeds, folder_);
}

gcmc::EnsembleContinuation Checkpoints::continuation() {
  if (!files_) return {};
  return {.states = std::move(states_), .on_state = [this](bool last, const Take& take) { offer(last, take); }};
}

void Checkpoints::offer(bool last, const Take& take) {
  if (last || Clock::now() - written_at_ >= interval_) write(take);
}

/// Training goes on whatever becomes of a checkpoint: the one before is still there.
void Checkpoints::write(const Take& take) {
  try {
    files_->write(take());
  } catch (const gcmc::FileError& problem) {
    tell_failure("file", problem.what());
  } catch (const gcmc::InputError& problem) {
    tell_failure("input", problem.what());
  } catch (const std::bad_alloc&) {
    tell_failure("memory", "out of memory: a checkpoint takes as much memory again as training");
  }
  written_at_ = Clock::now();
}

void Checkpoints::tell_failure(const char* kind, const std::string& problem) {
  if (told_.insert(kind).second) tell_note("no checkpoint could be written, training goes on: " + problem);
}

void Checkpoints::remove() {
  if (!files_) return;
  files_->remove();
  files_.reset();
  std::error_code not_empty;
  if (own_folder_) fs::remove(folder_, not_empty);
}
