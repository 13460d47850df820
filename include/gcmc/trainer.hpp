// Training: steps, validation, learning rate, early stop, the best weights, and what a run reports.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "gcmc/model.hpp"
#include "gcmc/optimizer.hpp"
#include "gcmc/report.hpp"
#include "gcmc/saved_model.hpp"
#include "gcmc/schedule.hpp"

namespace gcmc {

/// What is known after an iteration. The figures of validation and test are there where they were read in it.
struct Progress {
  Index model = 1, models = 1;  ///< of train_ensemble
  Offset iteration = 0, max_iterations = 0;
  double loss = 0, train_rmse = 0;  ///< of the training ratings, dropout on
  std::optional<double> valid_rmse, test_rmse;
  double best_valid_rmse = 0;  ///< infinity before the first validation
  Offset best_iteration = 0;
  bool improved = false;
  bool refit = false;  ///< the second training, on train + validation
  double learning_rate = 0;
  double seconds_step = 0;  ///< of this step, evaluation excluded
  double seconds_total = 0;
};

/// What a run leaves: figures, curve, and the model that was chosen.
struct TrainResult {
  RunMetrics metrics;
  std::vector<HistoryRow> history;  ///< one row an evaluation
  SavedModel model;
};

/// Trains one model on one split, in DGL's or the paper's protocol (options.train). Full-batch steps on the training
/// ratings; validation with the training graph; the test figure, with the graph of training and validation, where
/// validation improved. With `replay`, the rates of an earlier run's steps: trains on train + validation for as many
/// steps at these rates, and the last weights are the chosen ones. The graph that tests are encoded with is made when
/// it is first needed. Backend, ratings and split must outlive it.
template <Backend B, class T>
class Trainer {
 public:
  Trainer(B& backend, const Ratings& ratings, const Split& split, const Options& options,
          std::vector<double> replay = {})
      : backend_(&backend),
        ratings_(&ratings),
        split_(&split),
        options_(options),
        replay_(std::move(replay)),
        train_(graph(backend, ratings, trains_on_valid() ? joined(split.train, split.valid) : split.train)),
        valid_(graph(backend, ratings, split.valid)),
        test_(graph(backend, ratings, split.test)),
        model_(backend,
               {ratings.users(), ratings.items(), ratings.levels, {&ratings.user_features, &ratings.item_features}},
               model_options(options), options.train.seed),
        optimizer_(backend, model_.parameters(), options.train.optimizer, options.train.gradient_clip,
                   options.train.average_decay),
        levels_(ratings.levels),
        schedule_(options.train) {
    if (options.train.target_removal > 0) removal_.emplace(train_);
    if (options.train.calibrate) {
      valid_values_ = values_by_user(ratings, split.valid);
      test_values_ = values_by_user(ratings, split.test);
    }
    rates_.reserve(static_cast<std::size_t>(options.train.max_iterations));
  }

  Trainer(B&, const Ratings&, Split&&, const Options&, std::vector<double> = {}) = delete;  // it would not outlive this

  Model<B, T>& model() { return model_; }

  /// One optimizer step; returns the loss and squared error of the pairs predicted in it.
  /// Throws Error if the loss is not finite.
  Metrics step() {
    const DropoutStep dropout{options_.train.seed, static_cast<std::uint32_t>(++iteration_)};
    rates_.push_back(rate(iteration_));
    run_step(*backend_, [&] {
      if (removal_) {
        removal_->draw(make_mask(dropout.seed, dropout.step, static_cast<std::uint32_t>(Masked::edges),
                                 1.0 - options_.train.target_removal));
        model_.forward_backward(removal_->messages(), removal_->pairs(), dropout);
      } else {
        model_.forward_backward(train_.messages(), train_.pairs(), dropout);
      }
      optimizer_.step(rates_.back());
    });
    const Metrics metrics = model_.metrics();
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
  bool finished() const { return iteration_ >= planned() || schedule_.stopped(); }

  /// RMSE and the rest of the validation ratings, encoded with the training graph and the weights as tested (averaged).
  Metrics validate() { return evaluate(train_, valid_, valid_values_); }
  /// The same of the test ratings, encoded with the graph of training and validation.
  Metrics test() { return evaluate(encoder(), test_, test_values_); }

  /// Tells the schedule of a validation, and keeps the weights if they are the best so far. Returns whether they are.
  bool observe(double valid_rmse) {
    if (!schedule_.observe(valid_rmse, iteration_)) return false;
    if (!best_) best_ = Buffer<B, T>(*backend_, weights().size());
    with_tested_weights([&] { backend_->copy(best_.data(), weights().data(), weights().bytes()); });
    return true;
  }

  /// Ends training: replaces the weights by the chosen ones (the best, or the last averaged), and embeds with the
  /// encoder graph. From here on, embeddings are means over embedding_draws draws of dropout, if the options say so.
  void choose() {
    optimizer_.flush();
    if (replay_.empty() && options_.train.selection == Selection::best_valid && schedule_.best_iteration() > 0)
      backend_->copy(weights().data(), best_.data(), best_.bytes());
    else if (optimizer_.has_average())
      optimizer_.exchange_average();
    optimizer_.finish();
    best_ = {};
    chosen_ = true;
    if (options_.train.calibrate && replay_.empty()) {
      embed(train_);
      calibration_ = fit_calibration(predictions(valid_), valid_values_, levels_.front(), levels_.back());
    }
    embed(encoder());
  }

  /// What predictions of the chosen weights go through, if anything: fitted by choose(), or given to a refit.
  const std::optional<Calibration>& calibration() const { return calibration_; }
  void set_calibration(const std::optional<Calibration>& calibration) { calibration_ = calibration; }

  const RateSchedule& schedule() const { return schedule_; }

 private:
  static std::vector<Rating> joined(std::vector<Rating> a, const std::vector<Rating>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  static ModelOptions model_options(const Options& options) {
    ModelOptions model = options.model;
    model.bf16_tables = options.run.precision == "bf16-tables";
    return model;
  }
  Graph<B, T> graph(B& backend, const Ratings& ratings, const std::vector<Rating>& part) const {
    return {backend,
            ratings.users(),
            ratings.items(),
            static_cast<Index>(ratings.levels.size()),
            part,
            options_.model.normalization};
  }
  bool trains_on_valid() const { return options_.train.train_on_valid || !replay_.empty(); }
  /// Of training and validation ratings.
  const Graph<B, T>& encoder() {
    if (trains_on_valid()) return train_;
    if (!encoder_) encoder_.emplace(graph(*backend_, *ratings_, joined(split_->train, split_->valid)));
    return *encoder_;
  }
  double rate(Offset step) const {
    if (replay_.empty()) return schedule_.rate(step);
    return replay_[static_cast<std::size_t>(std::min(step, static_cast<Offset>(replay_.size())) - 1)];
  }
  Buffer<B, T>& weights() { return model_.parameters().value_buffer(); }

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
    const Index draws = chosen_ ? options_.train.embedding_draws : 0;
    if (draws > 0)
      model_.encode_mean(encoder.messages(), options_.train.seed, draws);
    else
      model_.encode(encoder.messages());
  }
  /// The values of a part's ratings, in the order of the predictions: by user and level.
  static std::vector<double> values_by_user(const Ratings& ratings, std::vector<Rating> part) {
    std::sort(part.begin(), part.end(),
              [](const Rating& a, const Rating& b) { return std::pair(a.user, a.level) < std::pair(b.user, b.level); });
    std::vector<double> values;
    for (const Rating& rating : part) values.push_back(ratings.levels[rating.level]);
    return values;
  }
  /// With the embeddings as they are.
  std::vector<double> predictions(const Graph<B, T>& pairs) {
    const Buffer<B, T> buffer(*backend_, pairs.edges());
    model_.predict(pairs.pairs(), buffer.data());
    const std::vector<T> typed = buffer.get();
    return {typed.begin(), typed.end()};
  }
  void recount_errors(Metrics& metrics, const std::vector<double>& predictions, const std::vector<double>& values) {
    metrics.squared_error = metrics.absolute_error = 0;
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double error = (*calibration_)(predictions[k]) - values[k];
      metrics.squared_error += error * error;
      metrics.absolute_error += std::abs(error);
    }
  }
  Metrics evaluate(const Graph<B, T>& encoder, const Graph<B, T>& pairs, const std::vector<double>& values) {
    Metrics metrics;
    with_tested_weights([&] {
      embed(encoder);
      if (!calibration_) model_.predict(pairs.pairs());
      const std::vector<double> predicted = calibration_ ? predictions(pairs) : std::vector<double>{};
      metrics = model_.metrics();
      if (calibration_) recount_errors(metrics, predicted, values);
    });
    return metrics;
  }

  B* backend_;
  const Ratings* ratings_;
  const Split* split_;
  Options options_;
  std::vector<double> replay_, rates_;
  Graph<B, T> train_, valid_, test_;
  std::optional<Graph<B, T>> encoder_;
  Model<B, T> model_;
  Optimizer<B, T> optimizer_;
  std::optional<EdgeSplit<B, T>> removal_;
  Buffer<B, T> best_;                                        ///< from the first improvement on
  std::vector<double> levels_, valid_values_, test_values_;  ///< the values where they are calibrated to
  RateSchedule schedule_;
  Offset iteration_ = 0;
  bool chosen_ = false;
  std::optional<Calibration> calibration_;
};

/// How the options split a set.
SplitOptions split_options(const Options& options);

/// Splits `ratings` as the options say, trains one model (of the option `seed`) on a Cpu backend with
/// options.run.threads and .precision, and returns figures, curve and model. Calls on_progress after every iteration;
/// when `stop` asks for it, finishes the running step and returns what it has. Throws Error for options or ratings that
/// do not fit, .device's included (other devices: cuda_training.hpp), and if training diverges. The same options give
/// the same bits on any number of threads.
TrainResult train(const Ratings& ratings, const Options& options,
                  const std::function<void(const Progress&)>& on_progress = {}, std::stop_token stop = {});

}  // namespace gcmc
