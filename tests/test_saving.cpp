// The folder of a run: its lock, what may be saved there, and that a run takes the place of an older one whole.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/save_run.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

namespace {

const std::string options_text = R"({"preset": "dgl", "train_max_iter": 3})";

/// A run of one model, whose files say `text`.
void save_one(const std::string& folder, const std::string& text, double mean = 0) {
  auto model = small_model<float>();
  model.mean = mean;
  save_run(folder, std::vector<RunFile>{{"config.json", options_text}, {"metrics.json", text}}, {&model, 1});
}

/// Runs `child` in a process of its own, which then is killed.
template <class Child>
void in_killed_process(const Child& child) {
  const pid_t process = ::fork();
  if (process == 0) {
    child();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("a folder is locked for one run at a time, and the other is named", "[saving]") {
  const ScratchFolder folder;
  {
    const FolderLock lock(folder / "");
    CHECK(holds(error_of([&] { FolderLock second(folder / ""); }),
                "a run saves to it (process " + std::to_string(::getpid()) + " on "));
    CHECK(names_in(folder / "") == std::vector<std::string>{".gcmc-lock"});
  }
  CHECK(names_in(folder / "").empty());
  CHECK_NOTHROW(FolderLock(folder / ""));
  in_killed_process([&] { new FolderLock(folder / ""); });
  CHECK(names_in(folder / "") == std::vector<std::string>{".gcmc-lock"});
  CHECK_NOTHROW(FolderLock(folder / ""));
  write_bytes(folder / "elsewhere", "precious");
  fs::create_symlink(folder / "elsewhere", folder / ".gcmc-lock");
  CHECK_THROWS_AS(FolderLock(folder / ""), InputError);
  CHECK(read_bytes(folder / "elsewhere") == "precious");
  CHECK_THROWS_AS(FolderLock(folder / "nowhere"), InputError);
}

TEST_CASE("of many at once, one has the lock", "[saving]") {
  const ScratchFolder folder;
  std::atomic<int> holders = 0, most = 0, had = 0;
  std::vector<std::thread> threads;
  for (int k = 0; k < 8; ++k)
    threads.emplace_back([&] {
      for (int times = 0; times < 200; ++times) try {
          const FolderLock lock(folder / "");
          const int now = ++holders;
          if (now > most) most = now;
          ++had;
          --holders;
        } catch (const InputError&) {
        }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(most == 1);
  CHECK(had > 0);
}

TEST_CASE("a run takes the place of an older one, with all its files and no others of its own", "[saving]") {
  const ScratchFolder folder;
  save_one(folder / "", "older", 1);
  write_bytes(folder / "history.csv", "older");
  write_bytes(folder / "notes.txt", "mine");
  fs::create_directories(folder / "seed-5");
  write_bytes(folder / "seed-5/config.json", options_text);
  fs::create_directories(folder / "seed-mine");
  write_bytes(folder / "seed-mine/metrics.json", "mine");
  ::chmod((folder / "metrics.json").c_str(), 0640);
  CHECK_NOTHROW(check_run_folder(folder / ""));
  save_one(folder / "", "newer", 2);
  CHECK(names_in(folder / "") ==
        std::vector<std::string>{"config.json", "metrics.json", "model", "notes.txt", "seed-mine"});
  CHECK(read_bytes(folder / "metrics.json") == "newer");
  struct stat status {};
  ::stat((folder / "metrics.json").c_str(), &status);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(load_model(folder / "model").mean == 2);
}

TEST_CASE("a run that cannot be saved leaves the older one as it was", "[saving]") {
  const ScratchFolder folder;
  save_one(folder / "", "older", 1);
  write_bytes(folder / "model/notes.txt", "mine");
  CHECK(holds(error_of([&] { save_one(folder / "", "newer", 2); }), "holds notes.txt"));
  CHECK(read_bytes(folder / "metrics.json") == "older");
  CHECK(load_model(folder / "model").mean == 1);
  CHECK(names_in(folder / "") == std::vector<std::string>{"config.json", "metrics.json", "model"});
}

TEST_CASE("what killed runs left is cleared away before the next, and nothing of anybody else", "[saving]") {
  const ScratchFolder folder;
  save_one(folder / "", "older");
  in_killed_process([&] {
    fs::create_directories(folder / ".run.gcmc-abc123/new");
    write_bytes(folder / ".run.gcmc-abc123/new/config.json", "half");
    write_bytes(folder / ".config.json.gcmc-abc124", "half");
  });
  fs::create_directories(folder / ".model.gcmc-abc125/older-model");
  write_bytes(folder / ".model.gcmc-abc125/older-model/config.json", "of a model that was replaced piece by piece");
  write_bytes(folder / ".hidden", "mine");
  check_run_folder(folder / "");
  CHECK(names_in(folder / "") ==
        std::vector<std::string>{".hidden", ".model.gcmc-abc125", "config.json", "metrics.json", "model"});
}

TEST_CASE("what would be lost or followed is refused before training", "[saving]") {
  const ScratchFolder folder;
  const auto problem = [&] { return error_of([&] { check_run_folder(folder / ""); }); };
  CHECK(problem() == "no error");
  CHECK(names_in(folder / "").empty());
  SECTION("a configuration of another program") {
    write_bytes(folder / "config.json", R"({"port": 80})");
    CHECK(holds(problem(), "config.json: is not of a run, and would be replaced"));
  }
  SECTION("figures of another program") {
    write_bytes(folder / "metrics.json", "{}");
    CHECK(holds(problem(), "metrics.json: is there without a run's config.json"));
  }
  SECTION("a link") {
    fs::create_symlink("nowhere", folder / "metrics.json");
    CHECK(holds(problem(), "metrics.json: is no file"));
  }
  SECTION("a link of the model's name that leads nowhere") {
    fs::create_symlink("nowhere", folder / "model");
    CHECK(holds(problem(), "model: is there and is not a folder"));
  }
  SECTION("a file of the model's name") {
    write_bytes(folder / "model", "mine");
    CHECK(holds(problem(), "model: is there and is not a folder"));
  }
  SECTION("other files in the model's folder") {
    fs::create_directories(folder / "model");
    write_bytes(folder / "model/notes.txt", "mine");
    CHECK(holds(problem(), "model: holds notes.txt"));
  }
  SECTION("a folder that this user may not write to") {
    ::chmod((folder / "").c_str(), 0555);
    const uid_t user = ::geteuid();
    if (user == 0) REQUIRE(::seteuid(65534) == 0);  // root may write anywhere: nobody's rights
    const std::string said = problem();
    if (user == 0) REQUIRE(::seteuid(user) == 0);
    ::chmod((folder / "").c_str(), 0755);
    CHECK(holds(said, "Permission denied"));
  }
}

TEST_CASE("a link to a model's folder stays, and the model is replaced where it leads", "[saving]") {
  const ScratchFolder folder;
  fs::create_directories(folder / "run");
  fs::create_directories(folder / "disk/model");
  fs::create_directory_symlink("../disk/model", folder / "run/model");
  CHECK_NOTHROW(check_run_folder(folder / "run"));
  save_one(folder / "run", "text", 3);
  CHECK(fs::is_symlink(folder / "run/model"));
  CHECK(load_model(folder / "disk/model").mean == 3);
}

TEST_CASE("an output is written through a link and into a pipe, and keeps its mode", "[saving]") {
  const ScratchFolder folder;
  write_bytes(folder / "file", "older");
  ::chmod((folder / "file").c_str(), 0600);
  fs::create_symlink("file", folder / "link");
  write_output(folder / "link", "newer");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_bytes(folder / "file") == "newer");
  struct stat status {};
  ::stat((folder / "file").c_str(), &status);
  CHECK((status.st_mode & 0777) == 0600);
  write_file_atomically(folder / "link", "a file of its own");
  CHECK_FALSE(fs::is_symlink(folder / "link"));
  CHECK(read_bytes(folder / "file") == "newer");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto through_pipe = [&](const std::string& path, const std::string& text) {
    std::string read;
    std::thread reader([&] { read = read_bytes(folder / "pipe"); });
    write_output(path, text);
    reader.join();
    return read;
  };
  CHECK(through_pipe(folder / "pipe", "through") == "through");
  CHECK(fs::is_fifo(folder / "pipe"));
  fs::create_symlink("pipe", folder / "link_to_pipe");
  CHECK(through_pipe(folder / "link_to_pipe", "through a link") == "through a link");
  CHECK(fs::is_symlink(folder / "link_to_pipe"));
  fs::create_symlink("later", folder / "to_nothing");
  write_output(folder / "to_nothing", "made");
  CHECK(fs::is_symlink(folder / "to_nothing"));
  CHECK(read_bytes(folder / "later") == "made");
  fs::create_symlink("round", folder / "round");
  CHECK_THROWS_AS(write_output(folder / "round", "x"), InputError);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);  // as /dev/stdout is: the system's own link leads to what has no name
  const std::string of_system = "/proc/self/fd/" + std::to_string(ends[1]);
  fs::create_symlink(of_system, folder / "stdout");
  for (const std::string& path : {of_system, folder / "stdout"}) {
    write_output(path, "four");
    char text[4];
    REQUIRE(::read(ends[0], text, 4) == 4);
    CHECK(std::string(text, 4) == "four");
  }
  CHECK(fs::is_symlink(folder / "stdout"));
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK_THROWS_AS(write_output(folder / "", "x"), InputError);
  CHECK_THROWS_AS(write_output(folder / "nowhere/file", "x"), InputError);
}
