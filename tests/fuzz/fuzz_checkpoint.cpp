// A checkpoint, with its checksum made right or left as it is: any bytes are gone on from, to the training's end, or
// refused.
#include "data_files.hpp"
#include "fuzz.hpp"
#include "gcmc/files/checkpoint.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/ensemble.hpp"
#include "scratch_folder.hpp"

namespace gcmc {
namespace {

/// A training of a few steps, and what its checkpoints must be of.
struct Training {
  Options options;
  Ratings ratings = generate_ratings({.users = 12, .items = 10, .ratings = 50});
  std::map<std::string, std::string> identity;
};

/// Plain, and with all that keeps a state of its own.
const std::vector<Training>& trainings() {
  static const std::vector<Training> all = [] {
    std::vector<Training> made(2);
    for (Training& training : made) {
      training.options.model = {.units = 6, .output = 3, .features = false};
      training.options.train.max_iterations = 4;
      training.options.run.threads = 1;
    }
    TrainOptions& train = made[1].options.train;
    train.average_decay = 0.5;
    train.calibrate = train.refit = true;
    train.seeds = 2;
    for (Training& training : made) training.identity = training_identity(training.options, training.ratings);
    return made;
  }();
  return all;
}

constexpr const char* file_name = "checkpoint-1.safetensors";

/// The last four bytes are the checksum of those before.
std::string with_right_sum(std::string bytes) {
  if (bytes.size() < 4) return bytes;
  bytes.resize(bytes.size() - 4);
  return bytes + little_endian(crc32_of(bytes), 4);
}

}  // namespace

/// What each training writes at each moment.
std::vector<std::string> seeds() {
  std::vector<std::string> files;
  for (const Training& training : trainings()) {
    const auto keep = [&](bool, const auto& take) {
      const ScratchFolder folder;
      CheckpointFolder(folder / ".", training.identity).write(take());
      files.push_back(read_bytes(folder / file_name));
    };
    train_ensemble(training.ratings, training.options, {}, {}, train_on_cpu, {.on_state = keep});
  }
  return files;
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  for (const std::string& file : {std::string(bytes), with_right_sum(std::string(bytes))})
    for (const Training& training : trainings()) {
      write_bytes(folder / file_name, file);
      try {
        std::vector<std::string> notes;
        std::vector<TrainState> states = CheckpointFolder(folder / ".", training.identity).newest(notes);
        expect(!states.empty(), "a state");
        const EnsembleResult result =
            train_ensemble(training.ratings, training.options, {}, {}, train_on_cpu, {.states = std::move(states)});
        expect(result.models.size() == static_cast<std::size_t>(training.options.train.seeds), "all models");
      } catch (const Error&) {
      }
    }
}

}  // namespace gcmc
