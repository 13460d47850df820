// Ratings as a program holds them: users, items, levels, the ids of the file, side features, and the check that makes
// them fit for training.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/base/views.hpp"
#include "gcmc/ratings/features.hpp"
#include "gcmc/ratings/id_table.hpp"

namespace gcmc {

/// One rating, in dense numbers: `user` counts Ratings::user_ids, `level` counts Ratings::levels.
struct Rating {
  Index user = 0;
  Index item = 0;
  Level level = 0;
  friend bool operator==(const Rating&, const Rating&) = default;
};

/// A set of ratings, of each pair at most one. Nodes are the users and items that appear in any rating; levels are
/// taken from all ratings (never from the training part alone) and ascend. A level without a rating is legal.
struct Ratings {
  std::string name;                   ///< "ml-100k", "synthetic-100k", or the file's name
  std::vector<std::string> user_ids;  ///< as the file had them, in order of dense number
  std::vector<std::string> item_ids;
  std::vector<double> levels;  ///< the distinct rating values, ascending
  std::vector<Rating> entries;
  std::vector<double> times;  ///< one an entry, later is larger, NaN where it is not known; empty: they were not read
  Offset test_begin = -1;     ///< entries from here on are the data set's own test split; -1: it has none
  Offset valid_begin = -1;    ///< entries from here to test_begin are its own validation part; -1: it has none
  SideFeatures user_features, item_features;
  std::vector<std::string> item_titles{};  ///< what people call the items, one each or none at all

  Index users() const { return static_cast<Index>(user_ids.size()); }
  Index items() const { return static_cast<Index>(item_ids.size()); }
  bool has_fixed_test() const { return test_begin >= 0; }
  bool has_fixed_valid() const { return valid_begin >= 0; }
};

/// Throws InputError, beginning with `where` and naming the entry and the numbers, unless every user, item and level is
/// one of so many. Cost: one pass.
inline void require_in_range(std::span<const Rating> entries, std::size_t users, std::size_t items, std::size_t levels,
                             const char* where) {
  const auto fits = [&](const Rating& entry) {
    const auto user = static_cast<std::uint32_t>(entry.user), item = static_cast<std::uint32_t>(entry.item);
    return (entry.user >= 0) & (user < users) & (entry.item >= 0) & (item < items) & (entry.level < levels);
  };
  bool all = true;
  for (const Rating& entry : entries) all &= fits(entry);
  for (std::size_t k = 0; !all && k < entries.size(); ++k) {
    const auto in_range = [&](Offset value, std::size_t count, const char* field) {
      require(value >= 0 && static_cast<std::size_t>(value) < count, [&] {
        return std::string(where) + ": entry " + std::to_string(k) + " has " + field + " " + std::to_string(value) +
               ", but there are " + std::to_string(count);
      });
    };
    in_range(entries[k].user, users, "user");
    in_range(entries[k].item, items, "item");
    in_range(entries[k].level, levels, "level");
  }
}

/// The largest magnitude of a rating value: sums of squares of so large ones are far from overflowing a float.
inline constexpr double largest_rating_value = 1e12;
inline bool is_rating_value(double value) { return std::abs(value) <= largest_rating_value; }

/// Throws InputError unless the levels ascend, are rating values and at most 255.
inline void validate_levels(const std::vector<double>& levels) {
  require(levels.size() <= std::numeric_limits<Level>::max(),
          [&] { return "ratings: " + std::to_string(levels.size()) + " levels, at most 255 are possible"; });
  for (std::size_t r = 0; r < levels.size(); ++r) {
    require(std::isfinite(levels[r]),
            [&] { return "ratings: level " + std::to_string(r) + " is not a finite number"; });
    require(is_rating_value(levels[r]),
            [&] { return "ratings: level " + std::to_string(r) + " is further from 0 than 1e12"; });
    require(r == 0 || levels[r - 1] < levels[r], [&] {
      return "ratings: levels must ascend, but level " + std::to_string(r - 1) + " is " +
             std::to_string(levels[r - 1]) + " and level " + std::to_string(r) + " is " + std::to_string(levels[r]);
    });
  }
}

/// What a file of lines holds as one of them.
inline bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos;
}

/// Throws InputError unless every id is a line, not empty, and no two are the same. Cost: one pass where they ascend,
/// as readers number them; else a hash table of them.
inline void validate_ids(const std::vector<std::string>& ids, const char* side) {
  const auto place = [&](std::size_t k) { return std::string("ratings: ") + side + " " + std::to_string(k); };
  bool as_text = true, as_numbers = true;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    require(!ids[k].empty() && is_one_line(ids[k]), [&] {
      return place(k) +
             (ids[k].empty() ? " has an empty id" : " has an id that is not one line: " + printable(ids[k], 80));
    });
    if (k == 0) continue;
    as_text = as_text && ids[k - 1] < ids[k];
    as_numbers = as_numbers && is_integer(ids[k - 1]) && is_integer(ids[k]) && integer_less(ids[k - 1], ids[k]);
  }
  if (as_text || as_numbers) return;
  std::unordered_set<std::string_view> seen;
  seen.reserve(ids.size());
  for (std::size_t k = 0; k < ids.size(); ++k)
    require(seen.insert(ids[k]).second, [&] { return place(k) + " has the id of another: " + printable(ids[k], 80); });
}

/// Throws InputError, naming the entry and the numbers, if a field is out of range, the levels do not ascend or are no
/// rating values, there are more than 255 levels, feature sizes do not match, or an id, a title or the name could not
/// be saved. Whether a pair is rated twice is not looked at: readers and RatingsBuilder see to that. Cost: one pass.
inline void validate(const Ratings& ratings) {
  constexpr std::size_t most = std::numeric_limits<Index>::max();
  const std::size_t users = ratings.user_ids.size(), items = ratings.item_ids.size();
  require(users <= most && items <= most, [&] {
    return "ratings: " + std::to_string(users) + " users and " + std::to_string(items) + " items, at most " +
           std::to_string(most) + " of each are possible";
  });
  validate_levels(ratings.levels);
  require_in_range(ratings.entries, users, items, ratings.levels.size(), "ratings");
  require(ratings.times.empty() || ratings.times.size() == ratings.entries.size(), [&] {
    return "ratings: " + std::to_string(ratings.times.size()) + " times for " + std::to_string(ratings.entries.size()) +
           " entries";
  });
  require(ratings.test_begin >= -1 && ratings.test_begin <= static_cast<Offset>(ratings.entries.size()), [&] {
    return "ratings: test_begin is " + std::to_string(ratings.test_begin) + ", but there are " +
           std::to_string(ratings.entries.size()) + " entries";
  });
  require(ratings.valid_begin >= -1 && ratings.valid_begin <= std::max(Offset{-1}, ratings.test_begin), [&] {
    return "ratings: valid_begin is " + std::to_string(ratings.valid_begin) + ", but test_begin is " +
           std::to_string(ratings.test_begin);
  });
  require(ratings.item_titles.empty() || ratings.item_titles.size() == items, [&] {
    return "ratings: " + std::to_string(ratings.item_titles.size()) + " titles of " + std::to_string(items) + " items";
  });
  validate_ids(ratings.user_ids, "user");
  validate_ids(ratings.item_ids, "item");
  for (std::size_t k = 0; k < ratings.item_titles.size(); ++k)
    require(is_one_line(ratings.item_titles[k]),
            [&] { return "ratings: the title of item " + std::to_string(k) + " is not one line"; });
  require(is_utf8(ratings.name), "ratings: their name is not UTF-8");
  validate_features(ratings.user_features, users, "user");
  validate_features(ratings.item_features, items, "item");
}

}  // namespace gcmc
