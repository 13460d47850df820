// The loop's protocol. A worker first counts itself inside, then looks whether a loop is open; the caller first closes
// the loop, then waits until nobody is inside. Both are sequentially consistent, so one of them sees the other.
#include "thread_pool.hpp"

#include <system_error>

#include "thread_error.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gcmc {
namespace {

/// About 50 microseconds: longer than the serial parts of a training step, far shorter than a time slice.
constexpr int spins = 2000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : stretches_(static_cast<std::size_t>(threads)) {
  try {
    for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error& reason) {
    end();
    throw_thread_error(workers_.size() + 1, stretches_.size(), reason);
  } catch (...) {
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  ending_ = true;
  ++loops_;
  loops_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_shared(const Loop& loop) {
  loop_ = loop;
  const auto threads = static_cast<std::int64_t>(stretches_.size());
  for (std::int64_t k = 0; k < threads; ++k) {
    stretches_[k].next = loop.tasks * k / threads;
    stretches_[k].end = loop.tasks * (k + 1) / threads;
  }
  open_ = true;
  ++loops_;
  loops_.notify_all();
  take_tasks(0);
  open_ = false;
  for (int spin = 0; inside_ != 0; ++spin) {
    if (spin < spins) {
      pause();
    } else if (const int now = inside_; now != 0) {
      inside_.wait(now);
    }
  }
}

void ThreadPool::take_tasks(int thread) {
  const std::size_t threads = stretches_.size();
  for (std::size_t k = 0; k < threads; ++k) {
    Stretch& stretch = stretches_[(static_cast<std::size_t>(thread) + k) % threads];
    for (std::int64_t task = stretch.next++; task < stretch.end; task = stretch.next++)
      loop_.call(loop_.body, task, thread);
  }
}

/// Waits for a loop after the one numbered `seen`.
std::uint32_t ThreadPool::next_loop(std::uint32_t seen) const {
  for (int spin = 0; loops_ == seen; ++spin) {
    if (spin < spins)
      pause();
    else
      loops_.wait(seen);
  }
  return loops_;
}

void ThreadPool::work(int thread) {
  for (std::uint32_t seen = 0;;) {
    seen = next_loop(seen);
    if (ending_) return;
    ++inside_;
    if (open_) take_tasks(thread);
    if (--inside_ == 0) inside_.notify_all();
  }
}

}  // namespace gcmc
