// The best items of a user, of many, and of newcomers.
#include <algorithm>

#include "gcmc/model/predictor.hpp"
#include "rated_items.hpp"
#include "scorer.hpp"

namespace gcmc {
namespace {

/// Users are scored together until there are so many pairs.
constexpr std::size_t batch_pairs = 1 << 16;

/// 1 for each item that the options allow to any user.
void allow(std::vector<char>& allowed, const RecommendOptions& options, const std::vector<Offset>& ratings) {
  const auto check = [&](std::span<const Index> items) {
    for (const Index item : items)
      require(item >= 0 && static_cast<std::size_t>(item) < ratings.size(),
              [&] { return "predictor: item number " + std::to_string(item) + " is not in the model"; });
  };
  require(options.top >= 0 && options.least_ratings >= 0, [&] {
    return "predictor: " + std::to_string(options.top) + " items of at least " + std::to_string(options.least_ratings) +
           " ratings to recommend: use 0 or more";
  });
  allowed.assign(ratings.size(), options.among ? 0 : 1);
  if (options.among) {
    check(*options.among);
    for (const Index item : *options.among) allowed[static_cast<std::size_t>(item)] = 1;
  }
  check(options.without);
  for (const Index item : options.without) allowed[static_cast<std::size_t>(item)] = 0;
  for (std::size_t item = 0; item < ratings.size(); ++item)
    if (ratings[item] < options.least_ratings) allowed[item] = 0;
}

/// The pairs of row `user` and the items that are wanted, behind the others.
void add_pairs(std::vector<Predictor::Pair>& pairs, Index user, const std::vector<char>& wanted) {
  for (std::size_t item = 0; item < wanted.size(); ++item)
    if (wanted[item]) pairs.emplace_back(user, static_cast<Index>(item));
}

/// Of pairs of one user; `best` is room to work in.
std::vector<Predictor::Recommendation> select(std::span<const Predictor::Pair> pairs, std::span<const double> ratings,
                                              Index top, std::vector<Predictor::Recommendation>& best) {
  best.clear();
  for (std::size_t k = 0; k < pairs.size(); ++k) best.push_back({pairs[k].second, ratings[k]});
  const auto last = best.begin() + std::min(static_cast<std::ptrdiff_t>(best.size()), std::ptrdiff_t{top});
  std::partial_sort(best.begin(), last, best.end(), [](const auto& a, const auto& b) {
    return a.rating > b.rating || (a.rating == b.rating && a.item < b.item);
  });
  return {best.begin(), last};
}

}  // namespace

std::vector<Predictor::Recommendation> Predictor::recommend(Index user, const RecommendOptions& options) const {
  std::vector<Recommendation> best;
  for_each_best(std::span(&user, 1), options, [&](std::vector<Recommendation> of_user) { best = std::move(of_user); });
  return best;
}

std::vector<std::vector<Predictor::Recommendation>> Predictor::recommend(std::span<const Index> users,
                                                                         const RecommendOptions& options) const {
  std::vector<std::vector<Recommendation>> all;
  all.reserve(users.size());
  for_each_best(users, options, [&](std::vector<Recommendation> best) { all.push_back(std::move(best)); });
  return all;
}

/// Calls give(best) for each user in turn; scores a batch of users at a time.
template <class Give>
void Predictor::for_each_best(std::span<const Index> users, const RecommendOptions& options, const Give& give) const {
  for (const Index user : users) check_node(user_side, user);
  const Lender::Loan loan(*lender_);
  Memory& memory = *loan;
  allow(memory.allowed, options, ratings_[item_side]);
  const RatedPart rated(model(), "rated"), tested(model(), "tested");
  for (std::size_t next = 0; next < users.size();) {
    memory.pairs.clear();
    memory.ends.clear();
    for (; next < users.size() && memory.pairs.size() < batch_pairs; ++next) {
      memory.wanted = memory.allowed;
      if (!options.rated)
        for (const RatedPart* part : {&rated, &tested})
          for (const Index item : part->items_of(users[next])) memory.wanted[static_cast<std::size_t>(item)] = 0;
      add_pairs(memory.pairs, users[next], memory.wanted);
      memory.ends.push_back(memory.pairs.size());
    }
    memory.ratings.resize(memory.pairs.size());
    score(memory.pairs, nullptr, memory.ratings, {}, memory);
    std::size_t begin = 0;
    for (const std::size_t end : memory.ends) {
      give(select(std::span(memory.pairs).subspan(begin, end - begin),
                  std::span(memory.ratings).subspan(begin, end - begin), options.top, memory.best));
      begin = end;
    }
  }
}

std::vector<Predictor::Recommendation> Predictor::recommend(const Newcomer& user,
                                                            const RecommendOptions& options) const {
  require(user.side == user_side, "predictor: items are recommended to users, and this newcomer is an item");
  const Lender::Loan loan(*lender_);
  Memory& memory = *loan;
  allow(memory.allowed, options, ratings_[item_side]);
  if (!options.rated)
    for (const NodeRating& rating : user.ratings) {
      check_node(item_side, rating.other);
      memory.allowed[static_cast<std::size_t>(rating.other)] = 0;
    }
  memory.pairs.clear();
  add_pairs(memory.pairs, user.ratings.empty() ? -1 : 0, memory.allowed);
  memory.ratings.resize(memory.pairs.size());
  const Guests guests = guests_of(user);
  score(memory.pairs, &guests, memory.ratings, {}, memory);
  shift_ratings(user, memory.ratings);
  return select(memory.pairs, memory.ratings, options.top, memory.best);
}

}  // namespace gcmc
