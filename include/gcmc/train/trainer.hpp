// Training: steps, validation, learning rate, early stop, the best weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/layers/feeds.hpp"
#include "gcmc/layers/model.hpp"
#include "gcmc/layers/optimizer.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/ratings/split.hpp"
#include "gcmc/train/schedule.hpp"
#include "gcmc/train/state.hpp"
#include "gcmc/train/work.hpp"

namespace gcmc {

/// The ratings of one part of the split, to be scored.
template <BackendMemory B>
struct ScoredPart {
  PairList<B> pairs;
  std::vector<double> values;  ///< in the order of the predictions

  ScoredPart(B& backend, const Ratings& ratings, std::span<const Rating> part)
      : pairs(backend, ratings.users(), ratings.items(), static_cast<Index>(ratings.levels.size()), part) {
    const std::size_t levels = ratings.levels.size();
    std::vector<Offset> counts(ratings.user_ids.size() * levels);  // by (user, level)
    for (const Rating& rating : part) ++counts[static_cast<std::size_t>(rating.user) * levels + rating.level];
    values.reserve(part.size());
    for (std::size_t row = 0; row < counts.size(); ++row)
      values.insert(values.end(), static_cast<std::size_t>(counts[row]), ratings.levels[row % levels]);
  }
};

/// Trains one model on one split, in DGL's or the paper's protocol (options.train). Full-batch steps on the training
/// ratings; validation with the training graph; the test figure with the graph of training and validation. With
/// `replay`, the rates of an earlier run's steps: trains on train + validation for as many steps at these rates, and
/// the last weights are the chosen ones. The graph that tests are encoded with, and what is scored, are made when they
/// are first needed. Backend, ratings, split and a model of the caller's must outlive it.
///
/// M is any model with
///   parameters()                                a Parameters<B, T>
///   forward_backward(messages, pairs, dropout)  leaves the gradient of the pairs' mean loss
///   encode(messages, dropout)                   embeds every node
///   predict(pairs, predictions, probabilities)  scores pairs with the last embeddings
///   metrics()                                   of the last forward_backward or predict
/// and, for the option embedding_draws, encode_mean(messages, seed, draws, keep_going).
template <class B, class T, class M = Model<B, T>>
requires Backend<B, T>
class Trainer {
 public:
  /// Makes the model that the options ask for. Throws InputError for options or ratings that do not fit.
  Trainer(B& backend, const Ratings& ratings, const Split& split, const Options& options,
          std::vector<double> replay = {})
      : Trainer(backend,
                std::make_unique<M>(backend, shape_of(ratings), checked(options, ratings).model, options.train.seed),
                nullptr, ratings, split, options, std::move(replay)) {}
  /// Trains a model of the caller's, made for ratings that validate() has seen.
  Trainer(B& backend, M& model, const Ratings& ratings, const Split& split, const Options& options,
          std::vector<double> replay = {})
      : Trainer(backend, nullptr, &model, ratings, split, options, std::move(replay)) {}

  // A temporary would not outlive this.
  Trainer(B&, const Ratings&, Split&&, const Options&, std::vector<double> = {}) = delete;
  Trainer(B&, Ratings&&, const Split&, const Options&, std::vector<double> = {}) = delete;
  Trainer(B&, Ratings&&, Split&&, const Options&, std::vector<double> = {}) = delete;
  Trainer(B&, M&, const Ratings&, Split&&, const Options&, std::vector<double> = {}) = delete;
  Trainer(B&, M&, Ratings&&, const Split&, const Options&, std::vector<double> = {}) = delete;
  Trainer(B&, M&, Ratings&&, Split&&, const Options&, std::vector<double> = {}) = delete;

  M& model() { return *model_; }

  /// Calls change(model, graph of the training ratings), which may set other first values. Throws InputError after a
  /// step.
  template <class Change>
  void begin(const Change& change) {
    require(iteration_ == 0, "trainer: first values after a step");
    change(*model_, train_);
    optimizer_.begin();
    embedded_ = nullptr;
  }

  /// One optimizer step, at the schedule's learning rate or the caller's; returns the loss and squared error of the
  /// pairs predicted in it. Throws InputError if the loss is not finite, and after choose().
  Metrics step(std::optional<double> learning_rate = {}) {
    require(!chosen_, "trainer: a step after choose(): the moments are gone");
    const DropoutStep dropout{options_.train.seed, static_cast<std::uint32_t>(++iteration_)};
    rates_.push_back(learning_rate ? *learning_rate : rate(iteration_));
    run_step(*backend_, [&] { removal_ ? step_on(*removal_, dropout) : step_on(whole_, dropout); });
    embedded_ = nullptr;
    const Metrics metrics = model_->metrics();
    require(std::isfinite(metrics.loss()), [&] {
      return "training diverged: the loss of iteration " + std::to_string(iteration_) +
             " is not a number; lower train_lr or set train_grad_clip";
    });
    return metrics;
  }

  Offset iteration() const { return iteration_; }
  double learning_rate() const { return rate(iteration_ + 1); }
  /// Of the steps done so far.
  const std::vector<double>& rates() const { return rates_; }
  /// Steps at most.
  Offset planned() const {
    return replay_.empty() ? options_.train.max_iterations : static_cast<Offset>(replay_.size());
  }
  /// Another number of steps at most, from the warm-up on, whose rates do not depend on it, or not of a cosine.
  void plan(Offset max_iterations) {
    options_.train.max_iterations = max_iterations;
    schedule_.plan(max_iterations);
  }
  bool finished() const { return iteration_ >= planned() || schedule_.stopped(); }
  /// Whether the options ask for a validation after the last step.
  bool validation_is_due() const { return finished() || iteration_ % valid_interval_ == 0; }

  /// RMSE and the rest of the validation ratings, encoded with the training graph and the weights as tested (averaged).
  Metrics validate() { return evaluate(train_, scored(valid_, split_->valid())); }
  /// The same of the test ratings, encoded with the graph of training and validation.
  Metrics test() { return evaluate(encoder(), scored(test_, split_->test())); }

  /// Tells the schedule of a validation, and keeps the weights if they are the best so far. Returns whether they are.
  bool observe(double valid_rmse) {
    if (!schedule_.observe(valid_rmse, iteration_)) return false;
    if (!best_) best_ = Buffer<B, T>(*backend_, weights().size());
    with_tested_weights([&] { backend_->copy(best_.data(), weights().data(), weights().bytes()); });
    return true;
  }

  /// Ends training: replaces the weights by the chosen ones (the best, or the last averaged). From here on, embeddings
  /// are means over embedding_draws draws of dropout, if the options say so; they are made once a graph, and no more
  /// than begun once `keep_going` says no: then one pass without dropout serves. keep_going may be told of progress.
  void choose(std::function<bool()> keep_going = {}) {
    optimizer_.flush();
    if (replay_.empty() && options_.train.selection == Selection::best_valid && schedule_.best_iteration() > 0)
      backend_->copy(weights().data(), best_.data(), best_.bytes());
    else if (optimizer_.has_average())
      optimizer_.exchange_average();
    optimizer_.finish();
    best_ = {};
    chosen_ = true;
    embedded_ = nullptr;
    keep_going_ = std::move(keep_going);
    if (options_.train.calibrate && replay_.empty()) {
      embed(train_);
      const ScoredPart<B>& part = scored(valid_, split_->valid());
      calibration_ = fit_calibration(predictions(part), part.values, ratings_->levels.front(), ratings_->levels.back());
    }
  }

  /// Embeds with the graph of training and validation: what is saved, and asked. Call after choose().
  void embed() { embed(encoder()); }

  /// What predictions of the chosen weights go through, if anything: fitted by choose(), or given to a refit.
  const std::optional<Calibration>& calibration() const { return calibration_; }
  void set_calibration(const std::optional<Calibration>& calibration) { calibration_ = calibration; }

  const RateSchedule& schedule() const { return schedule_; }

  /// Adds to `state` all that the next steps and choose() depend on. Changes no bit of them. Not after choose().
  void add_to(TrainState& state) {
    require(!chosen_, "trainer: its state after choose(): the moments are gone");
    OptimizerState<T> optimizer = optimizer_.state();
    state.set("weights", std::move(optimizer.values));
    state.set("first", std::move(optimizer.first));
    state.set("second", std::move(optimizer.second));
    state.set("average", std::move(optimizer.average));
    state.set("best", best_.get());
    state.set("iteration", std::vector{iteration_});
    state.set("rates", rates_);
    const RateSchedule::State& schedule = schedule_.state();
    state.set("schedule", std::vector{schedule.rate, schedule.best});
    state.set("schedule.counts",
              std::vector<Offset>{schedule.best_iteration, schedule.without_improvement, schedule.stopped});
  }
  /// Goes on from what add_to() gave, of a trainer of the same ratings and options. Throws InputError for any other
  /// that can be told from it.
  void restore(const TrainState& state) {
    iteration_ = state.iteration();
    require(iteration_ >= 0 && iteration_ <= planned(), [&] {
      return "training state: iteration " + std::to_string(iteration_) + " of " + std::to_string(planned());
    });
    rates_ = state.get<double>("rates", static_cast<std::size_t>(iteration_));
    const std::vector<Offset>& counts = state.get<Offset>("schedule.counts", 3);
    const std::vector<double>& schedule = state.get<double>("schedule", 2);
    require(schedule[0] > 0 && counts[0] >= 0 && counts[0] <= iteration_ && counts[1] >= 0,
            "training state: \"schedule\" cannot be of this training");
    schedule_.set_state({schedule[0], schedule[1], counts[0], counts[1], counts[2] != 0});
    optimizer_.set_state({static_cast<Index>(iteration_), state.get<T>("weights"), state.get<T>("first"),
                          state.get<T>("second"), state.get<T>("average")});
    const auto best = static_cast<std::size_t>(counts[0] > 0 ? weights().size() : 0);
    best_ = Buffer<B, T>(*backend_, state.get<T>("best", best));
    embedded_ = nullptr;
  }

 private:
  Trainer(B& backend, std::unique_ptr<M> own, M* model, const Ratings& ratings, const Split& split,
          const Options& options, std::vector<double> replay)
      : backend_(&backend),
        ratings_(&ratings),
        split_(&split),
        options_(checked(options)),
        replay_(std::move(replay)),
        own_(std::move(own)),
        model_(own_ ? own_.get() : model),
        train_(graph(trains_on_valid() ? split.train_and_valid() : split.train())),
        whole_(train_),
        optimizer_(backend, model_->parameters(), options.train.optimizer, options.train.gradient_clip,
                   options.train.average_decay, options.train.table_rate_factor, options.train.weight_decay),
        valid_interval_(gcmc::valid_interval(options, ratings, split)),
        schedule_(options.train, valid_interval_) {
    if (options.train.target_removal > 0) removal_.emplace(train_, options.train.target_removal);
    rates_.reserve(static_cast<std::size_t>(std::min(planned(), Offset{1} << 20)));
  }

  static const Options& checked(const Options& options) {
    gcmc::validate(options);
    return options;
  }
  static const Options& checked(const Options& options, const Ratings& ratings) {
    gcmc::validate(ratings);
    return checked(options);
  }
  Graph<B, T> graph(std::span<const Rating> part) const {
    return {*backend_, ratings_->users(),           ratings_->items(), static_cast<Index>(ratings_->levels.size()),
            part,      options_.model.normalization};
  }
  bool trains_on_valid() const { return options_.train.train_on_valid || !replay_.empty(); }
  /// Of training and validation ratings.
  const Graph<B, T>& encoder() {
    if (trains_on_valid()) return train_;
    if (!encoder_) encoder_.emplace(graph(split_->train_and_valid()));
    return *encoder_;
  }
  double rate(Offset step) const {
    if (replay_.empty()) return schedule_.rate(step);
    return replay_[static_cast<std::size_t>(std::min(step, static_cast<Offset>(replay_.size())) - 1)];
  }
  Buffer<B, T>& weights() { return model_->parameters().raw_values(); }

  template <class Feed>
  void step_on(Feed& feed, const DropoutStep& dropout) {
    feed.draw(dropout);
    model_->forward_backward(feed.messages(), feed.pairs(), dropout);
    optimizer_.step(rates_.back());
  }

  template <class Function>
  void with_tested_weights(const Function& function) {
    if (!optimizer_.has_average()) {
      optimizer_.flush();
      return function();
    }
    optimizer_.exchange_average();
    function();
    optimizer_.exchange_average();
  }
  void embed(const Graph<B, T>& encoder) {
    if (chosen_ && embedded_ == &encoder) return;
    if (!embed_mean(encoder)) model_->encode(encoder.messages(), std::nullopt);
    embedded_ = &encoder;
  }
  /// Whether the embeddings are now means over draws of dropout.
  bool embed_mean(const Graph<B, T>& encoder) {
    const Index draws = chosen_ ? options_.train.embedding_draws : 0;
    if (draws == 0) return false;
    if constexpr (requires { model_->encode_mean(encoder.messages(), 0, draws, keep_going_); })
      return model_->encode_mean(encoder.messages(), options_.train.seed, draws, keep_going_);
    else
      throw InputError("trainer: this model has no encode_mean: set embedding_draws 0");
  }
  const ScoredPart<B>& scored(std::optional<ScoredPart<B>>& held, std::span<const Rating> part) {
    if (!held) held.emplace(*backend_, *ratings_, part);
    return *held;
  }
  /// Of the last embeddings, as the decoder gives them.
  std::vector<double> predictions(const ScoredPart<B>& part) {
    Buffer<B, T> predicted(*backend_, part.pairs.size());
    model_->predict(part.pairs.pairs(), predicted.data(), nullptr);
    const std::vector<T> values = predicted.get();
    return {values.begin(), values.end()};
  }
  /// Errors of calibrated predictions in place of the decoder's.
  void recount_errors(Metrics& metrics, const std::vector<double>& predicted, const std::vector<double>& values) const {
    metrics.squared_error = metrics.absolute_error = 0;
    for (std::size_t e = 0; e < values.size(); ++e) {
      const double error = (*calibration_)(predicted[e]) - values[e];
      metrics.squared_error += error * error;
      metrics.absolute_error += std::abs(error);
    }
  }
  Metrics evaluate(const Graph<B, T>& encoder, const ScoredPart<B>& part) {
    Metrics metrics;
    with_tested_weights([&] {
      embed(encoder);
      if (!calibration_) model_->predict(part.pairs.pairs(), nullptr, nullptr);
      const std::vector<double> predicted = calibration_ ? predictions(part) : std::vector<double>{};
      metrics = model_->metrics();
      if (calibration_) recount_errors(metrics, predicted, part.values);
    });
    return metrics;
  }

  B* backend_;
  const Ratings* ratings_;
  const Split* split_;
  Options options_;
  std::vector<double> replay_, rates_;
  std::unique_ptr<M> own_;
  M* model_;
  Graph<B, T> train_;
  WholeGraph<B, T> whole_;
  std::optional<TargetRemoval<B, T>> removal_;
  std::optional<ScoredPart<B>> valid_, test_;
  std::optional<Graph<B, T>> encoder_;
  Optimizer<B, T> optimizer_;
  Buffer<B, T> best_;  ///< from the first improvement on
  Offset valid_interval_;
  RateSchedule schedule_;
  Offset iteration_ = 0;
  bool chosen_ = false;
  const Graph<B, T>* embedded_ = nullptr;  ///< the graph of the last embeddings, of chosen weights
  std::function<bool()> keep_going_;
  std::optional<Calibration> calibration_;
};

}  // namespace gcmc
