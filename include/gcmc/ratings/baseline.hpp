// The bias-only baseline that every report shows beside the model: mean plus shrunken user and item biases.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "gcmc/ratings/metrics.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Mean plus shrunken user and item biases: value(i, j) = mean + b_i + c_j, with
///   c_j = sum over i of (value - mean - b_i) / (lambda_item + |N_j|),  b_i likewise,
/// by alternating passes; predictions are clipped to [lowest, highest]. An unknown user or item has bias 0.
struct BiasBaseline {
  double mean = 0, lowest = 0, highest = 0;
  std::vector<double> user_bias, item_bias;

  /// A negative number is an unknown user or item.
  double predict(Index user, Index item) const { return std::clamp(unclipped(user, item), lowest, highest); }
  double unclipped(Index user, Index item) const {
    const auto bias = [](const std::vector<double>& biases, Index node) {
      return node >= 0 && static_cast<std::size_t>(node) < biases.size() ? biases[static_cast<std::size_t>(node)] : 0.0;
    };
    return mean + bias(user_bias, user) + bias(item_bias, item);
  }
};

struct BiasOptions {
  double user_shrinkage = 5;
  double item_shrinkage = 2;
  int passes = 10;
};

/// shrinkage + the number of a node's ratings.
inline std::vector<double> bias_weights(std::size_t nodes, Index Rating::*node, std::span<const Rating> train,
                                        double shrinkage) {
  std::vector<double> weights(nodes, shrinkage);
  for (const Rating& pair : train) weights[static_cast<std::size_t>(pair.*node)] += 1;
  return weights;
}

/// bias(n) = sum over n's ratings of (value - mean - other side's bias) / weight(n); 0 without any.
inline void update_biases(std::vector<double>& biases, const std::vector<double>& weights,
                          const std::vector<double>& other, Index Rating::*node, Index Rating::*other_node,
                          const Ratings& ratings, std::span<const Rating> train, double mean) {
  std::fill(biases.begin(), biases.end(), 0.0);
  for (const Rating& pair : train)
    biases[static_cast<std::size_t>(pair.*node)] +=
        ratings.levels[pair.level] - mean - other[static_cast<std::size_t>(pair.*other_node)];
  for (std::size_t n = 0; n < biases.size(); ++n)
    if (weights[n] > 0) biases[n] /= weights[n];
}

/// Fits on `train`. Throws InputError if it is empty or a number is out of range. Cost: passes * ratings.
inline BiasBaseline fit_bias_baseline(const Ratings& ratings, std::span<const Rating> train,
                                      const BiasOptions& options = {}) {
  require(!train.empty(), "fit_bias_baseline: there is no rating to train on");
  require(options.user_shrinkage >= 0 && options.item_shrinkage >= 0, [&] {
    return "fit_bias_baseline: a shrinkage is negative: user " + std::to_string(options.user_shrinkage) + ", item " +
           std::to_string(options.item_shrinkage);
  });
  require_in_range(train, ratings.user_ids.size(), ratings.item_ids.size(), ratings.levels.size(), "fit_bias_baseline");
  BiasBaseline baseline;
  for (const Rating& pair : train) baseline.mean += ratings.levels[pair.level];
  baseline.mean /= static_cast<double>(train.size());
  baseline.lowest = ratings.levels.front();
  baseline.highest = ratings.levels.back();
  baseline.user_bias.assign(ratings.user_ids.size(), 0.0);
  baseline.item_bias.assign(ratings.item_ids.size(), 0.0);
  const auto of_users = bias_weights(ratings.user_ids.size(), &Rating::user, train, options.user_shrinkage);
  const auto of_items = bias_weights(ratings.item_ids.size(), &Rating::item, train, options.item_shrinkage);
  for (int pass = 0; pass < options.passes; ++pass) {
    update_biases(baseline.item_bias, of_items, baseline.user_bias, &Rating::item, &Rating::user, ratings, train,
                  baseline.mean);
    update_biases(baseline.user_bias, of_users, baseline.item_bias, &Rating::user, &Rating::item, ratings, train,
                  baseline.mean);
  }
  return baseline;
}

/// Squared and absolute error of the baseline (cross-entropy and accuracy stay 0). Throws InputError for a level that
/// the ratings have not; an unknown user or item has bias 0.
inline Metrics evaluate(const BiasBaseline& baseline, const Ratings& ratings, std::span<const Rating> pairs) {
  Metrics metrics;
  for (const Rating& pair : pairs) {
    require(pair.level < ratings.levels.size(), [&] {
      return "evaluate: level " + std::to_string(pair.level) + ", but there are " +
             std::to_string(ratings.levels.size());
    });
    const double error = baseline.predict(pair.user, pair.item) - ratings.levels[pair.level];
    metrics.squared_error += error * error;
    metrics.absolute_error += std::abs(error);
  }
  metrics.count = static_cast<Offset>(pairs.size());
  return metrics;
}

}  // namespace gcmc
