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

/// Is there a checkpoint in this folder?
bool holds_checkpoint(const std::string& folder) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.path().filename().string().starts_with("checkpoint-")) return true;
  return false;
}

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
  const std::string folder = program.checkpoint_dir.empty() ? run_folder + "/checkpoint" : program.checkpoint_dir;
  const auto replaces_start = [&](const std::string& model) {
    return !program.continued.empty() &&
           (is_same(program.continued, model) || is_same(program.continued + "/model", model));
  };
  gcmc::require(!replaces_start(run_folder) && !replaces_start(run_folder + "/model") &&
                    !replaces_start(program.model_dir) && !replaces_start(folder + model_folder),
                "--continue names the model that this run replaces, from which a cut run could not start again: give "
                "another --save-dir, --model-dir or --checkpoint-dir");
  std::error_code none;
  const std::string best = folder + model_folder;
  const auto whole = [&](const std::string& path) { return fs::weakly_canonical(fs::absolute(path, none), none); };
  const bool is_result = !program.model_dir.empty() && whole(best) == whole(program.model_dir);
  gcmc::require(!is_result && (!fs::exists(best, none) || holds_checkpoint(folder)),
                best +
                    ": is where checkpoints keep the best model so far, and would be replaced: give another folder "
                    "for checkpoints");
  return folder;
}

CheckpointWriter::CheckpointWriter(const std::string& folder, std::map<std::string, std::string> training,
                                   double minutes)
    : files_(folder, std::move(training)),
      interval_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(minutes))) {}

std::vector<gcmc::TrainState> CheckpointWriter::newest() {
  std::vector<std::string> notes;
  std::vector<gcmc::TrainState> states = files_.newest(notes);
  for (const std::string& text : notes) tell_note(text);
  return states;
}

bool CheckpointWriter::offer(bool last, const Take& take) {
  if (!last && Clock::now() - written_at_ < interval_) return false;
  const bool written = try_to("no checkpoint could be written", [&] { files_.write(take()); });
  written_at_ = Clock::now();
  return written;
}

bool CheckpointWriter::try_to(const std::string& do_what, const std::function<void()>& write) {
  const auto tell = [&](const char* kind, const std::string& problem) {
    if (told_.insert(do_what + kind).second) tell_note(do_what + ", training goes on: " + problem);
    return false;
  };
  try {
    write();
    return true;
  } catch (const gcmc::FileError& problem) {
    return tell("file", problem.what());
  } catch (const gcmc::Error& problem) {
    return tell("other", problem.what());
  } catch (const std::bad_alloc&) {
    return tell("memory", "out of memory: a checkpoint takes as much memory again as training");
  }
}

Checkpoints::Checkpoints(const Settings& settings, const std::string& folder, const gcmc::Ratings& ratings,
                         std::span<const gcmc::SavedModel> weights)
    : ratings_(ratings),
      options_(settings.options),
      folder_(folder),
      own_folder_(settings.program.checkpoint_dir.empty()) {
  if (folder_.empty()) return;
  writer_.emplace(folder_, gcmc::training_identity(settings.options, ratings, weights),
                  settings.program.checkpoint_minutes);
  states_ = writer_->newest();
  if (!states_.empty()) tell_resumed(states_, settings.options.train.seeds, folder_);
}

gcmc::EnsembleContinuation Checkpoints::continuation() {
  if (!writer_) return {};
  return {.states = std::move(states_),
          .on_state = [this](bool last, const CheckpointWriter::Take& take) { offer(last, take); }};
}

/// A stage's last state is followed by the next stage, or by the run's own model.
void Checkpoints::offer(bool last, const CheckpointWriter::Take& take) {
  if (writer_->offer(last, take) && !last)
    writer_->try_to("the best model so far could not be written", [&] { write_best(take()); });
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
  if (!writer_) return;
  remove_model(folder_ + model_folder);  // while checkpoints say that it is theirs
  writer_->remove();
  writer_.reset();
  std::error_code not_empty;
  if (own_folder_) fs::remove(folder_, not_empty);
}

gcmc::TrainResult SearchCheckpoints::train(const gcmc::Ratings& ratings, const gcmc::Options& options,
                                           const gcmc::OnProgress& on_progress, std::stop_token stop) const {
  const auto training = gcmc::training_identity(options, ratings);
  std::string text;
  for (const auto& [name, value] : training) text += name + '=' + value + '\n';
  const std::string folder = folder_ + "/" + std::to_string(std::hash<std::string>{}(text));
  std::optional<CheckpointWriter> writer;
  gcmc::Continuation continuation;
  try {
    writer.emplace(folder, training, minutes_);
    continuation.on_state = [&](bool last, const gcmc::TakeState& take) {
      if (last && !stop.stop_requested()) return;  // it has come to its end
      writer->offer(last, [&] { return std::vector<gcmc::TrainState>{take()}; });
    };
    if (auto states = writer->newest(); !states.empty()) continuation.state = std::move(states.back());
  } catch (const gcmc::Error& problem) {
    tell_note(std::string("a trial is trained from its beginning, without checkpoints: ") + problem.what());
    continuation = {};
  }
  if (continuation.state)
    tell_note("a trial goes on from iteration " + std::to_string(continuation.state->iteration()) + " of " +
              std::to_string(options.train.max_iterations));
  gcmc::TrainResult result;
  try {
    result = gcmc::train_on_cpu(ratings, options, on_progress, stop, std::move(continuation));
  } catch (const gcmc::InputError&) {  // a trial that fails would fail again
    if (writer) writer->remove();
    throw;
  }
  if (writer && !result.metrics.stopped) writer->remove();
  return result;
}

void SearchCheckpoints::remove() const {
  std::error_code none;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder_, none))
    if (entry.path().filename().string().find_first_not_of("0123456789") == std::string::npos)
      folders.push_back(entry.path());
  for (const fs::path& folder : folders) {
    try {
      CheckpointWriter(folder, {}, 0).remove();
    } catch (const gcmc::Error&) {
      continue;
    }
    fs::remove(folder, none);  // where nothing else is there
  }
  fs::remove(folder_, none);
}
