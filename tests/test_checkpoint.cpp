// Checkpoints in a folder: the newest whole one is gone on from, whatever became of the other.
#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/checkpoint.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/ensemble.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

#include <fstream>

namespace {

using namespace gcmc;
namespace fs = std::filesystem;

const std::map<std::string, std::string> training = {{"train_lr", "0.01"}, {"users", "7"}};

TrainState state(Offset iteration) {
  TrainState state;
  state.set("iteration", std::vector{iteration});
  state.set("weights", std::vector{0.5F, 0.25F, static_cast<float>(iteration)});
  state.set("best", std::vector<float>{});
  state.set("schedule", std::vector{0.1, std::numeric_limits<double>::infinity()});
  return state;
}

/// The iteration that a folder goes on from; 0: from the beginning.
Offset newest(const std::string& folder, std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> told;
  const std::vector<TrainState> states = CheckpointFolder(folder, training).newest(told);
  if (notes) *notes = told;
  return states.empty() ? 0 : states.back().iteration();
}

void change_byte(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
}

}  // namespace

TEST_CASE("a folder goes on from its newest checkpoint, and keeps two", "[checkpoint]") {
  const ScratchFolder scratch;
  const std::string folder = scratch / "deep/folder";
  CHECK(newest(folder) == 0);
  for (Offset k = 1; k <= 5; ++k) {
    CheckpointFolder checkpoints(folder, training);
    std::vector<std::string> notes;
    const std::vector<TrainState> before = checkpoints.newest(notes);
    CHECK((before.empty() ? 0 : before.back().iteration()) == k - 1);
    checkpoints.write({state(100), state(k)});
    CHECK(notes.empty());
    CHECK(fs::exists(folder + "/checkpoint-2.safetensors") == (k > 1));
  }
  std::vector<std::string> notes;
  CheckpointFolder checkpoints(folder, training);
  const std::vector<TrainState> states = checkpoints.newest(notes);
  REQUIRE(states.size() == 2);
  CHECK(states[0].tensors == state(100).tensors);
  CHECK(states[1].tensors == state(5).tensors);
  CHECK(holds(error_of([&] { CheckpointFolder(folder, training); }), "a run saves to it"));
  checkpoints.remove();
  CHECK(checkpoints.newest(notes).empty());
}

TEST_CASE("a broken checkpoint is passed over for the older one, and is the next to be replaced", "[checkpoint]") {
  const ScratchFolder scratch;
  const std::string folder = scratch / "run", first = folder + "/checkpoint-1.safetensors",
                    second = folder + "/checkpoint-2.safetensors";
  const auto begin = [&] {
    fs::remove_all(folder);
    CheckpointFolder checkpoints(folder, training);
    checkpoints.write({state(1)});
    checkpoints.write({state(2)});
  };
  begin();
  const auto size = static_cast<std::streamoff>(fs::file_size(second));
  std::size_t told = 0;
  for (std::streamoff at = 0; at < size; ++at) {  // every byte counts
    change_byte(second, at);
    std::vector<std::string> notes;
    INFO("byte " << at);
    CHECK(newest(folder, &notes) == 1);
    told += notes.size();
    change_byte(second, at);
  }
  CHECK(newest(folder) == 2);
  CHECK(told >= static_cast<std::size_t>(size) - 2);  // its number, where it is an older one's, needs no word
  for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{5}, fs::file_size(second) - 1}) {
    begin();
    fs::resize_file(second, left);
    std::vector<std::string> notes;
    CheckpointFolder checkpoints(folder, training);
    CHECK(checkpoints.newest(notes).back().iteration() == 1);
    REQUIRE(notes.size() == 1);
    CHECK(holds(notes.front(), second));
    checkpoints.write({state(3)});
    CHECK(checkpoints.newest(notes).back().iteration() == 3);
    change_byte(second, 200);
    CHECK(checkpoints.newest(notes).back().iteration() == 1);
  }
  begin();
  fs::resize_file(first, 5);
  fs::resize_file(second, 5);
  const std::string problem = error_of([&] { newest(folder); });
  CHECK(holds(problem, "no checkpoint works"));
  CHECK(holds(problem, "remove them"));
}

TEST_CASE("a checkpoint of another training is refused with what differs", "[checkpoint]") {
  const ScratchFolder scratch;
  const std::string folder = scratch / "run";
  CheckpointFolder(folder, training).write({state(1)});
  std::vector<std::string> notes;
  const std::map<std::string, std::string> other = {{"train_lr", "0.02"}, {"users", "7"}, {"seed", "3"}};
  const std::string problem = error_of([&] { CheckpointFolder(folder, other).newest(notes); });
  CHECK(holds(problem, "seed was not there and now is 3, train_lr was 0.01 and now is 0.02:"));
  CHECK_FALSE(holds(problem, "users"));
}

TEST_CASE("a training's identity is that of what changes its results", "[checkpoint]") {
  Ratings ratings = generate_ratings({.users = 40, .items = 40, .ratings = 700});
  Options options;
  const auto before = training_identity(options, ratings);
  options.run.threads = 3;
  CHECK(training_identity(options, ratings) == before);
  options.train.learning_rate = 0.5;
  CHECK(training_identity(options, ratings) != before);
  options.train.learning_rate = Options().train.learning_rate;
  CHECK(training_identity(options, ratings) == before);
  std::vector<SavedModel> weights = {small_model<float>()};
  const auto from = training_identity(options, ratings, weights);
  CHECK(from != before);
  std::get<std::vector<float>>(weights.front().tensors["decoder.basis"].values).front() += 1;
  CHECK(training_identity(options, ratings, weights) != from);
  ratings.entries[5].level ^= 1;
  CHECK(training_identity(options, ratings) != before);
}

TEST_CASE("a training goes on from its checkpoint with the bits of an uncut one", "[checkpoint]") {
  const ScratchFolder scratch;
  const Ratings ratings = generate_ratings({.users = 40, .items = 40, .ratings = 700});
  Options options;
  options.model = {.units = 10, .output = 6};
  options.train = {.seeds = 2, .max_iterations = 6, .refit = true};
  CheckpointFolder checkpoints(scratch / "run", training_identity(options, ratings));
  std::vector<std::string> notes;
  struct Cut {};
  int offers = 0;
  const auto cut = [&](bool, const auto& take) {
    checkpoints.write(take());
    if (++offers == 10) throw Cut();
  };
  CHECK_THROWS_AS(train_ensemble(ratings, options, {}, {}, train_on_cpu, {.on_state = cut}), Cut);
  const EnsembleResult rest =
      train_ensemble(ratings, options, {}, {}, train_on_cpu, {.states = checkpoints.newest(notes)});
  const EnsembleResult uncut = train_ensemble(ratings, options);
  REQUIRE(rest.models.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) CHECK(rest.models[k].tensors == uncut.models[k].tensors);
}

TEST_CASE("what is no checkpoint is refused with a sentence", "[checkpoint]") {
  const ScratchFolder scratch;
  const std::string folder = scratch / "run", file = folder + "/checkpoint-1.safetensors";
  fs::create_directory(folder);
  write_safetensors(file, {}, {{"format", "gcmc-model"}});
  CHECK(holds(error_of([&] { newest(folder); }), "not a checkpoint"));
  const std::string text = "{\"train_lr\": \"0.01\", \"users\": \"7\"}";
  const auto metadata = [&](const std::string& version, const std::string& number, const std::string& of) {
    return std::map<std::string, std::string>{
        {"format", "gcmc-checkpoint"}, {"version", version}, {"number", number}, {"training", of}};
  };
  write_safetensors(file, {}, metadata("7", "1", text));
  CHECK(holds(error_of([&] { newest(folder); }), "version \"7\""));
  write_safetensors(file, {}, metadata("2", "-3", text));
  CHECK(holds(error_of([&] { newest(folder); }), "number"));
  write_safetensors(file, {}, metadata("2", "1", "{\"train_lr\": 4}"));
  CHECK(holds(error_of([&] { newest(folder); }), "object of texts"));
  write_safetensors(file, {}, metadata("2", "1", text));
  CHECK(holds(error_of([&] { newest(folder); }), "checksum"));
  fs::remove(file);
  fs::create_directory(file);
  CHECK(holds(error_of([&] { newest(folder); }), "not a file"));
}
