// Where the system starts no more threads, each place that starts some says how many run, and ends those.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/search.hpp"

namespace {

std::atomic<int> startable{1000000};

/// While it lives, so many threads can be started.
struct ThreadLimit {
  explicit ThreadLimit(int threads) { startable = threads; }
  ~ThreadLimit() { startable = 1000000; }
};

}  // namespace

/// In the place of the system's.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return --startable < 0 ? EAGAIN : create(thread, attributes, start, argument);
}

using namespace gcmc;

TEST_CASE("a processor whose threads cannot be started says how many were, and can be made with fewer", "[threads]") {
  const ThreadLimit limit(3);
  std::string message;
  try {
    Cpu(8);
  } catch (const DeviceError& error) {
    message = error.what();
  }
  CHECK(message.find("cpu: 4 of 8 threads could be started (") == 0);
  CHECK(message.find("use fewer") != message.npos);
  startable = 3;
  CHECK(Cpu(4).threads() == 4);
}

TEST_CASE("a search whose threads cannot be started ends, keeps what was trained, and goes on with fewer",
          "[threads]") {
  TunePlan plan;
  plan.space = {parse_search("train_lr=0.001..0.1:log")};
  plan.trials = 9;
  const auto figure = [](const Options& options, const std::stop_token&) {
    return std::optional(TrialOutcome{options.train.learning_rate, 1});
  };
  std::vector<TuneRun> kept;
  const ThreadLimit limit(2);
  const std::string message =
      error_of([&] { tune(plan, figure, 5, {}, [&](const TuneRun& run) { kept.push_back(run); }); });
  CHECK(message.find("cpu: 3 of 5 threads could be started (") == 0);
  for (const TuneRun& run : kept) CHECK(run.error.empty());
  CHECK(tune(plan, figure, 1, kept).complete);
}

TEST_CASE("a trial whose own threads cannot be started has not failed: the search ends", "[threads]") {
  TunePlan plan;
  plan.space = {parse_search("train_lr=0.001..0.1:log")};
  const auto starts_threads = [](const Options&, const std::stop_token&) -> std::optional<TrialOutcome> {
    const ThreadLimit limit(0);
    Cpu(2);
    return TrialOutcome{1, 1};
  };
  std::size_t told = 0;
  CHECK(error_of([&] {
          tune(plan, starts_threads, 1, {}, [&](const TuneRun&) { ++told; });
        }).find("cpu: 1 of 2 threads") == 0);
  CHECK(told == 0);
}

TEST_CASE("a generator whose threads cannot be started says so", "[threads]") {
  if (Cpu(0).threads() == 1) return;  // it starts none
  const ThreadLimit limit(0);
  const std::string message = error_of([] { generate_ratings(synthetic_shape("synthetic-1m")); });
  CHECK(message.find("cpu: 1 of ") == 0);
  CHECK(message.find(" threads could be started (") != message.npos);
}
