// Loops over threads. What a task computes never depends on which thread runs it.
#pragma once

#include "kernels.hpp"

namespace gcmc {
namespace {

/// Calls body(task) for every task < tasks, on the threads of the pool.
template <class Body>
inline void for_each_task(CpuContext& context, Offset tasks, const Body& body) {
  context.pool.run(tasks, [&](Offset task, int) { body(task); });
}

/// The same, with body(task, thread) for work that needs memory of the thread's own.
template <class Body>
inline void for_each_task_with_thread(CpuContext& context, Offset tasks, const Body& body) {
  context.pool.run(tasks, body);
}

/// Calls body(first, last, thread) over [0, count) in pieces of `piece`.
template <class Body>
inline void for_each_piece_with_thread(CpuContext& context, Offset count, Offset piece, const Body& body) {
  for_each_task_with_thread(context, (count + piece - 1) / piece, [&](Offset task, int thread) {
    const Offset first = task * piece, last = first + piece < count ? first + piece : count;
    body(first, last, thread);
  });
}
/// The same with body(first, last).
template <class Body>
inline void for_each_piece(CpuContext& context, Offset count, Offset piece, const Body& body) {
  for_each_piece_with_thread(context, count, piece, [&](Offset first, Offset last, int) { body(first, last); });
}

}  // namespace
}  // namespace gcmc
