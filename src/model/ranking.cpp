#include "ranking.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "rated_items.hpp"

namespace gcmc {
namespace {

/// The relevant items of each user that has any, ascending: pairs of user and item.
std::vector<std::pair<Index, Index>> relevant_pairs(const Predictor& predictor, std::span<const RatedPair> pairs,
                                                    double least) {
  std::vector<std::pair<Index, Index>> relevant;
  for (const RatedPair& pair : pairs)
    if (pair.user >= 0 && pair.item >= 0 && pair.value >= least) relevant.emplace_back(pair.user, pair.item);
  std::sort(relevant.begin(), relevant.end());
  relevant.erase(std::unique(relevant.begin(), relevant.end()), relevant.end());
  const RatedPart rated(predictor.model(), "rated");
  std::vector<std::pair<Index, Index>> trained;
  for (std::size_t k = 0; k < relevant.size(); ++k)
    if (k == 0 || relevant[k].first != relevant[k - 1].first)
      for (const Index item : rated.items_of(relevant[k].first)) trained.emplace_back(relevant[k].first, item);
  std::sort(trained.begin(), trained.end());
  std::vector<std::pair<Index, Index>> rest;
  std::set_difference(relevant.begin(), relevant.end(), trained.begin(), trained.end(), std::back_inserter(rest));
  return rest;
}

/// Sums over the users' lists by one way to score items.
class Lists {
 public:
  Lists(const Predictor& predictor, Index top)
      : predictor_(predictor), top_(static_cast<std::size_t>(top)), listed_(predictor.model().item_ids.size()) {}

  /// `candidates` ascend, and scores[k] is that of candidates[k]; so do the relevant ones.
  void add(std::span<const Index> candidates, std::span<const double> scores, std::span<const Index> relevant) {
    order_.resize(candidates.size());
    for (std::size_t k = 0; k < order_.size(); ++k) order_[k] = k;
    const auto last = order_.begin() + static_cast<std::ptrdiff_t>(std::min(top_, order_.size()));
    std::partial_sort(order_.begin(), last, order_.end(), [&](std::size_t a, std::size_t b) {
      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
    });
    list_.clear();
    for (auto place = order_.begin(); place != last; ++place) list_.push_back(candidates[*place]);
    add(list_, relevant);
  }
  /// A list as it is shown.
  void add(std::span<const Index> list, std::span<const Index> relevant) {
    double gain = 0, best_gain = 0, hits = 0, first = 0;
    for (std::size_t place = 0; place < list.size(); ++place) {
      const Index item = list[place];
      listed_[static_cast<std::size_t>(item)] = 1;
      add_novelty(item);
      if (place < relevant.size()) best_gain += gain_at(place);
      if (!std::binary_search(relevant.begin(), relevant.end(), item)) continue;
      gain += gain_at(place);
      hits += 1;
      if (first == 0) first = 1 / static_cast<double>(place + 1);
    }
    ++users_;
    if (best_gain > 0) sums_.ndcg += gain / best_gain;
    sums_.recall += hits / static_cast<double>(relevant.size());
    if (top_ > 0) sums_.precision += hits / static_cast<double>(top_);
    sums_.reciprocal_rank += first;
  }

  Ranking means() const {
    if (users_ == 0) return {};
    const auto users = static_cast<double>(users_);
    const auto listed = static_cast<double>(std::count(listed_.begin(), listed_.end(), 1));
    return {.ndcg = sums_.ndcg / users,
            .recall = sums_.recall / users,
            .precision = sums_.precision / users,
            .reciprocal_rank = sums_.reciprocal_rank / users,
            .coverage = listed / static_cast<double>(listed_.size()),
            .novelty = novel_ == 0 ? 0 : sums_.novelty / static_cast<double>(novel_)};
  }

 private:
  static double gain_at(std::size_t place) { return 1 / std::log2(static_cast<double>(place) + 2); }
  /// Of an item without ratings as if it had one.
  void add_novelty(Index item) {
    const auto users = static_cast<double>(predictor_.model().user_ids.size());
    const auto ratings = static_cast<double>(std::max<Offset>(predictor_.ratings_of(item_side, item), 1));
    sums_.novelty -= std::log2(std::min(ratings / users, 1.0));
    ++novel_;
  }

  const Predictor& predictor_;
  std::size_t top_;
  std::vector<char> listed_;
  std::vector<std::size_t> order_;
  std::vector<Index> list_;
  Ranking sums_;
  Offset users_ = 0, novel_ = 0;
};

}  // namespace

void rank(const Predictor& predictor, std::span<const RatedPair> pairs, Evaluation& result) {
  require(result.top >= 1,
          [&] { return "evaluate: lists of " + std::to_string(result.top) + " items: use 1 or more"; });
  const SavedModel& model = predictor.model();
  const BiasBaseline baseline = model.baseline();
  const RatedPart rated(model, "rated");
  const auto relevant = relevant_pairs(predictor, pairs, result.relevant);
  Lists own(predictor, result.top), biased(predictor, result.top), popular(predictor, result.top);
  std::vector<char> trained(model.item_ids.size());
  std::vector<Index> candidates, wanted, list;
  std::vector<double> scores;
  for (std::size_t begin = 0, end = 0; begin < relevant.size(); begin = end) {
    const Index user = relevant[begin].first;
    wanted.clear();
    for (end = begin; end < relevant.size() && relevant[end].first == user; ++end)
      wanted.push_back(relevant[end].second);
    std::fill(trained.begin(), trained.end(), 0);
    for (const Index item : rated.items_of(user)) trained[static_cast<std::size_t>(item)] = 1;
    candidates.clear();
    for (Index item = 0; item < static_cast<Index>(trained.size()); ++item)
      if (!trained[static_cast<std::size_t>(item)]) candidates.push_back(item);
    list.clear();
    for (const auto& best : predictor.recommend(user, {.top = result.top, .rated = true, .among = candidates}))
      list.push_back(best.item);
    own.add(list, wanted);
    scores.resize(candidates.size());
    for (std::size_t k = 0; k < scores.size(); ++k) scores[k] = baseline.unclipped(user, candidates[k]);
    biased.add(candidates, scores, wanted);
    for (std::size_t k = 0; k < scores.size(); ++k)
      scores[k] = static_cast<double>(predictor.ratings_of(item_side, candidates[k]));
    popular.add(candidates, scores, wanted);
    ++result.ranked_users;
  }
  result.ranking = own.means();
  result.baseline_ranking = biased.means();
  result.popularity = popular.means();
}

}  // namespace gcmc
