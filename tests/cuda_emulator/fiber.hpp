// A stack with a suspended computation. Switching saves the callee-saved registers alone: no system call.
#pragma once

#include <cstddef>

namespace emulator {

struct Fiber {
  void* stack_pointer = nullptr;
  char* stack = nullptr;  ///< lowest address; null for the thread's own stack
  std::size_t bytes = 0;
  void* sanitizer_state = nullptr;
};

/// Maps a stack with a guard page below it.
Fiber make_fiber();
void free_fiber(Fiber& fiber);
/// The next switch to the fiber calls entry, which never returns.
void start(Fiber& fiber, void (*entry)());
/// Suspends `from`, resumes `to`.
void switch_fiber(Fiber& from, Fiber& to);
/// To be called first by an entry: tells the sanitizer that the switch is done, and what stack it came from.
void entered(Fiber& from);

}  // namespace emulator
