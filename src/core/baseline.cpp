// The bias-only baseline: mean plus shrunken user and item biases.
#include <algorithm>
#include <numeric>

#include "gcmc/error.hpp"
#include "gcmc/metrics.hpp"
#include "gcmc/saved_model.hpp"

namespace gcmc {
namespace {

double bias_of(const std::vector<double>& biases, Index node) {
  return node >= 0 && static_cast<std::size_t>(node) < biases.size() ? biases[static_cast<std::size_t>(node)] : 0.0;
}

void require_levels(const Ratings& ratings, std::span<const Rating> pairs, const char* where) {
  for (const Rating& pair : pairs)
    if (pair.level >= ratings.levels.size())
      throw Error(std::string(where) + ": level " + std::to_string(pair.level) + ", but there are " +
                  std::to_string(ratings.levels.size()));
}

void require_nodes(const Ratings& ratings, std::span<const Rating> train) {
  for (const Rating& pair : train)
    if (pair.user < 0 || pair.user >= ratings.users() || pair.item < 0 || pair.item >= ratings.items())
      throw Error("fit_bias_baseline: user " + std::to_string(pair.user) + ", item " + std::to_string(pair.item) +
                  ", but there are " + std::to_string(ratings.users()) + " users and " +
                  std::to_string(ratings.items()) + " items");
}

/// bias(n) = sum over n's ratings of (value - mean - other side's bias) / (shrinkage + number of them); 0 without any.
void update_biases(std::vector<double>& biases, const std::vector<double>& other, Index Rating::*node,
                   Index Rating::*other_node, const Ratings& ratings, std::span<const Rating> train, double mean,
                   double shrinkage) {
  std::vector<double> weight(biases.size(), shrinkage);
  std::fill(biases.begin(), biases.end(), 0.0);
  for (const Rating& pair : train) {
    const auto n = static_cast<std::size_t>(pair.*node);
    biases[n] += ratings.levels[pair.level] - mean - other[static_cast<std::size_t>(pair.*other_node)];
    weight[n] += 1;
  }
  for (std::size_t n = 0; n < biases.size(); ++n)
    if (weight[n] > 0) biases[n] /= weight[n];
}

}  // namespace

double BiasBaseline::predict(Index user, Index item) const {
  return std::clamp(mean + bias_of(user_bias, user) + bias_of(item_bias, item), lowest, highest);
}

BiasBaseline fit_bias_baseline(const Ratings& ratings, std::span<const Rating> train, BiasOptions options) {
  if (train.empty()) throw Error("fit_bias_baseline: there is no rating to train on");
  if (!(options.user_shrinkage >= 0 && options.item_shrinkage >= 0))
    throw Error("fit_bias_baseline: a shrinkage is negative: user " + std::to_string(options.user_shrinkage) +
                ", item " + std::to_string(options.item_shrinkage));
  require_levels(ratings, train, "fit_bias_baseline");
  require_nodes(ratings, train);
  BiasBaseline baseline;
  for (const Rating& pair : train) baseline.mean += ratings.levels[pair.level];
  baseline.mean /= static_cast<double>(train.size());
  baseline.lowest = ratings.levels.front();
  baseline.highest = ratings.levels.back();
  baseline.user_bias.assign(ratings.user_ids.size(), 0.0);
  baseline.item_bias.assign(ratings.item_ids.size(), 0.0);
  for (int pass = 0; pass < options.passes; ++pass) {
    update_biases(baseline.item_bias, baseline.user_bias, &Rating::item, &Rating::user, ratings, train, baseline.mean,
                  options.item_shrinkage);
    update_biases(baseline.user_bias, baseline.item_bias, &Rating::user, &Rating::item, ratings, train, baseline.mean,
                  options.user_shrinkage);
  }
  return baseline;
}

Metrics evaluate(const BiasBaseline& baseline, const Ratings& ratings, std::span<const Rating> pairs) {
  require_levels(ratings, pairs, "evaluate");
  Metrics metrics;
  for (const Rating& pair : pairs) {
    const double error = baseline.predict(pair.user, pair.item) - ratings.levels[pair.level];
    metrics.squared_error += error * error;
    metrics.absolute_error += std::abs(error);
  }
  metrics.count = static_cast<Offset>(pairs.size());
  return metrics;
}

Calibration fit_calibration(std::span<const double> predictions, std::span<const double> values, double lowest,
                            double highest) {
  require(predictions.size() == values.size(), "calibration: predictions and values differ in number");
  Calibration line{0, 1, lowest, highest};
  if (predictions.empty()) return line;
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(predictions.begin(), predictions.end(), 0.0) / n;
  const double mean_value = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double variance = 0, covariance = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    variance += (predictions[k] - mean) * (predictions[k] - mean);
    covariance += (predictions[k] - mean) * (values[k] - mean_value);
  }
  if (variance > 0) line.slope = covariance / variance;
  line.offset = mean_value - line.slope * mean;
  return line;
}

std::optional<Calibration> SavedModel::calibration() const {
  const auto found = tensors.find("calibration");
  if (found == tensors.end()) return std::nullopt;
  const auto* line = std::get_if<std::vector<double>>(&found->second.values);
  require(line && line->size() == 2 && !levels.empty(), "saved model: tensor \"calibration\" is not two F64");
  return Calibration{line->front(), line->back(), levels.front(), levels.back()};
}

BiasBaseline SavedModel::baseline() const {
  const auto biases = [&](const char* name) {
    const auto found = tensors.find(name);
    const auto* values = found == tensors.end() ? nullptr : std::get_if<std::vector<double>>(&found->second.values);
    if (!values) throw Error(std::string("saved model: tensor \"") + name + "\" is missing or not F64");
    return *values;
  };
  if (levels.empty()) throw Error("saved model: no rating values");
  return {mean, levels.front(), levels.back(), biases("baseline.user_bias"), biases("baseline.item_bias")};
}

}  // namespace gcmc
