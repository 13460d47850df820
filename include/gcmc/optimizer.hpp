// Adam and SGD with clipping of the global gradient norm and a moving average of the weights, deferred for rows that
// nobody reads.
#pragma once

#include <algorithm>
#include <utility>

#include "gcmc/parameters.hpp"

namespace gcmc {

/// Steps over the flat buffer. Dropout leaves most rows of the encoder's tables without a gradient, and nobody reads
/// them before they are kept again; so a deferred piece's rows go through a step's update when they are next read
/// (Parameters::refresh), all waiting steps at once, in registers. The results are those of immediate updates, bit for
/// bit. Memory: two or three copies of the parameters. The backend and the parameters must outlive it.
template <Backend B, class T>
class Optimizer {
 public:
  /// average_limit: the moving average's decay in step t is min(average_limit, (1 + t) / (10 + t)); 0: no average.
  Optimizer(B& backend, Parameters<B, T>& parameters, OptimizerKind kind, double clip, double average_limit = 0)
      : backend_(&backend),
        parameters_(&parameters),
        adam_(kind == OptimizerKind::adam),
        clip_(clip),
        average_limit_(average_limit),
        rows_(parameters.rows()),
        applied_(rows_.size()),
        gradient_step_(rows_.size()),
        square_sum_(backend, 1),
        records_(backend, ring) {
    if (adam_) {
      first_ = Buffer<B, T>(backend, parameters.padded_size());
      second_ = Buffer<B, T>(backend, parameters.padded_size());
    }
    if (average_limit > 0) {
      average_ = Buffer<B, T>(backend, parameters.padded_size());
      backend.copy(average_.data(), parameters.value_buffer().data(), average_.bytes());
    }
    for (std::size_t k = 0; k < rows_.size(); ++k)
      if (parameters.pieces()[k].deferred) {
        applied_[k] = Buffer<B, Index>(backend, rows_[k].rows);
        gradient_step_[k] = Buffer<B, Index>(backend, rows_[k].rows);
      }
    parameters.on_refresh([this](int piece, const Index* rows, const Index* count) { refresh(piece, rows, count); });
  }
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  ~Optimizer() { parameters_->on_refresh({}); }

  /// One step on the gradient that the last backward pass left.
  void step(double rate) {
    ++steps_;
    collect_rows();
    backend_->run(SquareSum<T>{rows_.data(), static_cast<Index>(rows_.size()), parameters_->gradient_buffer().data(),
                               steps_, square_sum_.data()});
    const double t = static_cast<double>(steps_);
    const double decay = average_ ? std::min(average_limit_, (1 + t) / (10 + t)) : 0;
    backend_->run(RecordStep<T>{square_sum_.data(), clip_, rate, beta1, beta2, decay, adam_, steps_,
                                records_.data() + steps_ % ring});
    update([](const ParameterRows& part) { return part.applied == nullptr; });
    if (steps_ % ring == 0) flush();
  }

  /// Ends all waiting: every row has been through every step.
  void flush() {
    if (flushed_at_ == steps_) return;
    flushed_at_ = steps_;
    update([](const ParameterRows& part) { return part.applied != nullptr; });
  }

  bool has_average() const { return static_cast<bool>(average_); }
  /// Exchanges the average and the weights, without copying. Call it again before the next step.
  void exchange_average() {
    flush();
    std::swap(average_, parameters_->value_buffer());
  }

  /// Of the last step's gradient, before clipping. Waits for it.
  double gradient_norm() const { return std::sqrt(square_sum_.front()); }

 private:
  static constexpr Index ring = 64;  ///< steps that a row may wait
  static constexpr double beta1 = 0.9, beta2 = 0.999;

  void collect_rows() {
    rows_ = parameters_->rows();
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      rows_[k].applied = applied_[k].data();
      rows_[k].gradient_step = gradient_step_[k].data();
    }
  }

  Update<T> update_of(const ParameterRows* parts, Index count) {
    Update<T> update{parts, count};
    update.values = parameters_->value_buffer().data();
    update.gradient = parameters_->gradient_buffer().data();
    update.first = first_.data();
    update.second = second_.data();
    update.average = average_.data();
    update.records = records_.data();
    update.ring = ring;
    update.beta1 = beta1;
    update.beta2 = beta2;
    update.step = steps_;
    return update;
  }

  /// All rows of the parts of one kind.
  template <class Which>
  void update(const Which& which) {
    const auto end = std::partition(rows_.begin(), rows_.end(), which);
    if (end != rows_.begin()) backend_->run(update_of(rows_.data(), static_cast<Index>(end - rows_.begin())));
    collect_rows();
  }

  void refresh(int piece, const Index* rows, const Index* count) {
    if (flushed_at_ == steps_) return;
    if (rows == nullptr) return flush();
    Update<T> some = update_of(&rows_[piece], 1);
    some.rows = rows;
    some.row_count = count;
    backend_->run(some);
  }

  B* backend_;
  Parameters<B, T>* parameters_;
  bool adam_;
  double clip_, average_limit_;
  Index steps_ = 0, flushed_at_ = 0;
  std::vector<ParameterRows> rows_;
  std::vector<Buffer<B, Index>> applied_, gradient_step_;  ///< by piece; empty where it is not deferred
  Buffer<B, T> first_, second_, average_;
  Buffer<B, double> square_sum_;
  Buffer<B, StepRecord<T>> records_;
};

}  // namespace gcmc
