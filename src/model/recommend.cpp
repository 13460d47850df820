// The best items of a user, of many, and of newcomers; the users who would like a new item best.
#include <algorithm>

#include "gcmc/model/predictor.hpp"
#include "rated_items.hpp"
#include "scorer.hpp"

namespace gcmc {
namespace {

using Best = std::vector<Predictor::Recommendation>;

/// The numbers of what is wanted, ascending.
void list(const std::vector<char>& wanted, std::vector<Index>& numbers) {
  numbers.resize(wanted.size());
  std::size_t count = 0;
  for (std::size_t node = 0; node < wanted.size(); ++node) {
    numbers[count] = static_cast<Index>(node);
    count += wanted[node] ? 1 : 0;
  }
  numbers.resize(count);
}

/// The `top` with the highest rating, the better first, of equals the first: a heap of the best so far, the worst of
/// them on top.
void select(std::span<const Index> numbers, std::span<const double> ratings, Index top, Best& best) {
  const auto better = [](const auto& a, const auto& b) {
    return a.rating > b.rating || (a.rating == b.rating && a.item < b.item);
  };
  const std::size_t first = std::min(numbers.size(), static_cast<std::size_t>(top));
  best.clear();
  for (std::size_t k = 0; k < first; ++k) best.push_back({numbers[k], ratings[k]});
  std::make_heap(best.begin(), best.end(), better);
  for (std::size_t k = first; k < numbers.size() && first > 0; ++k) {
    if (!better(Predictor::Recommendation{numbers[k], ratings[k]}, best.front())) continue;
    std::pop_heap(best.begin(), best.end(), better);
    best.back() = {numbers[k], ratings[k]};
    std::push_heap(best.begin(), best.end(), better);
  }
  std::sort_heap(best.begin(), best.end(), better);
}

}  // namespace

/// 1 for each node that the options allow to anybody.
void Predictor::allow(const RecommendOptions& options, Side side, std::vector<char>& allowed) const {
  const std::size_t nodes = (side == user_side ? model().user_ids : model().item_ids).size();
  require(options.top >= 0 && options.least_ratings >= 0, [&] {
    return "predictor: " + std::to_string(options.top) + " items of at least " + std::to_string(options.least_ratings) +
           " ratings to recommend: use 0 or more";
  });
  allowed.assign(nodes, options.among ? 0 : 1);
  const auto set = [&](std::span<const Index> numbers, char value) {
    for (const Index node : numbers) {
      check_node(side, node);
      allowed[static_cast<std::size_t>(node)] = value;
    }
  };
  if (options.among) set(*options.among, 1);
  set(options.without, 0);
  if (options.least_ratings == 0) return;
  const std::vector<Offset>& ratings = ratings_of_nodes(side);
  for (std::size_t node = 0; node < nodes; ++node)
    if (ratings[node] < options.least_ratings) allowed[node] = 0;
}

/// The worker's candidates' ratings, unclipped; a negative user is a stranger.
void Predictor::score_items(Index user, const Guests* guests, Worker& worker) const {
  worker.ratings.assign(worker.candidates.size(), 0.0);
  if (user < 0) {
    std::transform(worker.candidates.begin(), worker.candidates.end(), worker.ratings.begin(),
                   [&](Index item) { return baseline_.unclipped(-1, item); });
    return;
  }
  for (std::size_t m = 0; m < scorers_.size(); ++m)
    scorers_[m]->add(user, worker.candidates, Guests::of(guests, m), worker, worker.ratings);
  for (double& sum : worker.ratings) sum /= static_cast<double>(scorers_.size());
}

/// Calls give(k, best) for users[k], on any thread; threads share the users.
template <class Give>
void Predictor::for_each_best(std::span<const Index> users, const RecommendOptions& options, const Give& give) const {
  for (const Index user : users) check_node(user_side, user);
  const Lender::Loan loan(*lender_);
  Memory& memory = *loan;
  allow(options, item_side, memory.allowed);
  const RatedPart rated(model(), "rated"), tested(model(), "tested");
  memory.run(users.size(), [&](std::size_t k, Worker& worker) {
    worker.wanted = memory.allowed;
    if (!options.rated)
      for (const RatedPart* part : {&rated, &tested})
        for (const Index item : part->items_of(users[k])) worker.wanted[static_cast<std::size_t>(item)] = 0;
    list(worker.wanted, worker.candidates);
    score_items(users[k], nullptr, worker);
    select(worker.candidates, worker.ratings, options.top, worker.best);
    for (Recommendation& one : worker.best) one.rating = clipped(one.rating);
    give(k, worker.best);
  });
}

Best Predictor::recommend(Index user, const RecommendOptions& options) const {
  Best best;
  for_each_best(std::span(&user, 1), options, [&](std::size_t, const Best& of_user) { best = of_user; });
  return best;
}

std::vector<Best> Predictor::recommend(std::span<const Index> users, const RecommendOptions& options) const {
  std::vector<Best> all(users.size());
  for_each_best(users, options, [&](std::size_t k, const Best& best) { all[k] = best; });
  return all;
}

Best Predictor::recommend(const Newcomer& user, const RecommendOptions& options) const {
  require(user.side == user_side, "predictor: items are recommended to users, and this newcomer is an item");
  const Lender::Loan loan(*lender_);
  Memory& memory = *loan;
  allow(options, item_side, memory.allowed);
  if (!options.rated)
    for (const NodeRating& rating : user.ratings) {
      check_node(item_side, rating.other);
      memory.allowed[static_cast<std::size_t>(rating.other)] = 0;
    }
  Worker& worker = *memory.workers.front();
  list(memory.allowed, worker.candidates);
  const Guests guests = guests_of(user);
  score_items(user.ratings.empty() ? -1 : 0, &guests, worker);
  select(worker.candidates, worker.ratings, options.top, worker.best);
  for (Recommendation& one : worker.best) one.rating = shown(user, one.rating);
  return worker.best;
}

std::vector<Predictor::Fan> Predictor::fans(const Newcomer& item, const RecommendOptions& options) const {
  require(item.side == item_side, "predictor: an item has fans, and this newcomer is a user");
  std::vector<char> allowed;
  allow(options, user_side, allowed);
  if (!options.rated)
    for (const NodeRating& rating : item.ratings) {
      check_node(user_side, rating.other);
      allowed[static_cast<std::size_t>(rating.other)] = 0;
    }
  std::vector<Index> users;
  list(allowed, users);
  std::vector<double> ratings(users.size());
  const Guests guests = guests_of(item);
  const Lender::Loan memory(*lender_);
  score_unclipped(pairs_of(item, users), &guests, ratings, {}, *memory);
  Best best;
  select(users, ratings, options.top, best);
  std::vector<Fan> fans;
  for (const Recommendation& each : best) fans.push_back({each.item, shown(item, each.rating)});
  return fans;
}

}  // namespace gcmc
