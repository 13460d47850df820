// Ratings as they come out of files, until all are there: then pairs that are rated twice are merged, values become
// levels, and what looks wrong in the whole is told.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chunks.hpp"
#include "data_limit.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/builder.hpp"
#include "rating_block.hpp"

namespace gcmc {

inline constexpr double no_time = std::numeric_limits<double>::quiet_NaN();

/// Memory at its peak: 28 bytes a rating, 8 more with times, and each id a few times.
class RatingCollector {
 public:
  RatingCollector(const ReadOptions& options, ReadReport& report, DataLimit& limit)
      : options_(options), report_(report), limit_(limit) {}

  /// Throws InputError as RatingsBuilder::add does.
  void add(std::string_view user, std::string_view item, double value, double time = no_time);

  /// The same in two steps: a number for each id, each of which needs a rating, and ratings by numbers.
  Index number_user(std::string_view id) { return numbered(id, true); }
  Index number_item(std::string_view id) { return numbered(id, false); }
  void add(Index user, Index item, double value, double time = no_time);

  /// All ratings of a block, and what its report counts; then throws what came behind them.
  void add(const RatingBlock& block);

  /// Ratings added from now on are of the set's own validation part, of its own test part. A pair that is in two parts
  /// stays in the later one alone.
  void begin_valid() { valid_begin_ = raw_.size(); }
  void begin_test() { test_begin_ = raw_.size(); }

  /// Merges, bins and numbers all; users() and items() stay.
  Ratings finish(const std::string& name);

  bool empty() const { return raw_.empty(); }
  const IdTable& users() const { return builder_.users(); }
  const IdTable& items() const { return builder_.items(); }

 private:
  static constexpr std::size_t no_part = std::numeric_limits<std::size_t>::max();
  static constexpr Index removed = -1;  ///< a RawRating's user: another rating of the pair counts

  int part_of(std::size_t rating) const { return (rating >= valid_begin_) + (rating >= test_begin_); }
  Index numbered(std::string_view id, bool is_user);
  void push(const RawRating& rating, double time);
  void note_value(double value);
  void keep_time(double time);
  std::vector<std::uint32_t> user_by_user() const;
  void merge_duplicates();
  std::size_t merge(std::size_t earlier, std::size_t later);
  std::vector<double> take_times();
  void bin_values();
  void note(const std::vector<double>& values, const std::vector<std::size_t>& counts);

  const ReadOptions& options_;
  ReadReport& report_;
  DataLimit& limit_;
  RatingsBuilder builder_;
  Chunks<RawRating> raw_;
  Chunks<double> times_;  ///< one a rating, or none
  std::size_t valid_begin_ = no_part, test_begin_ = no_part;
  std::vector<double> values_;                                       ///< the distinct ones, where each is to be a level
  std::unordered_map<std::size_t, std::pair<double, Offset>> sums_;  ///< of merged ratings, for their mean
};

}  // namespace gcmc
