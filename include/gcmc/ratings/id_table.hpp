// Ids and their numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gcmc/base/digits.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

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
  /// The number of `id`, a new one if it has none. Throws InputError if all numbers are given out.
  Index add(std::string_view id) {
    const Index known = find(id);
    if (known >= 0) return known;
    require(ids_.size() < std::numeric_limits<Index>::max(), "more than 2147483647 users or items, fewer was expected");
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
    std::uint64_t value = 0;
    if (id.size() > 7 || !read_digits(id, value) || (id[0] == '0' && id.size() > 1)) return table_size;
    return std::min<std::size_t>(value, table_size);
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

}  // namespace gcmc
