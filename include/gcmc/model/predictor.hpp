// Saved models that answer: ratings, probabilities of each level, and recommendations.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Answers from the model's embeddings with the kernels that trained it: the same pair gets the same bits in every
/// process on the same instruction set, whatever it is asked together with. Of several models (train_ensemble), the
/// answer is the mean of theirs.
///
/// Any number of threads may call const members at once: a call shares the models, and has memory and threads of its
/// own, which the next call takes over. A first call makes them, later ones their results alone. Beside a model it
/// holds the items' embeddings, and the users' times the bases where those are at most four times as large as all
/// embeddings.
class GCMC_EXPORT Predictor {
 public:
  /// `threads` (0: all cores) share the work of making it, O(users B D^2) at most, and of each call; one is the
  /// caller's, and who calls from many threads needs no others. Answers do not depend on it. Throws InputError that
  /// names the tensor if one is missing, or has another type or shape than the ids, levels and other tensors ask for,
  /// and DeviceError if the threads cannot be started.
  explicit Predictor(SavedModel model, int threads = 1);
  /// The same, and throws InputError if there is no model, or if they differ in ids or levels.
  explicit Predictor(std::vector<SavedModel> models, int threads = 1);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  /// The tensors that a Predictor reads, for load_model: user_embedding, item_embedding, decoder.*, baseline.*,
  /// calibration, and for recommend() rated.offsets and rated.items. The encoder's, which are most of a model, are not.
  static bool reads(const std::string& tensor);

  /// The first one: ids, levels and rated items are those of all.
  const SavedModel& model() const { return models_.front(); }
  /// Gives the models back; nothing else may be called then.
  std::vector<SavedModel> release() && { return std::move(models_); }
  Index user_index(std::string_view id) const;  ///< -1: unknown
  Index item_index(std::string_view id) const;

  using Pair = std::pair<Index, Index>;  ///< user, item; a negative number is an unknown id

  struct Scores {
    std::vector<double> ratings;        ///< as of predict()
    std::vector<double> probabilities;  ///< as of probabilities()
  };
  /// Ratings and probabilities in one pass. Throws InputError for a number beyond the model's. Cost: O(pairs B D +
  /// users of the pairs B D^2).
  Scores score(std::span<const Pair> pairs) const;
  /// The same into memory of the caller's: `ratings` of as many values as pairs, `probabilities` of pairs x levels, or
  /// either empty if it is not wanted. Throws InputError for another size.
  void score(std::span<const Pair> pairs, std::span<double> ratings, std::span<double> probabilities) const;

  /// Expected ratings, calibrated if the model is, in the order of `pairs`. With an unknown id: the bias baseline's
  /// value.
  std::vector<double> predict(std::span<const Pair> pairs) const;
  /// Row-major, pairs x levels; zeros with an unknown id.
  std::vector<double> probabilities(std::span<const Pair> pairs) const;

  struct Recommendation {
    Index item = 0;
    double rating = 0;
  };
  /// The `top` items with the highest expected rating among those that the user has not rated; ties by item number.
  /// Fewer where there are no more. Throws InputError for a user that is not there, a negative `top` and a model whose
  /// rated.offsets or .items are missing or out of range. Cost: O(items (B D + log top)).
  std::vector<Recommendation> recommend(Index user, Index top) const;

 private:
  class Scorer;
  template <class T>
  class TypedScorer;
  struct Memory;
  class Lender;

  void score(std::span<const Pair> pairs, std::span<double> ratings, std::span<double> probabilities,
             Memory& memory) const;
  void unrated_items(Index user, Memory& memory) const;

  std::vector<SavedModel> models_;
  BiasBaseline baseline_;
  std::unordered_map<std::string_view, Index> users_, items_;
  std::unique_ptr<Lender> lender_;
  std::vector<std::unique_ptr<const Scorer>> scorers_;  ///< one a model
};

/// Sums over rated pairs, whose numbers of users, items and levels are those of predictor.model(): ratings read anew
/// must be numbered by its ids first. Throws InputError for a number that the model does not have. Cost: O(models pairs
/// B D), and memory for some 8000 pairs.
GCMC_EXPORT Metrics evaluate(const Predictor& predictor, std::span<const Rating> pairs);

}  // namespace gcmc
