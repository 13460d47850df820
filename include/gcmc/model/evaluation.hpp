// How good a model's answers are: errors, calibration of its probabilities, ranking; beside the bias baseline and
// popularity; and whether two models differ.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/ratings/metrics.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// A pair and its true rating, by the numbers of one model; negative: an id that the model does not know.
struct RatedPair {
  Index user = -1, item = -1;
  double value = 0;
};

/// The ratings of any set, by the model's numbers: ids are looked up. In the set's order. Throws as validate().
GCMC_EXPORT std::vector<RatedPair> rated_pairs(const Predictor& predictor, const Ratings& ratings);

/// The test part of the run that left the model, in order of user and item. Throws InputError if the model does not
/// have it: it was saved by an older version, or loaded without tested.levels.
GCMC_EXPORT std::vector<RatedPair> tested_pairs(const Predictor& predictor);

/// How many of the pairs, by the model's numbers, are ratings that it was trained on.
GCMC_EXPORT Offset count_trained(const Predictor& predictor, std::span<const RatedPair> pairs);

struct EvaluationOptions {
  Index top = 10;                       ///< length of the ranked lists
  std::optional<double> relevant = {};  ///< ratings from here on are relevant; none: the mean of training's
  bool ranking = true;                  ///< ranks all items for each user: O(users items B D)
};

/// Probabilities between two tenths: the mean that was predicted, and the share that came true.
struct ReliabilityBin {
  Offset count = 0;
  double predicted = 0, observed = 0;
};

/// Pairs whose user (or item) had `least` to `most` ratings of training.
struct ActivityGroup {
  Offset least = 0, most = 0;
  Metrics model, baseline;
};

/// Means over users of what the first N of all items that the user did not rate in training hold; ties by item. An item
/// is relevant to a user whose pair with it is rated `relevant` or higher; users without such an item do not count.
struct Ranking {
  double ndcg = 0;             ///< sum over relevant places k of 1 / log2(k + 1), over the largest possible sum
  double recall = 0;           ///< relevant items of the list, over all relevant ones
  double precision = 0;        ///< ... over N
  double reciprocal_rank = 0;  ///< 1 / the first relevant place; 0 if there is none
  double coverage = 0;         ///< share of all items that are in any list
  double novelty = 0;          ///< mean over the lists' items of -log2(share of all users who rated it in training)
};

struct Evaluation {
  Offset pairs = 0, unknown = 0;  ///< unknown: with an id that the model does not know: the baseline's rating counts
  Offset trained = 0;             ///< that are ratings of training, whose errors say little of others
  Offset no_such_level = 0;       ///< with a value that is none of the model's levels: no part of loss and accuracy
  Metrics model;                  ///< squared and absolute error of all pairs
  Metrics levels;                 ///< loss and accuracy of known pairs at a level
  Metrics baseline;
  std::vector<ReliabilityBin> reliability;      ///< ten, of all levels of known pairs
  double calibration_error = 0;                 ///< mean over the probabilities of |predicted - observed| of their bin
  std::vector<ActivityGroup> by_user, by_item;  ///< those that have pairs, the least active first
  double relevant = 0;
  Index top = 0;
  Offset ranked_users = 0;                        ///< 0: nothing was ranked
  Ranking ranking, baseline_ranking, popularity;  ///< popularity: by the number of ratings of training
};

/// Throws InputError for a number that the model does not have, a value that is no rating value (is_rating_value), or
/// no pair. Memory: O(pairs + items).
GCMC_EXPORT Evaluation evaluate(const Predictor& predictor, std::span<const RatedPair> pairs,
                                const EvaluationOptions& options);

/// Whether two lists of predictions of the same pairs differ in squared error. Users are drawn, not ratings: the errors
/// of one user go together.
struct Comparison {
  double first_rmse = 0, second_rmse = 0;
  double difference = 0;      ///< of the mean squared errors, second less first
  double standard_error = 0;  ///< of the difference, over the users
  double p = 1;               ///< two-sided, of a normal distribution
  /// Of the second model, as Evaluation has them of the first; compare() does not know them.
  Offset unknown = 0, trained = 0;
};

/// `pairs` name users and values. Throws InputError for other numbers of predictions than pairs.
GCMC_EXPORT Comparison compare(std::span<const RatedPair> pairs, std::span<const double> first,
                               std::span<const double> second);

}  // namespace gcmc
