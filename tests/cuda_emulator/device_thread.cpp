// The one thread of the system that runs kernels, copies and library calls. Its thread_local variables are the
// __shared__ ones. Device memory is open while it works, and the caller waits.
#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <thread>

#include "internal.hpp"

namespace emulator {
namespace {

struct Worker {
  std::mutex mutex;
  std::condition_variable changed;
  const std::function<void()>* work = nullptr;
  pthread_t thread{};
  pid_t process = 0;

  void loop() {
    watch_addresses_on_this_stack();
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return work != nullptr; });
      (*work)();
      work = nullptr;
      changed.notify_all();
    }
  }
};

/// Lives as long as the process: a child of fork gets one of its own.
Worker& worker() {
  static Worker* only = nullptr;
  if (!only || only->process != getpid()) {
    static auto* all = new std::vector<Worker*>;
    only = all->emplace_back(new Worker);
    only->process = getpid();
    std::thread thread([made = only] { made->loop(); });
    only->thread = thread.native_handle();
    thread.detach();
  }
  return *only;
}

Worker* running = nullptr;

}  // namespace

bool is_device_thread() { return running && pthread_equal(pthread_self(), running->thread); }

void on_device(const std::function<void()>& work) {
  if (is_device_thread()) return work();
  running = &worker();
  std::unique_lock lock(running->mutex);
  watch_addresses();
  open_memory();
  running->work = &work;
  running->changed.notify_all();
  running->changed.wait(lock, [] { return running->work == nullptr; });
  close_memory();
}

}  // namespace emulator
