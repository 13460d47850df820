// Synthetic ratings shaped like MovieLens. All that decides a rating is integer arithmetic, or +, -, *, / and sqrt of
// doubles in a fixed order, with no function of the C library: a seed gives the same ratings on every machine with
// IEEE arithmetic, provided that the compiler does not contract a*b+c (-ffp-contract=off, as the build sets it).
#include <algorithm>
#include <array>
#include <cmath>
#include <future>
#include <limits>
#include <system_error>

#include "../cpu/available_threads.hpp"
#include "../cpu/thread_error.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/ratings/generator.hpp"
#include "sampling.hpp"

namespace gcmc {
namespace {

// Standard deviations of the truth's parts, in units where one step between five levels is about 1.
constexpr double user_spread = 0.38, item_spread = 0.42, taste_spread = 0.6;
constexpr double activity_spread = 1.05;                             ///< of the logarithm of a user's degree
constexpr double smallest_share = 0.18;                              ///< smallest degree over the mean degree
constexpr double largest_share = 0.45;                               ///< largest degree over the number of items
constexpr std::array level_shares = {0.06, 0.11, 0.27, 0.34, 0.22};  ///< of five levels; others by interpolation
constexpr std::int64_t largest_weight = std::int64_t{1} << 32;

/// What a stream of random numbers is for: each has a key of its own, so that streams may be node numbers.
enum class Purpose : std::uint64_t { activity = 1, popularity, item_taste, dealing, thresholds, user };

Random random_for(std::uint64_t seed, Purpose purpose, std::uint32_t stream = 0) {
  return Random(seed ^ static_cast<std::uint64_t>(purpose) * 0x9E3779B97F4A7C15, stream);
}

/// Mean 0, variance 1, nearly normal up to 4.9: the sum of eight uniform 16-bit numbers.
double normal(Random& random) {
  std::int64_t sum = 0;
  for (int k = 0; k < 4; ++k) {
    const std::uint32_t word = random.bits();
    sum += (word & 0xFFFF) + (word >> 16);
  }
  constexpr double scale = 1.0 / (65536.0 * 0.816496580927726);  // a uniform number's variance is 1/12
  return static_cast<double>(2 * sum - 8 * 65535) * 0.5 * scale;
}

/// e^x for |x| < 40: 2^-10 of x by its Taylor series, then ten squarings.
double exponential(double x) {
  x /= 1024;
  double term = 1, sum = 1;
  for (int k = 1; k <= 8; ++k) {
    term = term * x / k;
    sum = sum + term;
  }
  for (int k = 0; k < 10; ++k) sum = sum * sum;
  return sum;
}

template <class T>
std::vector<T> vector_of(Offset n) {
  return std::vector<T>(static_cast<std::size_t>(n));
}

/// Lognormal degrees that sum to options.ratings: from smallest_share of the mean to largest_share of the items, or to
/// 1.5 of the mean (which is at most 3/4 of the items) where that is more.
std::vector<Offset> user_degrees(const GeneratorOptions& options) {
  const Offset users = options.users;
  const double mean = static_cast<double>(options.ratings) / static_cast<double>(users);
  const Offset highest = static_cast<Offset>(std::max(largest_share * options.items, 1.5 * mean)) + 1;
  const Offset lowest = std::max(Offset{1}, static_cast<Offset>(smallest_share * mean));
  auto weights = vector_of<double>(users);
  Random random = random_for(options.seed, Purpose::activity);
  for (double& weight : weights) weight = exponential(activity_spread * normal(random));

  const auto degree = [&](double weight, double scale) {
    return static_cast<Offset>(
        std::min(static_cast<double>(highest), std::max(static_cast<double>(lowest), weight * scale)));
  };
  const auto sum_at = [&](double scale) {
    Offset sum = 0;
    for (const double weight : weights) sum += degree(weight, scale);
    return sum;
  };
  double below = 0, above = 1;
  while (sum_at(above) <= options.ratings && above < 1e30) above *= 2;
  for (int step = 0; step < 60; ++step) {
    const double middle = (below + above) / 2;
    (sum_at(middle) <= options.ratings ? below : above) = middle;
  }
  auto degrees = vector_of<Offset>(users);
  for (std::size_t u = 0; u < degrees.size(); ++u) degrees[u] = degree(weights[u], below);
  // Rounding left a few over: one more for each user that has room, in order.
  for (Offset left = options.ratings - sum_at(below); left > 0;)
    for (std::size_t u = 0; u < degrees.size() && left > 0; ++u)
      if (degrees[u] < highest) ++degrees[u], --left;
  return degrees;
}

/// Weight of the item of rank k (from 1): exp(-k / (0.16 items)) / k^(1/4), as an integer of at least 1. The items are
/// in random order.
std::vector<std::int64_t> item_weights(const GeneratorOptions& options) {
  auto weights = vector_of<std::int64_t>(options.items);
  const double items = static_cast<double>(options.items);
  const std::vector<Offset> order =
      permutation(options.items, options.seed ^ static_cast<std::uint64_t>(Purpose::popularity) * 0x9E3779B97F4A7C15);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double rank = static_cast<double>(k + 1);
    const double weight = exponential(-rank / (0.16 * items)) / std::sqrt(std::sqrt(rank));
    weights[static_cast<std::size_t>(order[k])] =
        std::max(std::int64_t{1}, static_cast<std::int64_t>(weight * static_cast<double>(largest_weight)));
  }
  return weights;
}

/// Deals every item to one user, in proportion to degree, so that no item is without a rating. In order of user; user
/// u's items are items[begin[u] .. begin[u + 1]), at most degrees[u] of them.
struct DealtItems {
  std::vector<Offset> begin;
  std::vector<Index> items;
};

DealtItems deal_items(const GeneratorOptions& options, const std::vector<Offset>& first) {
  const std::size_t users = static_cast<std::size_t>(options.users);
  auto receiver = vector_of<std::size_t>(options.items);
  DealtItems dealt{std::vector<Offset>(users + 1), vector_of<Index>(options.items)};
  Random random = random_for(options.seed, Purpose::dealing);
  for (std::size_t& user : receiver) {
    const auto slot = static_cast<Offset>(random.below(static_cast<std::uint64_t>(options.ratings)));
    user = static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), slot) - first.begin()) - 1;
    while (dealt.begin[user + 1] == first[user + 1] - first[user]) user = (user + 1) % users;
    ++dealt.begin[user + 1];
  }
  for (std::size_t u = 0; u < users; ++u) dealt.begin[u + 1] += dealt.begin[u];
  std::vector<Offset> next = dealt.begin;
  for (std::size_t i = 0; i < receiver.size(); ++i)
    dealt.items[static_cast<std::size_t>(next[receiver[i]]++)] = static_cast<Index>(i);
  return dealt;
}

/// The truth: score(u, i) = user bias + item bias + <taste of u, taste of i>, plus noise.
class Truth {
 public:
  explicit Truth(const GeneratorOptions& options) : options_(options), width_(static_cast<std::size_t>(options.rank)) {
    // The product of two tastes has variance rank * scale^4.
    if (width_ > 0) taste_scale_ = std::sqrt(taste_spread / std::sqrt(static_cast<double>(width_)));
    items_.resize(static_cast<std::size_t>(options.items) * (width_ + 1));
    Random random = random_for(options.seed, Purpose::item_taste);
    for (std::size_t i = 0; i < items_.size(); i += width_ + 1) draw_node(random, item_spread, &items_[i]);
  }

  /// A user's bias and taste, width() numbers.
  void draw_user(Random& random, double* user) const { draw_node(random, user_spread, user); }

  double noisy_score(const double* user, Index item, Random& random) const {
    const double* other = &items_[static_cast<std::size_t>(item) * (width_ + 1)];
    double score = user[0] + other[0];
    for (std::size_t k = 1; k <= width_; ++k) score = score + user[k] * other[k];
    return score + options_.noise * normal(random);
  }

  std::size_t width() const { return width_ + 1; }

 private:
  void draw_node(Random& random, double bias_spread, double* node) const {
    node[0] = bias_spread * normal(random);
    for (std::size_t k = 1; k <= width_; ++k) node[k] = taste_scale_ * normal(random);
  }

  const GeneratorOptions& options_;
  std::size_t width_;
  double taste_scale_ = 0;
  std::vector<double> items_;  ///< items x width(): bias, then taste
};

/// Share of ratings below a level that stands at `position` of [0, 1] among the levels.
double share_below(double position) {
  double share = 0, steps = position * static_cast<double>(level_shares.size());
  for (const double level_share : level_shares) {
    share += level_share * std::clamp(steps, 0.0, 1.0);
    steps -= 1;
  }
  return share;
}

/// Scores at which the next level begins: quantiles of a sample of scores. levels - 1 of them, ascending.
std::vector<double> level_thresholds(const GeneratorOptions& options, const Truth& truth,
                                     const AliasTable& popularity) {
  std::vector<double> scores(1 << 16), user(truth.width());
  Random random = random_for(options.seed, Purpose::thresholds);
  for (double& score : scores) {
    truth.draw_user(random, user.data());
    const Index item = popularity.draw(random);
    score = truth.noisy_score(user.data(), item, random);
  }
  std::sort(scores.begin(), scores.end());
  const double levels = static_cast<double>(options.levels.size());
  std::vector<double> thresholds;
  for (std::size_t r = 1; r < options.levels.size(); ++r) {
    const double share = share_below(static_cast<double>(r) / levels);
    const auto position = static_cast<std::size_t>(share * static_cast<double>(scores.size()));
    thresholds.push_back(scores[std::min(position, scores.size() - 1)]);
  }
  return thresholds;
}

/// Everything that the users share. Users are drawn independently of each other, each from a stream of its own.
struct Plan {
  const GeneratorOptions& options;
  std::vector<Offset> first;  ///< first rating of each user; users + 1
  std::vector<std::int64_t> weights;
  AliasTable popularity;
  DealtItems dealt;
  Truth truth;
  std::vector<double> thresholds;
};

std::vector<Offset> prefix_sums(const std::vector<Offset>& counts) {
  std::vector<Offset> sums = {0};
  for (const Offset count : counts) sums.push_back(sums.back() + count);
  return sums;
}

/// Fills `entries` with the ratings of `user`. `last_rater` holds for each item the last user drawn here who rated it.
void draw_ratings(const Plan& plan, Index user, std::vector<Index>& last_rater, std::vector<double>& taste,
                  Rating* entries) {
  const auto u = static_cast<std::size_t>(user);
  const Offset degree = plan.first[u + 1] - plan.first[u];
  Random random = random_for(plan.options.seed, Purpose::user, static_cast<std::uint32_t>(user));
  plan.truth.draw_user(random, taste.data());
  Offset count = 0;
  const auto take = [&](Index item) {
    const double score = plan.truth.noisy_score(taste.data(), item, random);
    int level = 0;
    for (const double threshold : plan.thresholds) level += threshold <= score;  // they are few, and this has no branch
    entries[count++] = {user, item, static_cast<Level>(level)};
  };
  const Offset dealt_begin = plan.dealt.begin[u], dealt_end = plan.dealt.begin[u + 1];
  for (Offset k = dealt_begin; k < dealt_end; ++k) take(plan.dealt.items[static_cast<std::size_t>(k)]);
  if (count == degree) return;
  if (6 * degree > plan.options.items) {
    RemovingSampler sampler(plan.weights);
    for (Offset k = 0; k < count; ++k) sampler.remove(entries[k].item);
    while (count < degree) take(sampler.draw(random));
    return;
  }
  for (Offset k = 0; k < count; ++k) last_rater[static_cast<std::size_t>(entries[k].item)] = user;
  while (count < degree) {
    const Index item = plan.popularity.draw(random);
    if (std::exchange(last_rater[static_cast<std::size_t>(item)], user) != user) take(item);
  }
}

/// Users [begin, end).
void draw_users(const Plan& plan, Index begin, Index end, Rating* entries) {
  auto last_rater = vector_of<Index>(plan.options.items);
  std::fill(last_rater.begin(), last_rater.end(), Index{-1});
  std::vector<double> taste(plan.truth.width());
  for (Index user = begin; user < end; ++user)
    draw_ratings(plan, user, last_rater, taste, entries + plan.first[static_cast<std::size_t>(user)]);
}

/// A part of the users for each processor, with about as many ratings each; no more parts than pay.
void draw_all(const Plan& plan, std::vector<Rating>& entries) {
  const Offset ratings = plan.options.ratings;
  const Offset parts = std::clamp(ratings / 500000, Offset{1}, Offset{available_threads()});
  const auto boundary = [&](Offset part) {
    return static_cast<Index>(std::lower_bound(plan.first.begin(), plan.first.end(), ratings / parts * part) -
                              plan.first.begin());
  };
  std::vector<std::future<void>> others;
  try {
    for (Offset part = 1; part < parts; ++part)
      others.push_back(std::async(std::launch::async, draw_users, std::cref(plan), boundary(part),
                                  part + 1 < parts ? boundary(part + 1) : plan.options.users, entries.data()));
  } catch (const std::system_error& reason) {
    throw_thread_error(others.size() + 1, static_cast<std::size_t>(parts), reason);
  }
  draw_users(plan, 0, parts > 1 ? boundary(1) : plan.options.users, entries.data());
  for (auto& other : others) other.get();
}

void require_sane(const GeneratorOptions& options) {
  if (options.users < 1 || options.items < 1 || options.ratings < Offset{options.users} + options.items ||
      options.ratings > Offset{options.users} * options.items / 2)
    throw InputError("generate_ratings: " + std::to_string(options.ratings) + " ratings of " +
                     std::to_string(options.users) + " users and " + std::to_string(options.items) +
                     " items: they must be at least users + items and at most users * items / 2");
  if (options.levels.empty()) throw InputError("generate_ratings: no levels");
  if (options.rank < 0 || options.rank > 1024)
    throw InputError("generate_ratings: rank is " + std::to_string(options.rank) + ", from 0 to 1024 is possible");
  if (!(options.noise >= 0 && options.noise <= 1e6))
    throw InputError("generate_ratings: noise is " + std::to_string(options.noise) + ", from 0 to 1e6 is possible");
  Ratings levels_alone;
  levels_alone.levels = options.levels;
  validate(levels_alone);
}

std::vector<std::string> numbered_ids(Index count) {
  std::vector<std::string> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (Index k = 1; k <= count; ++k) ids.push_back(std::to_string(k));
  return ids;
}

/// MovieLens' own numbers.
const std::array<GeneratorOptions, 4>& synthetic_shapes() {
  static const std::vector<double> halves = {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5};
  static const std::array<GeneratorOptions, 4> shapes = {{
      {},
      {.users = 6040, .items = 3706, .ratings = 1000209, .name = "synthetic-1m"},
      {.users = 69878, .items = 10677, .ratings = 10000054, .levels = halves, .name = "synthetic-10m"},
      {.users = 162541, .items = 59047, .ratings = 25000095, .levels = halves, .name = "synthetic-25m"},
  }};
  return shapes;
}

}  // namespace

bool is_synthetic(std::string_view name) {
  const auto& shapes = synthetic_shapes();
  return std::any_of(shapes.begin(), shapes.end(), [&](const GeneratorOptions& shape) { return shape.name == name; });
}

GeneratorOptions synthetic_shape(std::string_view name) {
  for (const GeneratorOptions& shape : synthetic_shapes())
    if (shape.name == name) return shape;
  throw InputError("there is no shape " + std::string(name) +
                   ": use synthetic-100k, synthetic-1m, synthetic-10m or synthetic-25m");
}

Ratings generate_ratings(const GeneratorOptions& options) {
  require_sane(options);
  std::vector<Offset> first = prefix_sums(user_degrees(options));
  std::vector<std::int64_t> weights = item_weights(options);
  AliasTable popularity(weights);
  DealtItems dealt = deal_items(options, first);
  Truth truth(options);
  std::vector<double> thresholds = level_thresholds(options, truth, popularity);
  const Plan plan{options,          std::move(first), std::move(weights),   std::move(popularity),
                  std::move(dealt), std::move(truth), std::move(thresholds)};
  Ratings ratings;
  ratings.name = options.name;
  ratings.user_ids = numbered_ids(options.users);
  ratings.item_ids = numbered_ids(options.items);
  ratings.levels = options.levels;
  ratings.entries.resize(static_cast<std::size_t>(options.ratings));
  draw_all(plan, ratings.entries);
  return ratings;
}

}  // namespace gcmc
