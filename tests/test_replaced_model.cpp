// A saved model's folder is replaced whole or not at all, whoever reads it meanwhile.
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <barrier>
#include <csignal>
#include <thread>

#include "changed_model.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

TEST_CASE("saving replaces an older model whole, and touches nothing else", "[saved_model]") {
  const ScratchFolder folder;
  auto model = small_model<float>();
  save_model(folder / "model", model);
  for (const std::string mine : {"model.tmp", "model.old"}) {
    fs::create_directory(folder / mine);
    write_bytes(folder / mine + "/x", "x");
  }
  model.mean = 2;
  fs::permissions(folder / "model", fs::perms::owner_all);
  save_model(folder / "model/", model);
  check_equal(load_model(folder / "model/"), model);
  CHECK(fs::status(folder / "model").permissions() == fs::perms::owner_all);
  CHECK(names_in(folder / "") == std::vector<std::string>{"model", "model.old", "model.tmp"});
  CHECK(read_bytes(folder / "model.old/x") == "x");
}

TEST_CASE("a model folder that holds more than a model is left alone", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>();
  save_model(folder / "model", model);
  write_bytes(folder / "model/notes.txt", "mine");
  const std::string message = error_of([&] { save_model(folder / "model", model); });
  CHECK(holds(message, "model: holds notes.txt, which is not of a saved model"));
  CHECK(error_of([&] { check_model_folder(folder / "model"); }) == message);
  CHECK(read_bytes(folder / "model/notes.txt") == "mine");
  CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
}

TEST_CASE("several savers at once leave a whole model of one of them", "[saved_model]") {
  for (int round = 0; round < 20; ++round) {
    const ScratchFolder folder;
    std::array<std::string, 4> problems;
    std::barrier start(4);
    std::vector<std::thread> savers;
    for (int k = 0; k < 4; ++k)
      savers.emplace_back([&, k] {
        auto model = small_model<float>();
        model.mean = k;
        start.arrive_and_wait();
        problems[k] = error_of([&] {
          for (int times = 0; times < 3; ++times) save_model(folder / "model", model);
        });
      });
    for (std::thread& saver : savers) saver.join();
    CHECK(problems == std::array<std::string, 4>{"no error", "no error", "no error", "no error"});
    CHECK_NOTHROW(load_model(folder / "model"));
    CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
  }
}

TEST_CASE("a model that is read while it is replaced is the older one or the newer one", "[saved_model]") {
  const ScratchFolder folder;
  auto one = small_model<float>(), other = one;
  one.mean = 1;
  one.user_ids.front() = "one";
  other.mean = 2;
  other.user_ids.front() = "other";
  save_model(folder / "model", one);
  std::atomic<bool> ended = false;
  std::thread saver([&] {
    for (int times = 0; times < 30; ++times) save_model(folder / "model", times % 2 ? one : other);
    ended = true;
  });
  bool mixed = false;
  while (!ended) {
    const SavedModel read = load_model(folder / "model");
    mixed |= read.user_ids.front() != (read.mean == 1 ? "one" : "other");
  }
  saver.join();
  CHECK_FALSE(mixed);
}

TEST_CASE("missing parents are made, and a folder of other files is left alone", "[saved_model]") {
  const ScratchFolder folder;
  save_model(folder / "a/b/model", small_model<float>());
  CHECK_NOTHROW(load_model(folder / "a/b/model"));
  CHECK(holds(error_of([&] { save_model(folder / "a", small_model<float>()); }),
              "a: holds b, which is not of a saved model"));
  CHECK(holds(error_of([&] { save_model("", small_model<float>()); }), "no name"));
  CHECK(holds(error_of([&] { save_model("/", small_model<float>()); }), "cannot be"));
  write_bytes(folder / "file", "x");
  CHECK(holds(error_of([&] { save_model(folder / "file", small_model<float>()); }), "is not a folder"));
  CHECK(error_of([&] { save_model(folder / "file/model", small_model<float>()); }) != "no error");
  CHECK(read_bytes(folder / "file") == "x");
}

TEST_CASE("a disk that fills up leaves the older model as it was", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>();
  save_model(folder / "model", model);
  auto newer = model;
  newer.mean = 2;

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto whole = fs::file_size(folder / "model/model.safetensors");
  for (const auto room : {rlim_t{0}, rlim_t{100}, static_cast<rlim_t>(whole) - 1}) {
    const rlimit limited{room, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    std::string message;
    try {
      save_model(folder / "model", newer);
    } catch (const FileError& error) {
      message = error.what();
    } catch (const Error&) {
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    CHECK(holds(message, "/new/model.safetensors: cannot be written: "));
    check_equal(load_model(folder / "model"), model);
    CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
  }
  std::signal(SIGXFSZ, handler);
}
