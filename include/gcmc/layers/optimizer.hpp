// Adam and SGD with clipping of the global gradient norm and a moving average of the weights, deferred for rows that
// nobody reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gcmc/layers/parameters.hpp"
#include "gcmc/options/options.hpp"

namespace gcmc {

/// What the next steps of an optimizer depend on, in host memory: the parameters and their moments as they lie, padding
/// included, every row of them through every step. What there is none of is empty.
template <class T>
struct OptimizerState {
  Index steps = 0;
  std::vector<T> values, first, second, average;
};

/// Steps over the flat buffer. Dropout leaves most rows of the encoder's tables without a gradient, and nobody reads
/// them before they are kept again; so a deferred piece's rows go through a step's update when they are next read
/// (Parameters::values), all waiting steps at once, in registers. The results are those of immediate updates, bit for
/// bit. Memory: two or three copies of the parameters, which have one optimizer at a time. The backend and the
/// parameters must outlive it.
template <class B, class T>
requires Backend<B, T>
class Optimizer {
 public:
  /// average_limit: the moving average's decay in step t is min(average_limit, (1 + t) / (10 + t)); 0: no average.
  /// deferred_factor: the rate of deferred pieces is so many times that of the others. weight_decay: each step first
  /// takes rate * weight_decay of every weight away.
  Optimizer(B& backend, Parameters<B, T>& parameters, OptimizerKind kind, double clip, double average_limit = 0,
            double deferred_factor = 1, double weight_decay = 0)
      : backend_(&backend),
        parameters_(&parameters),
        adam_(kind == OptimizerKind::adam),
        clip_(clip),
        average_limit_(average_limit),
        deferred_factor_(deferred_factor),
        weight_decay_(weight_decay),
        applied_(parameters.rows().size()),
        gradient_step_(applied_.size()),
        square_sum_(backend, 1),
        records_(backend, ring),
        deferred_records_(backend, ring) {
    if (adam_) {
      first_ = Buffer<B, T>(backend, parameters.padded_size());
      second_ = Buffer<B, T>(backend, parameters.padded_size());
    }
    if (average_limit > 0) average_ = Buffer<B, T>(backend, parameters.padded_size());
    begin();
    for (std::size_t k = 0; k < applied_.size(); ++k) {
      ParameterRows part = parameters.rows()[k];
      const bool deferred = parameters.pieces()[k].deferred;
      if (deferred) {
        applied_[k] = Buffer<B, Index>(backend, part.rows);
        gradient_step_[k] = Buffer<B, Index>(backend, part.rows);
        part.applied = applied_[k].data();
        part.gradient_step = gradient_step_[k].data();
      }
      with_gradient_.push_back(part);
      (deferred ? deferred_ : immediate_).push_back(part);
    }
    parameters.on_refresh([this](int piece, const Index* rows, const Index* count) { refresh(piece, rows, count); });
  }
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  ~Optimizer() {
    try {
      flush();
    } catch (...) {  // a device that failed: whoever met the failure has been told, and the weights are lost with it
    }
    parameters_->on_refresh({});
  }

  /// Begins the average with the parameters' values, which may have changed since this was made. Before the first step.
  void begin() {
    if (average_) backend_->copy(average_.data(), parameters_->raw_values().data(), average_.bytes());
  }

  /// One step on the gradient that the last backward pass left.
  void step(double rate) {
    if (!std::exchange(read_, false)) flush();  // nobody read since the last step: its gradient still waits
    ++steps_;
    for (std::size_t k = 0; k < with_gradient_.size(); ++k) {
      with_gradient_[k].list = parameters_->rows()[k].list;
      with_gradient_[k].list_count = parameters_->rows()[k].list_count;
    }
    backend_->run(SquareSum<T>{.parts = with_gradient_.data(),
                               .count = static_cast<Index>(with_gradient_.size()),
                               .gradient = parameters_->gradient_buffer().data(),
                               .step = steps_,
                               .sum = square_sum_.data()});
    record(rate, records_);
    record(rate * deferred_factor_, deferred_records_);
    update(immediate_, records_);
    if (steps_ % ring == 0) flush();
  }

  /// Ends all waiting: every row has been through every step.
  void flush() {
    if (flushed_at_ == steps_) return;
    flushed_at_ = steps_;
    update(deferred_, deferred_records_);
  }

  /// A copy of all that the next steps depend on. Brings every row up to date, which changes no bit of what follows.
  OptimizerState<T> state() {
    flush();
    return {steps_, parameters_->raw_values().get(), first_.get(), second_.get(), average_.get()};
  }
  /// Goes on from the state of an optimizer of the same kind, over parameters of the same layout. Throws InputError,
  /// and leaves all as it was, if the sizes differ.
  void set_state(const OptimizerState<T>& state) {
    const auto check = [](const Buffer<B, T>& buffer, const std::vector<T>& values) {
      require(static_cast<Offset>(values.size()) == buffer.size(), [&] {
        return "optimizer: a state of " + std::to_string(values.size()) + " values, not " +
               std::to_string(buffer.size());
      });
    };
    check(parameters_->raw_values(), state.values);
    check(first_, state.first);
    check(second_, state.second);
    check(average_, state.average);
    parameters_->raw_values().set(state.values);
    first_.set(state.first);
    second_.set(state.second);
    average_.set(state.average);
    for (std::size_t k = 0; k < applied_.size(); ++k) {
      applied_[k].set(std::vector<Index>(static_cast<std::size_t>(applied_[k].size()), state.steps));
      gradient_step_[k].set(std::vector<Index>(static_cast<std::size_t>(gradient_step_[k].size()), 0));
    }
    steps_ = flushed_at_ = state.steps;
    read_ = true;
  }

  /// Ends training: every row has been through every step, and the moments and the average are given back. No step may
  /// follow.
  void finish() {
    flush();
    for (Buffer<B, T>* state : {&first_, &second_, &average_}) *state = {};
  }
  bool has_average() const { return static_cast<bool>(average_); }
  /// Exchanges the average and the weights, without copying. Call it again before the next step.
  void exchange_average() {
    flush();
    std::swap(average_, parameters_->raw_values());
  }

  /// Of the last step's gradient, before clipping. Waits for it.
  double gradient_norm() const { return std::sqrt(square_sum_.front()); }

 private:
  static constexpr Index ring = 64;  ///< steps that a row may wait
  static constexpr double beta1 = 0.9, beta2 = 0.999;

  void record(double rate, Buffer<B, StepRecord<T>>& records) {
    const double t = static_cast<double>(steps_);
    const double decay = average_ ? std::min(average_limit_, (1 + t) / (10 + t)) : 0;
    backend_->run(RecordStep<T>{.square_sum = square_sum_.data(),
                                .clip = clip_,
                                .rate = rate,
                                .beta1 = beta1,
                                .beta2 = beta2,
                                .decay = decay,
                                .weight_decay = weight_decay_,
                                .adam = adam_,
                                .step = steps_,
                                .record = records.data() + steps_ % ring});
  }

  Update<T> update_of(const ParameterRows* parts, Index count, const Buffer<B, StepRecord<T>>& records) {
    return {.parts = parts,
            .count = count,
            .values = parameters_->raw_values().data(),
            .gradient = parameters_->gradient_buffer().data(),
            .first = first_.data(),
            .second = second_.data(),
            .average = average_.data(),
            .records = records.data(),
            .ring = ring,
            .beta1 = beta1,
            .beta2 = beta2,
            .step = steps_};
  }

  /// All rows of the parts.
  void update(const std::vector<ParameterRows>& parts, const Buffer<B, StepRecord<T>>& records) {
    if (!parts.empty()) backend_->run(update_of(parts.data(), static_cast<Index>(parts.size()), records));
  }

  void refresh(int piece, const Index* rows, const Index* count) {
    read_ = true;
    if (flushed_at_ == steps_) return;
    if (rows == nullptr) return flush();
    Update<T> some = update_of(&with_gradient_[static_cast<std::size_t>(piece)], 1, deferred_records_);
    some.rows = rows;
    some.row_count = count;
    backend_->run(some);
  }

  B* backend_;
  Parameters<B, T>* parameters_;
  bool adam_;
  double clip_, average_limit_, deferred_factor_, weight_decay_;
  Index steps_ = 0, flushed_at_ = 0;
  bool read_ = true;                                                 ///< whether rows were read since the last step
  std::vector<ParameterRows> with_gradient_, immediate_, deferred_;  ///< all pieces, and the two kinds
  std::vector<Buffer<B, Index>> applied_, gradient_step_;            ///< by piece; empty where it is not deferred
  Buffer<B, T> first_, second_, average_;
  Buffer<B, double> square_sum_;
  Buffer<B, StepRecord<T>> records_, deferred_records_;
};

}  // namespace gcmc
