// The ratings of a piece of a file, numbered among themselves, before they come to those of the pieces before.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/builder.hpp"

namespace gcmc {

/// Are values kept as they are until all are there? Else each is a level.
inline bool keeps_values(const ReadOptions& options) {
  return !options.rating_levels.empty() || options.duplicates == Duplicates::mean;
}

/// What a thread has seen of one side's ids, in this piece and those that it parsed before, and which numbers they have
/// among all.
struct SeenIds {
  IdTable table;
  std::vector<Index> numbers;  ///< of the first ones in the table; the others are new

  /// Forgets what has grown too large.
  void limit_size() {
    constexpr std::size_t most = 1 << 18;
    if (numbers.size() > most) *this = {};
  }
};

/// A thread's: pieces come one after the other, and what it has seen stays.
struct RatingBlock {
  /// A value, and where the file has it first.
  struct FirstSight {
    double value;
    std::string place;
  };

  SeenIds users, items;
  LevelTable levels;
  std::vector<Level> level_numbers;  ///< among all, of the first ones in the table

  std::vector<Rating> ratings;         ///< of the piece, in the thread's numbers
  std::vector<double> values;          ///< one a rating, where values are kept
  std::vector<double> times;           ///< one a rating, or none
  std::vector<FirstSight> new_values;  ///< those of new levels, and one too many
  ReadReport report;                   ///< of the piece's lines
  std::exception_ptr error;            ///< what came behind the last rating
  Offset bytes = 0;                    ///< of the file, as far as they are known
  Offset text_bytes = 0;               ///< of the piece

  /// Throws InputError for a value that is no rating's.
  template <class Place>
  void add(std::string_view user, std::string_view item, double value, bool keep_value, const Place& place) {
    RatingsBuilder::require_value(value);
    Level level = 0;
    if (keep_value) {
      values.push_back(value);
    } else {
      level = levels.add(value);
      if (level == level_numbers.size() + new_values.size()) new_values.push_back({value, place()});
    }
    ratings.push_back({users.table.add(user), items.table.add(item), level});
  }

  /// Before the next piece.
  void clear() {
    ratings.clear(), values.clear(), times.clear(), new_values.clear();
    users.limit_size(), items.limit_size();
    report = {}, error = {};
  }
};

}  // namespace gcmc
