// Matrix factorization by stochastic gradients: what a fraction of a second can know of ratings.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "gcmc/base/parallel.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/ratings/common_levels.hpp"

namespace gcmc {

/// value(i, j) = mean + scale (b_i + c_j + p_i q_j): Koren, Bell and Volinsky 2009, eq. 4.
struct Factors {
  double mean = 0, scale = 1;  ///< mean and deviation of ratings, those beyond 8 deviations moved to that distance
  Index rank = 0, stride = 0;  ///< a node's factors are `rank` numbers, and zeros up to the stride
  std::array<std::vector<float>, 2> bias, factors;  ///< by side: [nodes], [nodes][stride]

  const float* of(Side side, Index node) const { return factors[side].data() + Offset{node} * stride; }
};

/// Defaults were chosen on validation ratings of ml-1m.
struct FactorOptions {
  Index rank = 30;
  int epochs = 20;
  double rate = 0.0225, last_share = 0.05;  ///< the rate falls in a straight line to so much of itself
  double factor_decay = 0.04, bias_decay = 0.02;
  double start = 0.1;  ///< factors begin uniform in +-start
  std::uint64_t seed = 0;
  int threads = 1;
};

/// The passes over the ratings, in blocks of users and items: those of one round share no user and no item, so that
/// threads change nothing (Gemulla et al. 2011).
class FactorSteps {
 public:
  /// Levels beyond the common ones, of which steps are unsafe, count as the nearest of these.
  FactorSteps(Factors& factors, const FactorOptions& options, const Ratings& ratings, std::span<const Rating> train,
              const CommonLevels& common)
      : factors_(factors), options_(options), blocks_(groups * groups) {
    for (const Rating& rating : train) {
      const std::size_t level = std::clamp(std::size_t{rating.level}, common.first, common.last);
      const double value = (ratings.levels[level] - factors.mean) / factors.scale;
      const Offset user_group = Offset{rating.user} * groups / ratings.users();
      const Offset item_group = Offset{rating.item} * groups / ratings.items();
      blocks_[static_cast<std::size_t>(user_group * groups + item_group)].push_back(
          {rating.user, rating.item, static_cast<float>(value)});
    }
  }

  void run() {
    for (int epoch = 0; epoch < options_.epochs; ++epoch) {
      const double along = static_cast<double>(epoch) / options_.epochs;
      rate_ = static_cast<float>(options_.rate * (1 - (1 - options_.last_share) * along));
      for (Offset round = 0; round < groups; ++round)
        run_parallel(options_.threads, groups, [&](Offset group) {
          take(blocks_[static_cast<std::size_t>(group * groups + (group + round) % groups)]);
        });
    }
  }

 private:
  static constexpr Offset groups = 16;
  static constexpr Index lanes = 8;  ///< numbers of a vector
  typedef float Lanes __attribute__((vector_size(lanes * sizeof(float))));
  struct Value {
    Index user, item;
    float value;
  };

  /// Wider vectors where the processor has them. They change no bit: what they hold is the same numbers, side by side.
  void take(const std::vector<Value>& block) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return take_avx2(block);
#endif
    for (const Value& value : block) step(value);
  }
#if defined(__x86_64__)
  __attribute__((target("avx2"))) void take_avx2(const std::vector<Value>& block) {
    for (const Value& value : block) step(value);
  }
#endif

  __attribute__((always_inline)) void step(const Value& at) {
    float* p = factors_.factors[user_side].data() + Offset{at.user} * factors_.stride;
    float* q = factors_.factors[item_side].data() + Offset{at.item} * factors_.stride;
    float& user_bias = factors_.bias[user_side][static_cast<std::size_t>(at.user)];
    float& item_bias = factors_.bias[item_side][static_cast<std::size_t>(at.item)];
    const float rate = rate_, error = at.value - user_bias - item_bias - product(p, q);
    const float keep = 1 - rate * static_cast<float>(options_.factor_decay), along = rate * error;
    const float keep_bias = 1 - rate * static_cast<float>(options_.bias_decay);
    user_bias = keep_bias * user_bias + along;
    item_bias = keep_bias * item_bias + along;
    for (Index c = 0; c < factors_.stride; c += lanes) {
      Lanes of_user, of_item;
      std::memcpy(&of_user, p + c, sizeof of_user);
      std::memcpy(&of_item, q + c, sizeof of_item);
      const Lanes new_user = keep * of_user + along * of_item, new_item = keep * of_item + along * of_user;
      std::memcpy(p + c, &new_user, sizeof new_user);
      std::memcpy(q + c, &new_item, sizeof new_item);
    }
  }
  __attribute__((always_inline)) float product(const float* p, const float* q) const {
    Lanes sums{};
    for (Index c = 0; c < factors_.stride; c += lanes) {
      Lanes of_user, of_item;
      std::memcpy(&of_user, p + c, sizeof of_user);
      std::memcpy(&of_item, q + c, sizeof of_item);
      sums += of_user * of_item;
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }

  Factors& factors_;
  const FactorOptions& options_;
  std::vector<std::vector<Value>> blocks_;  ///< by user group and item group; of each the ratings in their order
  float rate_ = 0;
};

/// Fits on `train` by steps down (value - value(i, j))^2 / 2 + decay |p, q|^2 / 2 of one rating after the other,
/// with mean and scale of common_levels(). Throws InputError if there is no rating or a number is out of range. The
/// same bits on any number of threads. Cost: O(epochs * ratings * rank); memory: 12 bytes a rating for as long as it
/// takes.
inline Factors fit_factors(const Ratings& ratings, std::span<const Rating> train, const FactorOptions& options) {
  require(!train.empty(), "fit_factors: there is no rating to train on");
  require(options.rank > 0 && options.epochs >= 0, "fit_factors: rank or epochs are out of range");
  require_in_range(train, ratings.user_ids.size(), ratings.item_ids.size(), ratings.levels.size(), "fit_factors");
  Factors factors;
  const CommonLevels common = common_levels(ratings, train);
  factors.mean = common.mean;
  factors.scale = common.deviation;
  factors.rank = options.rank;
  factors.stride = static_cast<Index>(round_up(options.rank, 8));
  Random random(options.seed, 0xFAC7u);
  for (const Side side : {user_side, item_side}) {
    const Offset nodes = side == user_side ? ratings.users() : ratings.items();
    factors.bias[side].resize(static_cast<std::size_t>(nodes));
    factors.factors[side].resize(static_cast<std::size_t>(nodes * factors.stride));
    for (Offset node = 0; node < nodes; ++node)
      for (Index c = 0; c < factors.rank; ++c)
        factors.factors[side][static_cast<std::size_t>(node * factors.stride + c)] =
            static_cast<float>(options.start * (2 * random.uniform() - 1));
  }
  FactorSteps(factors, options, ratings, train, common).run();
  return factors;
}

}  // namespace gcmc
