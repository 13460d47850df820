// The phases of a training step: a name for each operation that a backend runs, and the time they take.
#pragma once

#include <chrono>
#include <map>
#include <string_view>

#include "gcmc/backend/operation_list.hpp"

namespace gcmc::benchmarks {

#define GCMC_NAME(Struct, kernel) \
  inline std::string_view kernel_name(const Struct&) { return #kernel; }
GCMC_INDEX_OPERATIONS(GCMC_NAME)
#undef GCMC_NAME
#define GCMC_NAME(Struct, kernel)                  \
  template <class T>                               \
  std::string_view kernel_name(const Struct<T>&) { \
    return #kernel;                                \
  }
GCMC_OPERATIONS(GCMC_NAME)
#undef GCMC_NAME

/// An operation's phase has its kernel's name, unless there is more to tell.
template <Operation Op>
std::string_view phase_of(const Op& op) {
  return kernel_name(op);
}
/// Z = H W, the features' layers included; Q = U P of all bases; and dU = dQ P^T.
template <class T>
std::string_view phase_of(const Multiply<T>& op) {
  return op.sum_blocks ? "project_backward" : op.b.blocks > 1 ? "project" : "dense";
}
/// dW = H^T dZ; and dP = U^T dQ of all bases.
template <class T>
std::string_view phase_of(const MultiplyTransposed<T>& op) {
  return op.c.blocks > 1 ? "basis_gradient" : "dense_gradient";
}
template <class T>
std::string_view phase_of(const ColumnSums<T>&) {
  return "bias_gradient";
}

/// Watches a backend whose run() returns when the work is done: adds up each phase's seconds.
class PhaseTimer {
 public:
  template <class Operation, class Run>
  void around(const Operation& operation, const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    run();
    seconds_[phase_of(operation)] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  void reset() {
    for (auto& [phase, seconds] : seconds_) seconds = 0;
  }
  const std::map<std::string_view, double>& seconds() const { return seconds_; }

 private:
  std::map<std::string_view, double> seconds_;
};

}  // namespace gcmc::benchmarks
