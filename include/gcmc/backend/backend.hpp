// What a backend is: memory, copies, and the operations of operations.hpp. All that a backend's author reads.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "gcmc/backend/operations.hpp"

namespace gcmc {

/// A backend runs operations in the order given. `run` may return before the work is done; copy_to_host waits for it.
/// Memory comes zeroed and aligned to row_alignment. Results are a function of the operation alone: equal runs
/// give equal bits, whatever the number of threads.
template <class B>
concept Backend = requires(B& b, void* p, const void* c, std::size_t bytes) {
  { b.allocate(bytes) } -> std::same_as<void*>;
  b.release(p, bytes);
  b.copy_to_device(p, c, bytes);
  b.copy_to_host(p, c, bytes);
  b.copy(p, c, bytes);
  { b.name() } -> std::convertible_to<std::string>;
  b.run(DrawMask{});
  b.run(SelectSources{});
  b.run(SplitEdges{});
}
&&requires(B& b) {
  b.run(BuildTable<float>{});
  b.run(Aggregate<float>{});
  b.run(AggregateBackward<float>{});
  b.run(Multiply<float>{});
  b.run(MultiplyTransposed<float>{});
  b.run(ColumnSums<float>{});
  b.run(Activate<float>{});
  b.run(DenseBackward<float>{});
  b.run(Decode<float>{});
  b.run(Predict<float>{});
  b.run(DegreeScale<float>{});
  b.run(SquareSum<float>{});
  b.run(Update<float>{});
  b.run(RecordStep<float>{});
  b.run(BuildTable<double>{});
  b.run(Aggregate<double>{});
  b.run(AggregateBackward<double>{});
  b.run(Multiply<double>{});
  b.run(MultiplyTransposed<double>{});
  b.run(ColumnSums<double>{});
  b.run(Activate<double>{});
  b.run(DenseBackward<double>{});
  b.run(Decode<double>{});
  b.run(Predict<double>{});
  b.run(DegreeScale<double>{});
  b.run(SquareSum<double>{});
  b.run(Update<double>{});
  b.run(RecordStep<double>{});
};

/// Runs step(): operations that are repeated with other parameters, and neither allocate nor copy to the host. A
/// backend that has a member run_step (Cuda: one graph) runs them as it does best.
template <Backend B, class Step>
void run_step(B& backend, const Step& step) {
  if constexpr (requires { backend.run_step(step); })
    backend.run_step(step);
  else
    step();
}

/// Throws InputError if what `work` allocates is more than the backend has, where it has a way to tell without doing
/// the work.
template <Backend B, class Work>
void require_memory(B& backend, const Work& work) {
  if constexpr (requires { backend.require_memory(work); }) backend.require_memory(work);
}

}  // namespace gcmc
