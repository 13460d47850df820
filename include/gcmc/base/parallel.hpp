// A loop whose rounds are shared by threads, for work on the host that no backend has an operation for.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// Calls body(task) for every task < tasks, on `threads` threads or as many as the system starts. What a body throws is
/// thrown again, the first of several, once all threads have ended; tasks that have not begun by then are left out.
template <class Body>
void run_parallel(int threads, Offset tasks, const Body& body) {
  std::atomic<Offset> next = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr reason;
  const auto work = [&] {
    try {
      for (Offset task = 0; !failed && (task = next++) < tasks;) body(task);
    } catch (...) {
      if (!failed.exchange(true)) reason = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  const auto wanted = static_cast<std::size_t>(std::clamp<Offset>(threads, 1, std::max<Offset>(tasks, 1))) - 1;
  others.reserve(wanted);
  try {
    while (others.size() < wanted) others.emplace_back(work);
  } catch (...) {  // no thread, or no memory for one: those that there are do it all
  }
  work();
  for (std::thread& other : others) other.join();
  if (failed) std::rethrow_exception(reason);
}

}  // namespace gcmc
