// A saved model that answers: ratings, probabilities of each level, and recommendations.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gcmc/saved_model.hpp"

namespace gcmc {

/// Answers from the model's embeddings with the kernels that trained it: the same pair gets the same bits in every
/// process on the same instruction set. Calls may come from one thread at a time.
class Predictor {
 public:
  /// `threads` 0: all cores. Throws Error if the model lacks a tensor.
  explicit Predictor(SavedModel model, int threads = 0);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  const SavedModel& model() const { return model_; }
  Index user_index(std::string_view id) const;  ///< -1: unknown
  Index item_index(std::string_view id) const;

  using Pair = std::pair<Index, Index>;  ///< user, item; a negative number is an unknown id

  /// Expected ratings, in the order of `pairs`. With an unknown id: the bias baseline's value.
  /// Throws Error for a number beyond the model's. Cost: O(pairs B D).
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

  SavedModel model_;
  BiasBaseline baseline_;
  std::unordered_map<std::string_view, Index> users_, items_;
  std::unique_ptr<Scorer> scorer_;
};

}  // namespace gcmc
