// Adam and SGD with clipping of the global gradient norm, and the moving average of the weights.
#pragma once

#include "gcmc/parameters.hpp"

namespace gcmc {

/// One step over the whole flat buffer: the gradient's norm, then clip and update in one pass over memory.
template <Backend B, class T>
class Optimizer {
 public:
  Optimizer(B& backend, const Parameters<B, T>& parameters, OptimizerKind kind, double clip)
      : backend_(&backend), clip_(clip), square_sum_(backend, 1) {
    if (kind != OptimizerKind::adam) return;
    first_ = Buffer<B, T>(backend, parameters.padded_size());
    second_ = Buffer<B, T>(backend, parameters.padded_size());
  }

  void step(Parameters<B, T>& parameters, double rate) {
    const std::vector<ParameterRows>& rows = parameters.rows();
    const auto count = static_cast<Index>(rows.size());
    const T* gradient = parameters.gradient_buffer().data();
    backend_->run(SquareSum<T>{rows.data(), count, gradient, square_sum_.data()});
    Update<T> update{rows.data(),        count,         parameters.value_buffer().data(),
                     gradient,           first_.data(), second_.data(),
                     square_sum_.data(), clip_,         rate};
    update.step = ++steps_;
    backend_->run(update);
  }

  /// Of the last step's gradient, before clipping. Waits for it.
  double gradient_norm() const { return std::sqrt(square_sum_.front()); }

 private:
  B* backend_;
  double clip_;
  Offset steps_ = 0;
  Buffer<B, T> first_, second_;
  Buffer<B, double> square_sum_;
};

/// Moving average of the weights with decay min(limit, (1 + t) / (10 + t)), t counted from 1.
template <Backend B, class T>
class WeightAverage {
 public:
  WeightAverage(B& backend, Parameters<B, T>& parameters, double limit)
      : backend_(&backend), limit_(limit), average_(backend, parameters.padded_size()) {
    backend.copy(average_.data(), parameters.value_buffer().data(), average_.bytes());
  }

  void add(const Parameters<B, T>& parameters) {
    const double t = static_cast<double>(++steps_);
    backend_->run(Average<T>{average_.size(), parameters.value_buffer().data(), average_.data(),
                             std::min(limit_, (1 + t) / (10 + t))});
  }
  /// Exchanges the average and the weights, without copying.
  void exchange(Parameters<B, T>& parameters) { std::swap(average_, parameters.value_buffer()); }

 private:
  B* backend_;
  double limit_;
  Offset steps_ = 0;
  Buffer<B, T> average_;
};

}  // namespace gcmc
