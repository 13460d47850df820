#include "checkpoints.hpp"

#include <cstdio>
#include <filesystem>
#include <new>
#include <stop_token>
#include <utility>

#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"
#include "notes.hpp"

namespace {

namespace fs = std::filesystem;

bool is_same(const std::string& path, const std::string& other) {
  std::error_code none;
  return !path.empty() && fs::equivalent(path, other, none);
}

/// The best model so far, in the folder of the checkpoints.
constexpr const char* model_folder = "/model";

/// If it is one, and holds nothing else.
void remove_model(const std::string& folder) {
  try {
    gcmc::check_model_folder(folder);
  } catch (const gcmc::Error&) {
    return;
  }
  std::error_code none;
  fs::remove_all(folder, none);
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
    : ratings_(ratings),
      options_(settings.options),
      folder_(folder),
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

/// A stage's last state is followed by the next stage, or by the run's own model.
void Checkpoints::offer(bool last, const Take& take) {
  if (!last && Clock::now() - written_at_ < interval_) return;
  const bool written = try_to("no checkpoint could be written", [&] { files_->write(take()); });
  if (written && !last) try_to("the best model so far could not be written", [&] { write_best(take()); });
  written_at_ = Clock::now();
}

/// Training goes on whatever becomes of a file: the one before is still there. Each kind of failure is told once.
bool Checkpoints::try_to(const std::string& do_what, const std::function<void()>& write) {
  const auto tell = [&](const char* kind, const std::string& problem) {
    if (told_.insert(do_what + kind).second) tell_note(do_what + ", training goes on: " + problem);
    return false;
  };
  try {
    write();
    return true;
  } catch (const gcmc::FileError& problem) {
    return tell("file", problem.what());
  } catch (const gcmc::InputError& problem) {
    return tell("input", problem.what());
  } catch (const std::bad_alloc&) {
    return tell("memory", "out of memory: a checkpoint takes as much memory again as training");
  }
}

/// What a training is left with that goes on from these states and is stopped at once; of several models, those that
/// are done. Computed on the processor.
void Checkpoints::write_best(std::vector<gcmc::TrainState> states) {
  gcmc::Options options = options_;
  options.run.device = {};
  std::stop_source stopped;
  stopped.request_stop();
  const gcmc::EnsembleResult result = gcmc::train_ensemble(ratings_, options, {}, stopped.get_token(),
                                                           gcmc::train_on_cpu, {.states = std::move(states)});
  gcmc::save_models(folder_ + model_folder, result.models);
}

void Checkpoints::remove() {
  if (!files_) return;
  files_->remove();
  files_.reset();
  remove_model(folder_ + model_folder);
  std::error_code not_empty;
  if (own_folder_) fs::remove(folder_, not_empty);
}
