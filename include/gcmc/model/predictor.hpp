// Saved models that answer: ratings, probabilities of each level, and recommendations.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gcmc/model/saved_model.hpp"

namespace gcmc {

class Cpu;

/// Answers from the model's embeddings with the kernels that trained it: the same pair gets the same bits in every
/// process on the same instruction set. Of several models (train_ensemble), the answer is the mean of theirs. Calls may
/// come from one thread at a time.
class Predictor {
 public:
  /// `threads` 0: all cores. Throws InputError if the model lacks a tensor.
  explicit Predictor(SavedModel model, int threads = 0);
  /// The same, and throws InputError if there is no model, or if they differ in ids or levels.
  explicit Predictor(std::vector<SavedModel> models, int threads = 0);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  /// The first one: ids, levels and rated items are those of all.
  const SavedModel& model() const { return models_.front(); }
  /// Gives the models back; nothing else may be called then.
  std::vector<SavedModel> release() && { return std::move(models_); }
  Index user_index(std::string_view id) const;  ///< -1: unknown
  Index item_index(std::string_view id) const;

  using Pair = std::pair<Index, Index>;  ///< user, item; a negative number is an unknown id

  /// Expected ratings, calibrated if the model is, in the order of `pairs`. With an unknown id: the bias baseline's
  /// value. Throws InputError for a number beyond the model's. Cost: O(pairs B D).
  std::vector<double> predict(std::span<const Pair> pairs) const;
  /// Row-major, pairs x levels; zeros with an unknown id.
  std::vector<double> probabilities(std::span<const Pair> pairs) const;

  struct Recommendation {
    Index item = 0;
    double rating = 0;
  };
  /// The `top` items with the highest expected rating among those that the user has not rated; ties by item number.
  std::vector<Recommendation> recommend(Index user, Index top) const;

 private:
  class Scorer;
  template <class T>
  class TypedScorer;

  std::vector<SavedModel> models_;
  BiasBaseline baseline_;
  std::unordered_map<std::string_view, Index> users_, items_;
  std::unique_ptr<Cpu> cpu_;
  std::vector<std::unique_ptr<Scorer>> scorers_;  ///< one a model
};

/// Sums over rated pairs, from the predictor's ratings and probabilities. Cost: O(models pairs B D), some 10 MB.
Metrics evaluate(const Predictor& predictor, std::span<const Rating> pairs);

}  // namespace gcmc
