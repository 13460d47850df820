// Saved models that answer: ratings, probabilities of each level, recommendations, what is similar and why; for those
// who were in training, and for newcomers by their ratings.
#pragma once

#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/base/id_numbers.hpp"
#include "gcmc/model/fold_in.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Two levels between which a rating lies.
struct Interval {
  double low = 0, high = 0;
};
/// The narrowest pair of levels that leaves at most (1 - share) / 2 of probability on either side. Where there is no
/// probability, as with an unknown id: the lowest and the highest level. Throws InputError unless each level has a
/// probability, there is a level, and share is in [0, 1].
inline Interval central_interval(std::span<const double> probabilities, std::span<const double> levels,
                                 double share = 0.8) {
  require(!levels.empty() && probabilities.size() == levels.size() && share >= 0 && share <= 1, [&] {
    return "interval: " + std::to_string(probabilities.size()) + " probabilities of " + std::to_string(levels.size()) +
           " levels, share " + std::to_string(share);
  });
  const double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0), tail = (1 - share) / 2 * total;
  Interval interval{levels.front(), levels.back()};
  if (!(total > 0)) return interval;
  double below = 0, above = 0;
  for (std::size_t r = 0; r < levels.size() && (below += probabilities[r]) <= tail;) interval.low = levels[++r];
  for (std::size_t r = levels.size(); r-- > 0 && (above += probabilities[r]) <= tail;) interval.high = levels[r - 1];
  if (interval.low > interval.high) std::swap(interval.low, interval.high);  // a median between two levels
  return interval;
}

/// Somebody or something that was not in training, as Predictor::fold_in embeds it from its ratings; without ratings a
/// stranger, whom the bias baseline answers.
struct Newcomer {
  Side side = user_side;
  std::vector<NodeRating> ratings;                ///< ascending
  std::vector<std::vector<double>> embeddings{};  ///< of each member of the predictor's models
  double shift = 0;                               ///< added to every expected rating
};

/// Which items are recommended.
struct RecommendOptions {
  Index top = 10;            ///< so many at most
  bool rated = false;        ///< those too that the user has rated, in whichever part of the set
  Offset least_ratings = 0;  ///< that an item had in training
  std::optional<std::span<const Index>> among = {};  ///< of these alone
  std::span<const Index> without = {};
};

/// Answers from the model's embeddings with the kernels that trained it: the same pair gets the same bits in every
/// process on the same instruction set, whatever it is asked together with. Of several models (train_ensemble), and of
/// a model of several members (SavedModel), the answer is the mean of theirs, and D and B below are sums over them.
///
/// Any number of threads may call const members at once: a call shares the models, and has memory and threads of its
/// own, which the next call takes over. A first call makes them, later ones their results alone. Beside a model it
/// holds the items' embeddings, and those of the users that were asked about times the bases, where all of these are at
/// most four times as large as all embeddings.
class GCMC_EXPORT Predictor {
 public:
  /// `threads` (0: all cores) share the work of each call; one is the caller's, and who calls from many threads needs
  /// no others. Answers do not depend on it. Throws InputError that names the tensor if one is missing, or has another
  /// type or shape than the ids, levels and other tensors ask for, and DeviceError if the threads cannot be started.
  explicit Predictor(SavedModel model, int threads = 1);
  /// The same, and throws InputError if there is no model, or if they differ in ids or levels.
  explicit Predictor(std::vector<SavedModel> models, int threads = 1);
  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  /// The tensors that a Predictor reads, for load_model: user_embedding, item_embedding, decoder.*, baseline.*,
  /// calibration, and for recommend() the offsets and items of rated and tested. Not the encoder's, which are most of
  /// a model and for fold_in() and explain() alone.
  static bool reads(const std::string& tensor);

  /// The first one: ids, levels and rated items are those of all.
  const SavedModel& model() const { return models_.front(); }
  std::span<const SavedModel> models() const { return models_; }
  /// Gives the models back; nothing else may be called then.
  std::vector<SavedModel> release() && { return std::move(models_); }
  Index user_index(std::string_view id) const;  ///< -1: unknown
  Index item_index(std::string_view id) const;

  using Pair = std::pair<Index, Index>;  ///< user, item; a negative number is an unknown id

  struct Scores {
    std::vector<double> ratings;        ///< as of predict()
    std::vector<double> probabilities;  ///< as of probabilities()
  };
  /// Ratings and probabilities in one pass. Throws InputError for a number beyond the model's. Cost: O(pairs B D), and
  /// O(B D^2) for each user of the pairs; where the users' products are kept, for the first time alone.
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
  /// The items with the highest expected rating, ties by item number; fewer than options.top where there are no more.
  /// What a line (calibration) or a newcomer's shift lifts above the highest level is told as that, in order of what it
  /// would be.
  /// Throws InputError for a user or an item that is not there, a negative number in the options, and a model whose
  /// ratings (rated.*, tested.*) are missing or out of range. Cost: O(items B D + log(items) top log(top)) on average.
  std::vector<Recommendation> recommend(Index user, const RecommendOptions& options = {}) const;
  /// The same of each user; threads share the users.
  std::vector<std::vector<Recommendation>> recommend(std::span<const Index> users,
                                                     const RecommendOptions& options = {}) const;

  /// How many ratings of training a node has: of one without any nothing was learnt. 0 too if the model is loaded
  /// without rated.*. Of items, the first call counts all ratings, and throws InputError if they are out of range.
  Offset ratings_of(Side side, Index node) const;

  struct Neighbour {
    Index node = 0;
    double similarity = 0;
  };
  /// What of two nodes is alike: their embeddings, or their predicted ratings. A node's ratings, as a vector: log p_r
  /// less its mean over the levels r, of every node of the other side that has ratings.
  enum class Likeness { embeddings, ratings };
  /// The `top` nodes of the same side, which have ratings, whose embeddings (or ratings) have the largest cosine with
  /// this one's: the mean over the models. Ties by number. Cost: O(nodes (D + log top)); by ratings, of the first call
  /// O(others D^2 + R D^3 + nodes D^2) more: no rating is predicted (similar.cpp).
  std::vector<Neighbour> similar(Side side, Index node, Index top, Likeness by = Likeness::embeddings) const;

  /// Embeds a newcomer (FoldIn), and finds its shift: the model has learnt of those it trained with how high they rate
  /// (or are rated), and of a newcomer not. Each tenth of the ratings is predicted with the newcomer embedded by the
  /// others; the shift is the sum of what they are off, over their number plus 10 (docs/accuracy.md measures it).
  /// Throws InputError as FoldIn does, if two ratings are about the same node, and if the model was loaded without its
  /// encoder: all but what reads() names. Cost: O(ratings (H + B D) + H D + B D^2); of the first call, O(ratings of
  /// training) more.
  Newcomer fold_in(Side side, std::vector<NodeRating> ratings) const;
  /// A user of the model with further ratings, each in place of an older one of the same item: the user's embedding,
  /// moved by what they change in one pass of the encoder; no shift, since training has learnt how high the user rates.
  /// Throws and costs as fold_in, but for the shift's parts.
  Newcomer with_ratings(Index user, std::vector<NodeRating> further) const;
  /// Pairs of a newcomer and nodes of the other side; as score(pairs). Ratings are shifted, and stay between the lowest
  /// and the highest level; probabilities are the model's own.
  Scores score(const Newcomer& newcomer, std::span<const Index> others) const;
  /// As of a user of the model, less what the newcomer rated.
  std::vector<Recommendation> recommend(const Newcomer& user, const RecommendOptions& options = {}) const;

  struct Fan {
    Index user = 0;
    double rating = 0;
  };
  /// The users who would rate a newcomer, which is an item, highest; ties by user number. In the options users stand in
  /// the items' place: without `rated`, those who rated it are left out. Throws InputError as recommend does. Cost:
  /// O(users B D).
  std::vector<Fan> fans(const Newcomer& item, const RecommendOptions& options = {}) const;

  /// What one of the user's ratings does to a prediction.
  struct Reason {
    Index item = 0;
    Level level = 0;
    double effect = 0;  ///< the prediction, less what it would be had the user not rated the item
  };
  struct Explanation {
    double rating = 0;
    std::vector<Reason> reasons;  ///< the largest effect, up or down, first; ties by item
  };
  /// Why the user's predicted rating of `item` is what it is: for each of the user's ratings of training, the user is
  /// embedded again without it. Of embeddings that are means over draws of dropout the change is that of one pass
  /// without. A newcomer's shift (fold_in) stays that of all ratings, and an effect is of the value before it is
  /// brought into the range of levels. Throws InputError for a number that is not there, and as fold_in. Cost:
  /// O(ratings (H + B D) D).
  Explanation explain(Index user, Index item) const;
  Explanation explain(const Newcomer& user, Index item) const;

 private:
  class Scorer;
  template <class T>
  class TypedScorer;
  struct Worker;
  struct Memory;
  class Lender;
  struct Rows;
  struct Guests;
  struct Encoders;
  struct ItemCounts;
  struct Profile;
  struct Profiles;
  /// Of the predictor's models, one after the other.
  struct Member {
    const SavedModel* model = nullptr;
    Index number = 0;
  };
  static std::vector<Member> members_of(const std::vector<SavedModel>& models);

  void score(std::span<const Pair> pairs, const Guests* guests, std::span<double> ratings,
             std::span<double> probabilities, Memory& memory) const;
  void score_unclipped(std::span<const Pair> pairs, const Guests* guests, std::span<double> ratings,
                       std::span<double> probabilities, Memory& memory) const;
  double clipped(double rating) const;
  double shown(const Newcomer& newcomer, double unclipped) const;
  void check_node(Side side, Index node) const;
  void score_items(Index user, const Guests* guests, Worker& worker) const;
  void allow(const RecommendOptions& options, Side side, std::vector<char>& allowed) const;
  const std::vector<Offset>& ratings_of_nodes(Side side) const;
  std::vector<double> likeness_of_embeddings(Side side, Index node) const;
  std::vector<double> likeness_of_ratings(Side side, Index node) const;
  template <class Give>
  void for_each_best(std::span<const Index> users, const RecommendOptions& options, const Give& give) const;
  std::vector<NodeRating> ratings_of_user(Index user) const;
  std::vector<std::vector<double>> embeddings_of_user(Index user) const;
  const std::vector<FoldIn>& encoders(Side side) const;
  const std::vector<Profile>& profiles(Side side) const;
  Guests guests_of(const Newcomer& newcomer) const;
  double shift_of(const Newcomer& newcomer) const;
  static std::vector<Pair> pairs_of(const Newcomer& newcomer, std::span<const Index> others);
  Explanation explain(std::span<const NodeRating> ratings, const std::vector<std::vector<double>>& embeddings,
                      Index item) const;

  std::vector<SavedModel> models_;
  std::vector<Member> members_;
  BiasBaseline baseline_;
  IdNumbers users_, items_;
  std::vector<Offset> user_ratings_;  ///< of training, that each user has
  std::unique_ptr<ItemCounts> item_counts_;
  std::unique_ptr<Lender> lender_;
  std::vector<std::unique_ptr<const Scorer>> scorers_;  ///< one a member
  std::unique_ptr<Encoders> encoders_;
  std::unique_ptr<Profiles> profiles_;
};

/// Sums over rated pairs, whose numbers of users, items and levels are those of predictor.model(): ratings read anew
/// must be numbered by its ids first. Throws InputError for a number that the model does not have. Cost: O(models pairs
/// B D), and memory for some 8000 pairs.
GCMC_EXPORT Metrics evaluate(const Predictor& predictor, std::span<const Rating> pairs);

}  // namespace gcmc
