// What a backend is: memory, copies, and the operations of operations.hpp. All that a backend's author reads.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <thread>

#include "gcmc/backend/operation_list.hpp"

namespace gcmc {

/// Memory that a backend owns: zeroed at first, aligned to row_alignment. copy_to_host waits for the operations before
/// it; nothing else waits.
template <class B>
concept BackendMemory = requires(B& b, void* p, const void* c, std::size_t bytes) {
  { b.allocate(bytes) } -> std::same_as<void*>;
  b.release(p, bytes);
  b.copy_to_device(p, c, bytes);
  b.copy_to_host(p, c, bytes);
  b.copy(p, c, bytes);
  { b.name() } -> std::convertible_to<std::string>;
};

#define GCMC_RUN(Struct, kernel) b.run(Struct{});
template <class B>
concept RunsIndexOperations = requires(B& b) {
  GCMC_INDEX_OPERATIONS(GCMC_RUN)
};
#undef GCMC_RUN

#define GCMC_RUN(Struct, kernel) b.run(Struct<T>{});
template <class B, class T>
concept RunsOperations = requires(B& b) {
  GCMC_OPERATIONS(GCMC_RUN)
};
#undef GCMC_RUN

/// A backend for elements T (float, double): memory, and run(op) for every operation of the list in operation_list.hpp.
/// It runs them in the order given; `run` may return before the work is done. Results are a function of the operation
/// alone: equal runs give equal bits, whatever the number of threads. The compiler's message names what is missing.
///
/// What it may have beyond:
///   run_step(step)         runs step()'s operations as it does best (run_step below)
///   require_memory(work)   refuses what it has not the memory for (require_memory below)
///   threads()              their number, which a run's metrics then state
///   stores_bf16_tables     a static constant, true where Hints::bf16 is heeded: precision bf16-tables is then taken
template <class B, class T>
concept Backend = BackendMemory<B> && RunsIndexOperations<B> && RunsOperations<B, T>;

/// Runs step(): operations that are repeated with other parameters, and neither allocate nor copy to the host. A
/// backend that has a member run_step (Cuda: one graph) runs them as it does best.
template <BackendMemory B, class Step>
void run_step(B& backend, const Step& step) {
  if constexpr (requires { backend.run_step(step); })
    backend.run_step(step);
  else
    step();
}

/// Throws DeviceError if what `work` allocates is more than the backend has, where it has a way to tell without doing
/// the work.
template <BackendMemory B, class Work>
void require_memory(B& backend, const Work& work) {
  if constexpr (requires { backend.require_memory(work); }) backend.require_memory(work);
}

/// Of the host, for work that no operation does: as many as the backend has, or as the machine says that it has. At
/// least 1.
template <class B>
int host_threads(const B& backend) {
  if constexpr (requires { backend.threads(); })
    return backend.threads();
  else
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));  // 0 where it does not say
}

}  // namespace gcmc
