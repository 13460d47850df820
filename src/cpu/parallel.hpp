// Loops over threads. What a task computes never depends on which thread runs it.
#pragma once

#include <omp.h>

#include "kernels.hpp"

namespace gcmc {
namespace {

/// Calls body(task) for every task < tasks, handed out in order to whichever thread is free.
template <class Body>
inline void for_each_task(const CpuContext& context, Offset tasks, const Body& body) {
  if (context.threads == 1 || tasks <= 1) {
    for (Offset task = 0; task < tasks; ++task) body(task);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(context.threads)
  for (Offset task = 0; task < tasks; ++task) body(task);
}

/// The same, with body(task, thread) for work that needs memory of the thread's own.
template <class Body>
inline void for_each_task_with_thread(const CpuContext& context, Offset tasks, const Body& body) {
  if (context.threads == 1 || tasks <= 1) {
    for (Offset task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(context.threads)
  for (Offset task = 0; task < tasks; ++task) body(task, omp_get_thread_num());
}

/// Calls body(first, last) over [0, count) in pieces of `piece`.
template <class Body>
inline void for_each_piece(const CpuContext& context, Offset count, Offset piece, const Body& body) {
  for_each_task(context, (count + piece - 1) / piece, [&](Offset task) {
    const Offset first = task * piece, last = first + piece < count ? first + piece : count;
    body(first, last);
  });
}

}  // namespace
}  // namespace gcmc
