// From ids and values to Ratings: users, items and levels are numbered in ascending order at the end.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// An id as a number: an optional minus and digits of any length.
inline bool is_integer(std::string_view id) {
  if (!id.empty() && id[0] == '-') id.remove_prefix(1);
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Order of integers of any length; ids of one value (7, 07) in order of their text.
inline bool integer_less(std::string_view a, std::string_view b) {
  const auto parts = [](std::string_view id) {
    const bool negative = id[0] == '-';
    if (negative) id.remove_prefix(1);
    id.remove_prefix(std::min(id.find_first_not_of('0'), id.size()));
    return std::pair(negative && !id.empty(), id);
  };
  const auto [a_negative, a_digits] = parts(a);
  const auto [b_negative, b_digits] = parts(b);
  if (a_negative != b_negative) return a_negative;
  if (a_digits == b_digits) return a < b;
  const bool smaller = a_digits.size() != b_digits.size() ? a_digits.size() < b_digits.size() : a_digits < b_digits;
  return smaller != a_negative;
}

/// Ids and their numbers 0, 1, ... in order of first sight, or ascending after sort(). Small whole numbers, the usual
/// case, are looked up in a table instead of a hash map.
class IdTable {
 public:
  /// The number of `id`, a new one if it has none. -1 if all numbers are given out.
  Index add(std::string_view id) {
    const Index known = find(id);
    if (known >= 0 || ids_.size() == std::numeric_limits<Index>::max()) return known;
    ids_.emplace_back(id);
    enter(id, static_cast<Index>(ids_.size() - 1));
    return static_cast<Index>(ids_.size() - 1);
  }

  /// -1 if `id` has no number.
  Index find(std::string_view id) const {
    if (const std::size_t slot = slot_of(id); slot < table_size) return slot < table_.size() ? table_[slot] : Index{-1};
    const auto found = others_.find(id);
    return found == others_.end() ? Index{-1} : found->second;
  }

  /// Renumbers in ascending order. Returns the new number of each old one.
  std::vector<Index> sort() {
    std::vector<Index> order(ids_.size()), renumbered(ids_.size());
    std::iota(order.begin(), order.end(), Index{0});
    const bool integers = std::all_of(ids_.begin(), ids_.end(), [](const std::string& id) { return is_integer(id); });
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
      const std::string &left = ids_[static_cast<std::size_t>(a)], &right = ids_[static_cast<std::size_t>(b)];
      return integers ? integer_less(left, right) : left < right;
    });
    std::vector<std::string> sorted(ids_.size());
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto old = static_cast<std::size_t>(order[k]);
      sorted[k] = std::move(ids_[old]);
      renumbered[old] = static_cast<Index>(k);
      enter(sorted[k], static_cast<Index>(k));
    }
    ids_ = std::move(sorted);
    return renumbered;
  }

  const std::vector<std::string>& ids() const { return ids_; }

 private:
  static constexpr std::size_t table_size = std::size_t{1} << 22;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };

  /// The value of an id that is a small whole number without leading zeros; else table_size.
  static std::size_t slot_of(std::string_view id) {
    if (id.empty() || id.size() > 7 || (id[0] == '0' && id.size() > 1)) return table_size;
    std::size_t value = 0;
    for (const char c : id) {
      if (c < '0' || c > '9') return table_size;
      value = 10 * value + static_cast<std::size_t>(c - '0');
    }
    return std::min(value, table_size);
  }

  void enter(std::string_view id, Index number) {
    const std::size_t slot = slot_of(id);
    if (slot == table_size) {
      others_.insert_or_assign(std::string(id), number);
      return;
    }
    if (slot >= table_.size()) table_.resize(std::min(table_size, std::max(slot + 1, 2 * table_.size())), Index{-1});
    table_[slot] = number;
  }

  std::vector<std::string> ids_;
  std::vector<Index> table_;
  std::unordered_map<std::string, Index, Hash, std::equal_to<>> others_;
};

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
  /// finish(), and ratings by numbers. Every number needs a rating.
  Index number_user(std::string_view id) { return numbered(users_, id); }
  Index number_item(std::string_view id) { return numbered(items_, id); }
  void add(Index user, Index item, double value) { ratings_.entries.push_back({user, item, level_of(value)}); }
  void reserve(std::size_t ratings) { ratings_.entries.reserve(ratings); }

  /// Ratings added from now on are the set's own validation part; begin_test() must follow.
  void begin_valid() { ratings_.valid_begin = static_cast<Offset>(ratings_.entries.size()); }
  /// Ratings added from now on are the set's own test part.
  void begin_test() { ratings_.test_begin = static_cast<Offset>(ratings_.entries.size()); }

  /// Numbers everything in ascending order and hands the ratings over. users() and items() stay, for who reads features
  /// of theirs; nothing may be added then.
  Ratings finish(std::string name) {
    const std::vector<Index> user_order = users_.sort(), item_order = items_.sort();
    std::vector<double> sorted = ratings_.levels;
    std::sort(sorted.begin(), sorted.end());
    std::vector<Level> level_order;
    for (const double value : ratings_.levels)
      level_order.push_back(static_cast<Level>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin()));
    for (Rating& entry : ratings_.entries)
      entry = {user_order[static_cast<std::size_t>(entry.user)], item_order[static_cast<std::size_t>(entry.item)],
               level_order[entry.level]};
    ratings_.levels = std::move(sorted);
    ratings_.user_ids = users_.ids();
    ratings_.item_ids = items_.ids();
    ratings_.name = std::move(name);
    return std::move(ratings_);
  }

  static void require_value(double value) {
    require(std::isfinite(value), "a rating that is not a finite number");
    require(is_rating_value(value), "a rating further from 0 than 1e12: divide all ratings by the same number");
  }

  const IdTable& users() const { return users_; }
  const IdTable& items() const { return items_; }

 private:
  static Index numbered(IdTable& table, std::string_view id) {
    const Index number = table.add(id);
    require(number >= 0, "more than 2147483647 users or items, fewer was expected");
    return number;
  }

  Level level_of(double value) {
    require_value(value);
    auto& levels = ratings_.levels;
    const auto found = std::find(levels.begin(), levels.end(), value);
    if (found != levels.end()) return static_cast<Level>(found - levels.begin());
    require(levels.size() < std::numeric_limits<Level>::max(),
            "a 256th distinct rating value, at most 255 distinct values in all was expected");
    levels.push_back(value);
    return static_cast<Level>(levels.size() - 1);
  }

  Ratings ratings_;
  IdTable users_, items_;
};

}  // namespace gcmc
