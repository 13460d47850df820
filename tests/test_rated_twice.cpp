// Pairs that are rated more than once: what is left is what a plain loop leaves, on any number of threads.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "../src/files/readers/rated_twice.hpp"
#include "catch.hpp"
#include "error_of.hpp"

using namespace gcmc;

namespace {

constexpr std::size_t users = 3000, items = 40, count = 150000;  // some pairs many times; several groups of users

struct Set {
  std::vector<Rating> ratings;
  std::vector<double> values, times;
};

/// Users anywhere, or all of a user's ratings together.
Set random_set(bool together) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t bound) { return static_cast<Index>(random() % bound); };
  Set set;
  for (std::size_t k = 0; k < count; ++k) {
    set.ratings.push_back({below(users), below(items), 0});
    set.values.push_back(below(9) / 2.0);
    set.times.push_back(below(20) == 0 ? std::nan("") : below(1000));
  }
  const auto by_user = [](const Rating& a, const Rating& b) { return a.user < b.user; };
  if (together) std::stable_sort(set.ratings.begin(), set.ratings.end(), by_user);
  return set;
}

/// What is left by a map from pairs to the rating that counts so far.
MergeCounts merge_plainly(Set& set, const MergeRule& rule) {
  std::map<std::pair<Index, Index>, std::size_t> counting;
  std::map<std::size_t, std::vector<double>> values_of;
  const auto part_of = [&](std::size_t k) { return k >= rule.test_begin ? 2 : k >= rule.valid_begin ? 1 : 0; };
  MergeCounts counts;
  for (std::size_t later = 0; later < set.ratings.size(); ++later) {
    const auto [found, is_new] = counting.try_emplace({set.ratings[later].user, set.ratings[later].item}, later);
    values_of[later] = {set.values[later]};
    if (is_new) continue;
    const std::size_t earlier = found->second;
    bool keep_later = part_of(earlier) != part_of(later);
    ++(keep_later ? counts.held_out : counts.duplicates);
    const bool turned = !rule.times.empty() && set.times[later] < set.times[earlier];
    if (!keep_later && rule.which == Duplicates::last) keep_later = !turned;
    if (!keep_later && rule.which == Duplicates::first) keep_later = turned;
    if (!keep_later && rule.which == Duplicates::mean) values_of[earlier].push_back(set.values[later]);
    set.ratings[keep_later ? earlier : later].user = removed;
    if (keep_later) found->second = later;
  }
  for (const auto& [k, values] : values_of)
    if (rule.which == Duplicates::mean && set.ratings[k].user != removed) {
      double sum = 0;
      for (const double value : values) sum += value;
      set.values[k] = sum / static_cast<double>(values.size());
    }
  return counts;
}

}  // namespace

TEST_CASE("of a pair's ratings one is left, whoever merges them and however users are ordered", "[files]") {
  const bool together = GENERATE(false, true), timed = GENERATE(false, true), parts = GENERATE(false, true);
  const Duplicates which = GENERATE(Duplicates::last, Duplicates::first, Duplicates::mean);
  const Set given = random_set(together);
  Set expected = given;
  MergeRule rule{which, count, count, {}, {}};
  if (parts) rule.valid_begin = count / 2, rule.test_begin = count / 4 * 3;
  if (timed) rule.times = given.times;
  const MergeCounts counts = merge_plainly(expected, rule);
  CHECK(counts.duplicates > 1000);
  CHECK((counts.held_out > 1000) == (parts && !together));
  for (const int threads : {1, 2, 3}) {
    Set set = given;
    const MergeCounts merged = merge_rated_twice(set.ratings, set.values, users, items, rule, threads);
    CHECK(merged.duplicates == counts.duplicates);
    CHECK(merged.held_out == counts.held_out);
    CHECK(set.ratings == expected.ratings);
    bool same = true;
    for (std::size_t k = 0; k < count; ++k)
      same &= set.ratings[k].user == removed || set.values[k] == expected.values[k];
    CHECK(same);
  }
}

TEST_CASE("where no pair may be rated twice, the first user that does is named, whoever finds it", "[files]") {
  const bool together = GENERATE(false, true);
  const int threads = GENERATE(1, 2, 3);
  std::vector<Rating> ratings;
  for (std::size_t k = 0; k < count; ++k)
    ratings.push_back({static_cast<Index>(together ? k / items : k % (count / items)),
                       static_cast<Index>(together ? k % items : k / (count / items)), 0});
  std::vector<double> none;
  const MergeRule rule{Duplicates::error, count, count, {}, [](const Rating& rating) {
                         throw InputError(std::to_string(rating.user) + " " + std::to_string(rating.item));
                       }};
  CHECK(merge_rated_twice(ratings, none, count / items, items, rule, threads).duplicates == 0);
  const auto change = [&](std::size_t user) {  // its second item becomes its first
    const std::size_t first = together ? user * items : user, step = together ? 1 : count / items;
    ratings[first + step].item = ratings[first].item;
  };
  for (const std::size_t user : {3700, 1234, 1230, 2500}) change(user);
  CHECK(error_of([&] { merge_rated_twice(ratings, none, count / items, items, rule, threads); }) == "1230 0");
}
