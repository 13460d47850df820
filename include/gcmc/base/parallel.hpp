// A loop whose rounds are shared by threads, for work on the host that no backend has an operation for.
#pragma once

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// Calls body(task) for every task < tasks, on `threads` threads or as many as the system starts. Bodies do not throw.
template <class Body>
void run_parallel(int threads, Offset tasks, const Body& body) {
  std::atomic<Offset> next = 0;
  const auto work = [&] {
    for (Offset task = 0; (task = next++) < tasks;) body(task);
  };
  std::vector<std::thread> others;
  const auto wanted = static_cast<std::size_t>(std::clamp<Offset>(threads, 1, std::max<Offset>(tasks, 1))) - 1;
  others.reserve(wanted);
  try {
    while (others.size() < wanted) others.emplace_back(work);
  } catch (const std::system_error&) {  // those that there are do it all
  }
  work();
  for (std::thread& other : others) other.join();
}

}  // namespace gcmc
