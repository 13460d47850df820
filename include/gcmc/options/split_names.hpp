// The names of splits: those of a data set's own parts, and those of a rule.
#pragma once

#include <array>
#include <limits>
#include <string_view>

#include "gcmc/ratings/split.hpp"

namespace gcmc {

/// "": the set's custom. u1 to ub are ml-100k's own files, the others are rules. K stands for a number.
inline constexpr std::array<std::string_view, 12> split_names = {
    "", "u1", "u2", "u3", "u4", "u5", "ua", "ub", "random", "time", "time-per-user", "leave-K-out"};

/// Is `text` this name, with a whole number above 0 where the name has a K? That number, else 0; 1 of other names.
constexpr Index named_number(std::string_view text, std::string_view name) {
  const std::size_t k = name.find('K');
  if (k == std::string_view::npos) return text == name;
  const std::string_view before = name.substr(0, k), behind = name.substr(k + 1);
  if (!text.starts_with(before) || !text.ends_with(behind)) return 0;
  if (text.size() <= before.size() + behind.size()) return 0;
  Offset number = 0;
  for (const char c : text.substr(k, text.size() - before.size() - behind.size())) {
    if (c < '0' || c > '9') return 0;
    number = 10 * number + (c - '0');
    if (number > std::numeric_limits<Index>::max()) return 0;
  }
  return static_cast<Index>(number);
}
constexpr bool is_named(std::string_view text, std::string_view name) { return named_number(text, name) > 0; }

/// K of leave-K-out; 0 of other splits.
constexpr Index left_out(std::string_view split) { return named_number(split, "leave-K-out"); }

/// random too for a set's own parts, the rest of which is drawn.
constexpr SplitRule split_rule(std::string_view split) {
  if (split == "time") return SplitRule::time;
  if (split == "time-per-user") return SplitRule::time_per_user;
  return left_out(split) > 0 ? SplitRule::leave_out : SplitRule::random;
}

/// Is it a rule for any ratings, and no set's own?
constexpr bool is_split_rule(std::string_view split) {
  return split == "random" || split_rule(split) != SplitRule::random;
}

}  // namespace gcmc
