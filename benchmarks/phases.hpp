// The phases of a training step: a name for each operation that a backend runs, and the time they take.
#pragma once

#include <chrono>
#include <map>
#include <string_view>

#include "gcmc/backend/operations.hpp"

namespace gcmc::benchmarks {

inline std::string_view phase_of(const DrawMask&) { return "draw_mask"; }
inline std::string_view phase_of(const SelectSources&) { return "select_sources"; }
inline std::string_view phase_of(const SplitEdges&) { return "split_edges"; }
template <class T>
std::string_view phase_of(const BuildTable<T>&) {
  return "build_table";
}
template <class T>
std::string_view phase_of(const Aggregate<T>&) {
  return "aggregate";
}
template <class T>
std::string_view phase_of(const AggregateBackward<T>&) {
  return "aggregate_backward";
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
template <class T>
std::string_view phase_of(const Activate<T>&) {
  return "activate";
}
template <class T>
std::string_view phase_of(const DenseBackward<T>&) {
  return "dense_backward";
}
template <class T>
std::string_view phase_of(const Decode<T>&) {
  return "decode";
}
template <class T>
std::string_view phase_of(const Predict<T>&) {
  return "predict";
}
template <class T>
std::string_view phase_of(const DegreeScale<T>&) {
  return "degree_scale";
}
template <class T>
std::string_view phase_of(const SquareSum<T>&) {
  return "square_sum";
}
template <class T>
std::string_view phase_of(const Update<T>&) {
  return "update";
}
template <class T>
std::string_view phase_of(const RecordStep<T>&) {
  return "record_step";
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
