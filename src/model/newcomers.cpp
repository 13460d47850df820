// Folding newcomers in, and explaining predictions by embedding a user again.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "gcmc/model/predictor.hpp"
#include "rated_items.hpp"
#include "scorer.hpp"

namespace gcmc {
namespace {

bool before(const NodeRating& a, const NodeRating& b) { return a.other < b.other; }

/// In order of what is rated, each once: else throws InputError.
std::vector<NodeRating> ascending(std::vector<NodeRating> ratings, Side side) {
  std::sort(ratings.begin(), ratings.end(), before);
  const auto twice = std::adjacent_find(ratings.begin(), ratings.end(),
                                        [](const auto& a, const auto& b) { return a.other == b.other; });
  require(twice == ratings.end(), [&] {
    return std::string("fold-in: ") + (side == user_side ? "item" : "user") + " number " +
           std::to_string(twice->other) + " is rated twice";
  });
  return ratings;
}

}  // namespace

const std::vector<FoldIn>& Predictor::encoders(Side side) const {
  std::vector<FoldIn>& made = encoders_->of[side];
  std::call_once(encoders_->once[side], [&] {
    std::vector<FoldIn> encoders;
    for (const auto& [model, number] : members_) encoders.emplace_back(*model, side, number);
    made = std::move(encoders);
  });
  return made;
}

Newcomer Predictor::fold_in(Side side, std::vector<NodeRating> ratings) const {
  Newcomer newcomer{side, ascending(std::move(ratings), side)};
  if (newcomer.ratings.empty()) return newcomer;
  for (const FoldIn& encoder : encoders(side)) {
    std::vector<double> embedding(static_cast<std::size_t>(encoder.width()));
    encoder.embed(newcomer.ratings, embedding);
    newcomer.embeddings.push_back(std::move(embedding));
  }
  newcomer.shift = shift_of(newcomer);
  return newcomer;
}

Newcomer Predictor::with_ratings(Index user, std::vector<NodeRating> further) const {
  const std::vector<NodeRating> known = ratings_of_user(user);
  further = ascending(std::move(further), user_side);
  Newcomer newcomer{user_side, {}, embeddings_of_user(user)};
  std::set_union(further.begin(), further.end(), known.begin(), known.end(), std::back_inserter(newcomer.ratings),
                 before);
  for (std::size_t m = 0; m < members_.size(); ++m) {
    std::vector<double>& embedding = newcomer.embeddings[m];
    std::vector<double> now(embedding.size()), then(embedding.size());
    encoders(user_side)[m].embed(newcomer.ratings, now);
    encoders(user_side)[m].embed(known, then);
    for (std::size_t d = 0; d < embedding.size(); ++d) embedding[d] += now[d] - then[d];
  }
  return newcomer;
}

double Predictor::shift_of(const Newcomer& newcomer) const {
  constexpr std::size_t most_parts = 10;
  constexpr double shrinkage = 10;
  const std::vector<NodeRating>& ratings = newcomer.ratings;
  const std::size_t parts = std::min(most_parts, ratings.size());
  if (parts < 2) return 0;
  std::vector<std::vector<double>> rows;
  Guests guests{newcomer.side};
  for (const FoldIn& encoder : encoders(newcomer.side)) rows.push_back(encoder.embed_without_parts(ratings, parts));
  for (const std::vector<double>& values : rows) guests.rows.emplace_back(values);
  std::vector<Pair> pairs;
  for (std::size_t k = 0; k < ratings.size(); ++k) {
    const auto part = static_cast<Index>(k % parts);
    pairs.push_back(newcomer.side == user_side ? Pair{part, ratings[k].other} : Pair{ratings[k].other, part});
  }
  std::vector<double> predicted(pairs.size());
  const Lender::Loan memory(*lender_);
  score(pairs, &guests, predicted, {}, *memory);
  double off = 0;
  for (std::size_t k = 0; k < pairs.size(); ++k) off += model().levels[ratings[k].level] - predicted[k];
  return off / (static_cast<double>(pairs.size()) + shrinkage);
}

/// What a newcomer's expected rating is told as.
double Predictor::shown(const Newcomer& newcomer, double unclipped) const {
  return clipped(clipped(unclipped) + newcomer.shift);
}

/// As rows of one; none of a stranger.
Predictor::Guests Predictor::guests_of(const Newcomer& newcomer) const {
  Guests guests{newcomer.side};
  if (newcomer.ratings.empty()) return guests;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    const bool fits =
        newcomer.embeddings.size() == members_.size() &&
        static_cast<Offset>(newcomer.embeddings[m].size()) == members_[m].model->tensor("user_embedding").shape.back();
    require(fits, "predictor: the newcomer was folded in by another predictor");
    guests.rows.emplace_back(newcomer.embeddings[m]);
  }
  return guests;
}

std::vector<Predictor::Pair> Predictor::pairs_of(const Newcomer& newcomer, std::span<const Index> others) {
  const Index own = newcomer.ratings.empty() ? -1 : 0;
  std::vector<Pair> pairs;
  for (const Index node : others) pairs.push_back(newcomer.side == user_side ? Pair{own, node} : Pair{node, own});
  return pairs;
}

Predictor::Scores Predictor::score(const Newcomer& newcomer, std::span<const Index> others) const {
  for (const Index node : others)
    if (node >= 0) check_node(other(newcomer.side), node);
  const std::vector<Pair> pairs = pairs_of(newcomer, others);
  Scores scores{std::vector<double>(pairs.size()), std::vector<double>(pairs.size() * model().levels.size())};
  const Guests guests = guests_of(newcomer);
  const Lender::Loan memory(*lender_);
  score(pairs, &guests, scores.ratings, scores.probabilities, *memory);
  for (double& rating : scores.ratings) rating = shown(newcomer, rating);
  return scores;
}

/// Of training, ascending.
std::vector<NodeRating> Predictor::ratings_of_user(Index user) const {
  check_node(user_side, user);
  const RatedPart rated(model(), "rated");
  const auto entries = static_cast<Offset>(model().values<Index>("rated.items").size());
  const auto& levels = model().values<Level>("rated.levels", {entries});
  std::size_t place = rated.begin(user);
  std::vector<NodeRating> ratings;
  for (const Index item : rated.items_of(user)) ratings.push_back({item, levels[place++]});
  return ratings;
}

/// Of each member.
std::vector<std::vector<double>> Predictor::embeddings_of_user(Index user) const {
  check_node(user_side, user);
  std::vector<std::vector<double>> embeddings;
  for (const auto& [model, number] : members_) {
    const Tensor& tensor = model->tensor("user_embedding");
    const auto width = static_cast<std::size_t>(tensor.shape.back()), users = model->user_ids.size();
    const std::size_t row = static_cast<std::size_t>(number) * users + static_cast<std::size_t>(user);
    const auto add_row = [&](const auto& values) {
      const auto from = std::span(values).subspan(row * width, width);
      embeddings.emplace_back(from.begin(), from.end());
    };
    std::visit(add_row, tensor.values);
  }
  return embeddings;
}

Predictor::Explanation Predictor::explain(Index user, Index item) const {
  return explain(ratings_of_user(user), embeddings_of_user(user), item);
}

Predictor::Explanation Predictor::explain(const Newcomer& user, Index item) const {
  require(user.side == user_side, "predictor: ratings by users are explained, and this newcomer is an item");
  if (user.ratings.empty()) return {score(user, {&item, 1}).ratings.front(), {}};
  guests_of(user);  // checks
  Explanation explanation = explain(user.ratings, user.embeddings, item);
  explanation.rating = shown(user, explanation.rating);
  return explanation;
}

/// Each member's row 0 is the user's embedding; the others, the same plus what the encoder gives without a rating, less
/// what it gives with all.
Predictor::Explanation Predictor::explain(std::span<const NodeRating> ratings,
                                          const std::vector<std::vector<double>>& embeddings, Index item) const {
  check_node(item_side, item);
  std::vector<std::vector<double>> rows;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    const FoldIn& encoder = encoders(user_side)[m];
    const std::vector<double>& own = embeddings[m];
    std::vector<double> whole(own.size()), without = encoder.embed_without_parts(ratings, ratings.size());
    encoder.embed(ratings, whole);
    for (std::size_t k = 0; k < without.size(); ++k) without[k] += own[k % own.size()] - whole[k % own.size()];
    without.insert(without.begin(), own.begin(), own.end());
    rows.push_back(std::move(without));
  }
  Guests guests{user_side};
  for (const std::vector<double>& values : rows) guests.rows.emplace_back(values);
  std::vector<Pair> pairs;
  for (std::size_t k = 0; k <= ratings.size(); ++k) pairs.emplace_back(static_cast<Index>(k), item);
  std::vector<double> predicted(pairs.size());
  const Lender::Loan memory(*lender_);
  score(pairs, &guests, predicted, {}, *memory);

  Explanation explanation{predicted.front(), {}};
  for (std::size_t k = 0; k < ratings.size(); ++k)
    explanation.reasons.push_back({ratings[k].other, ratings[k].level, predicted.front() - predicted[k + 1]});
  std::sort(explanation.reasons.begin(), explanation.reasons.end(), [](const Reason& a, const Reason& b) {
    const double first = std::abs(a.effect), second = std::abs(b.effect);
    return first > second || (first == second && a.item < b.item);
  });
  return explanation;
}

}  // namespace gcmc
