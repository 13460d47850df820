// Threads that share loops of tasks: started once, woken for each loop, asleep when nothing comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace gcmc {

/// Runs loops on the caller and threads - 1 workers. Nobody waits for a worker that has not begun: on a busy machine
/// the caller does the work itself, where a barrier of all threads would wait for the slowest to be scheduled. Waiting
/// spins for some microseconds, then sleeps. Each thread takes the tasks of its own stretch first, the same from loop
/// to loop, so that it finds its data in its cache, and then what others have left of theirs. Serves one caller at a
/// time; nothing is allocated after construction.
class ThreadPool {
 public:
  /// Throws DeviceError if a thread cannot be started; those that were have ended then.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Calls body(task, thread) for every task < tasks; returns when all are done. Bodies do not throw.
  template <class Body>
  void run(std::int64_t tasks, const Body& body) {
    if (workers_.empty() || tasks <= 1) {
      for (std::int64_t task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    run_shared(
        {[](const void* data, std::int64_t task, int thread) { (*static_cast<const Body*>(data))(task, thread); },
         &body, tasks});
  }

 private:
  struct Loop {
    void (*call)(const void*, std::int64_t, int) = nullptr;
    const void* body = nullptr;
    std::int64_t tasks = 0;
  };
  void end();
  void run_shared(const Loop& loop);
  void take_tasks(int thread);
  void work(int thread);
  std::uint32_t next_loop(std::uint32_t seen) const;

  /// The tasks from next on, before end, which all threads may take.
  struct alignas(64) Stretch {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };

  Loop loop_;                       ///< changes only while open_ is false and inside_ is 0
  std::vector<Stretch> stretches_;  ///< one a thread
  alignas(64) std::atomic<bool> open_{false};
  std::atomic<int> inside_{0};  ///< workers that may look at loop_
  alignas(64) std::atomic<std::uint32_t> loops_{0};
  std::atomic<bool> ending_{false};
  std::vector<std::thread> workers_;
};

}  // namespace gcmc
