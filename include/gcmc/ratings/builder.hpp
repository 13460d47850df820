// From ids and values to Ratings: users, items and levels are numbered in ascending order at the end.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/ranges.hpp"
#include "gcmc/ratings/id_table.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Distinct rating values and their numbers 0, 1, ... in order of first sight.
class LevelTable {
 public:
  static constexpr Level none = std::numeric_limits<Level>::max();

  /// The number of `value`, a new one if it has none; `none` if all 255 are given out.
  Level add(double value) {
    Known& known = known_[std::bit_cast<std::uint64_t>(value) * 0x9E3779B97F4A7C15 >> 56];
    if (known.value == value) return known.number;
    const auto found = std::find(values_.begin(), values_.end(), value);
    if (found == values_.end() && values_.size() == none) return none;
    known = {value, static_cast<Level>(found - values_.begin())};
    if (known.number == values_.size()) values_.push_back(value);
    return known.number;
  }

  const std::vector<double>& values() const { return values_; }

 private:
  struct Known {
    double value = std::numeric_limits<double>::quiet_NaN();
    Level number = 0;
  };
  std::vector<double> values_;
  std::array<Known, 256> known_{};  ///< some of them, by a hash of the value
};

/// Numbers users, items and levels in ascending order, which are numbered in order of first sight before: entries, ids
/// and levels of `ratings`. Cost: one pass over the entries on `threads` threads, and the sorting of ids.
inline void number_in_order(Ratings& ratings, IdTable& users, IdTable& items, int threads = 1) {
  const std::vector<Index> user_order = users.sort(), item_order = items.sort();
  const std::vector<double> levels = std::exchange(ratings.levels, {});
  std::vector<double>& sorted = ratings.levels;
  sorted = levels;
  std::sort(sorted.begin(), sorted.end());
  std::array<Level, LevelTable::none> level_order{};
  for (std::size_t k = 0; k < levels.size(); ++k)
    level_order[k] = static_cast<Level>(std::lower_bound(sorted.begin(), sorted.end(), levels[k]) - sorted.begin());
  for_each_range(threads, ratings.entries.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const Rating entry = ratings.entries[k];
      ratings.entries[k] = {user_order[static_cast<std::size_t>(entry.user)],
                            item_order[static_cast<std::size_t>(entry.item)], level_order[entry.level]};
    }
  });
  ratings.user_ids = users.ids();
  ratings.item_ids = items.ids();
}

/// Throws InputError, with the ids, if a user rates an item twice: one of the two would be tested and the other trained
/// on. Cost: three passes. Memory: 4 bytes a rating and an item, 8 a user.
inline void require_rated_once(const Ratings& ratings) {
  std::vector<Offset> ends(ratings.user_ids.size() + 1);
  for (const Rating& rating : ratings.entries) ++ends[static_cast<std::size_t>(rating.user) + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<Index> items(ratings.entries.size());
  for (const Rating& rating : ratings.entries)
    items[static_cast<std::size_t>(ends[static_cast<std::size_t>(rating.user)]++)] = rating.item;
  std::vector<Index> last_rater(ratings.item_ids.size(), -1);
  Offset begin = 0;
  for (Index user = 0; user < ratings.users(); ++user) {
    const Offset end = ends[static_cast<std::size_t>(user)];
    for (; begin < end; ++begin) {
      const auto item = static_cast<std::size_t>(items[static_cast<std::size_t>(begin)]);
      require(std::exchange(last_rater[item], user) != user, [&] {
        return "ratings: user " + ratings.user_ids[static_cast<std::size_t>(user)] + " rates item " +
               ratings.item_ids[item] + " twice: of each pair one rating is needed";
      });
    }
  }
}

/// Collects ratings in any order:
///   RatingsBuilder builder;
///   builder.add("anna", "Alien", 4.5);
///   const Ratings ratings = builder.finish("mine");
/// Numbers follow the ids in ascending order, as numbers where all are whole numbers, so that they do not depend on the
/// order of adding. Memory: 12 bytes a rating, and each id once. One caller at a time.
class RatingsBuilder {
 public:
  /// Throws InputError for a value that is no rating value or is the 256th distinct one, and beyond 2^31 - 1 users or
  /// items; the rating is then not added.
  void add(std::string_view user_id, std::string_view item_id, double value) {
    const Level level = level_of(value);
    const Index user = number_user(user_id), item = number_item(item_id);
    ratings_.entries.push_back({user, item, level});
  }

  /// The same in two steps, for who looks at all ratings before any is added: a number for each id, valid until
  /// finish(), and ratings by numbers. Every number needs a rating. Ids that are numbers themselves are texts here:
  /// add("1001", "55", 4). Throws InputError, too, for a number that was not given out.
  Index number_user(std::string_view id) { return users_.add(id); }
  Index number_item(std::string_view id) { return items_.add(id); }
  void add(Index user, Index item, double value) {
    require_known(user, users_, "user");
    require_known(item, items_, "item");
    ratings_.entries.push_back({user, item, level_of(value)});
  }
  void reserve(std::size_t ratings) { ratings_.entries.reserve(ratings); }

  /// Ratings added from now on are the set's own validation part; begin_test() must follow.
  void begin_valid() { ratings_.valid_begin = static_cast<Offset>(ratings_.entries.size()); }
  /// Ratings added from now on are the set's own test part.
  void begin_test() { ratings_.test_begin = static_cast<Offset>(ratings_.entries.size()); }

  /// Numbers everything in ascending order and hands the ratings over. users() and items() stay, for who reads features
  /// of theirs; nothing may be added then. Throws InputError if a pair was added twice.
  Ratings finish(std::string name) {
    ratings_.levels = levels_.values();
    number_in_order(ratings_, users_, items_);
    ratings_.name = std::move(name);
    require_rated_once(ratings_);
    return std::move(ratings_);
  }

  static void require_value(double value) {
    require(std::isfinite(value), "a rating that is not a finite number");
    require(is_rating_value(value), "a rating further from 0 than 1e12: divide all ratings by the same number");
  }

  const IdTable& users() const { return users_; }
  const IdTable& items() const { return items_; }

 private:
  static void require_known(Index number, const IdTable& ids, const char* side) {
    const auto count = static_cast<Offset>(ids.ids().size());
    require(number >= 0 && number < count, [&] {
      return std::string(side) + " number " + std::to_string(number) + ", but " + std::to_string(count) +
             " were given out: an id that is a number is given as text";
    });
  }
  Level level_of(double value) {
    require_value(value);
    const Level level = levels_.add(value);
    require(level != LevelTable::none,
            "a 256th distinct rating value, at most 255 distinct values in all was expected");
    return level;
  }

  Ratings ratings_;
  LevelTable levels_;
  IdTable users_, items_;
};

}  // namespace gcmc
