// Ratings as they come out of files, until all are there: then pairs that are rated twice are merged, values become
// levels, and what looks wrong in the whole is told.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "data_limit.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/builder.hpp"
#include "rating_block.hpp"

namespace gcmc {

inline constexpr double no_time = std::numeric_limits<double>::quiet_NaN();

/// Memory at its peak: 12 bytes a rating, 8 more with times, 8 more unless each user's ratings stand together, 8 more
/// where values are kept, and each id a few times; 12 more while their number outgrows what a file's size let expect.
class RatingCollector {
 public:
  RatingCollector(const ReadOptions& options, ReadReport& report, DataLimit& limit);

  /// Throws InputError as RatingsBuilder::add does.
  void add(std::string_view user, std::string_view item, double value, double time = no_time);

  /// The same in two steps: a number for each id, each of which needs a rating, and ratings by numbers.
  Index number_user(std::string_view id) { return numbered(users_, id); }
  Index number_item(std::string_view id) { return numbered(items_, id); }
  void add(Index user, Index item, double value, double time = no_time);

  /// Room for so many ratings more, where their number is known.
  void reserve(std::size_t ratings) { ratings_.entries.reserve(ratings_.entries.size() + ratings); }

  /// All ratings of a block, and what its report counts; then throws what came behind them.
  void add(RatingBlock& block);

  /// Ratings added from now on are of the set's own validation part, of its own test part. A pair that is in two parts
  /// stays in the later one alone.
  void begin_valid() { valid_begin_ = ratings_.entries.size(); }
  void begin_test() { test_begin_ = ratings_.entries.size(); }

  /// Merges, bins and numbers all; users() and items() stay.
  Ratings finish(const std::string& name);

  bool empty() const { return size() == 0; }
  std::size_t size() const { return ratings_.entries.size(); }
  const IdTable& users() const { return users_; }
  const IdTable& items() const { return items_; }

 private:
  static constexpr std::size_t no_part = std::numeric_limits<std::size_t>::max();

  Index numbered(IdTable& table, std::string_view id);
  void number_new(SeenIds& ids, IdTable& table);
  Level level_of(double value);
  void make_room(std::size_t ratings, double times_as_many, bool timed);
  std::string who_rates_what(const Rating& rating) const;
  void merge_duplicates();
  void drop_removed();
  void take_times();
  void note(const std::vector<double>& values, const std::vector<std::size_t>& counts);
  void bin_values();
  void make_levels();
  void note_strangers(const char* part, std::size_t begin, std::size_t end);
  std::vector<std::size_t> ratings_of_levels() const;

  const ReadOptions& options_;
  ReadReport& report_;
  DataLimit& limit_;
  int threads_;
  Ratings ratings_;  ///< users, items and levels by numbers of first sight
  IdTable users_, items_;
  LevelTable levels_;
  std::vector<double> values_;  ///< one a rating, where values are kept
  std::vector<double> times_;   ///< one a rating, or none
  std::size_t valid_begin_ = no_part, test_begin_ = no_part;
  std::size_t ratings_taken_ = 0, times_taken_ = 0;  ///< by the limit
  Offset text_bytes_ = 0;                            ///< of all blocks
};

}  // namespace gcmc
