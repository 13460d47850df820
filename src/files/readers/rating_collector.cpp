#include "rating_collector.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "../../cpu/available_threads.hpp"
#include "gcmc/base/ranges.hpp"
#include "rated_twice.hpp"
#include "rating_values.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

/// Bytes that an id takes while it is numbered and sorted, beside those of its text; that a rating takes, and its time.
constexpr Offset bytes_of_id = 200, bytes_of_rating = 32, bytes_of_time = 8;

/// So many ratings are counted at once.
constexpr std::size_t taken_at_once = 1 << 15;

/// Their positions are of 32 bits while pairs are merged.
constexpr std::size_t most_ratings = std::numeric_limits<std::uint32_t>::max();

/// Room for `size`, and where there was not enough, for as many as are expected, if that can be had.
template <class T>
void grow(std::vector<T>& vector, std::size_t size, double expected) {
  if (size <= vector.capacity()) return;
  const std::size_t least = std::max(size, vector.capacity() + vector.capacity() / 2);
  try {
    vector.reserve(std::max(least, static_cast<std::size_t>(expected)));
  } catch (const std::bad_alloc&) {
    vector.reserve(least);
  }
}

}  // namespace

RatingCollector::RatingCollector(const ReadOptions& options, ReadReport& report, DataLimit& limit)
    : options_(options),
      report_(report),
      limit_(limit),
      threads_(options.threads > 0 ? options.threads : available_threads()) {}

Index RatingCollector::numbered(IdTable& table, std::string_view id) {
  const std::size_t before = table.ids().size();
  const Index number = table.add(id);
  if (table.ids().size() > before) limit_.take(bytes_of_id + 3 * static_cast<Offset>(id.size()));
  return number;
}

void RatingCollector::add(std::string_view user, std::string_view item, double value, double time) {
  RatingsBuilder::require_value(value);
  add(number_user(user), number_item(item), value, time);
}

void RatingCollector::add(Index user, Index item, double value, double time) {
  RatingsBuilder::require_value(value);
  const bool timed = !times_.empty() || !std::isnan(time);
  make_room(1, 0, timed);
  ratings_.entries.push_back({user, item, keeps_values(options_) ? Level{0} : level_of(value)});
  if (keeps_values(options_)) values_.push_back(value);
  if (timed) times_.push_back(time);
}

void RatingCollector::add(RatingBlock& block) {
  limit_.add_bytes(block.bytes - limit_.bytes());
  for (const auto& [value, place] : block.new_values) {
    try {
      block.level_numbers.push_back(level_of(value));
    } catch (const InputError& problem) {
      throw InputError(place + problem.what());
    }
  }
  number_new(block.users, users_);
  number_new(block.items, items_);
  text_bytes_ += block.text_bytes;
  const auto known = [](double time) { return !std::isnan(time); };
  const bool timed = !times_.empty() || std::any_of(block.times.begin(), block.times.end(), known);
  make_room(block.ratings.size(), static_cast<double>(block.bytes) / static_cast<double>(text_bytes_ + 1), timed);
  const bool levelled = !keeps_values(options_);
  for (const Rating& rating : block.ratings)
    ratings_.entries.push_back({block.users.numbers[static_cast<std::size_t>(rating.user)],
                                block.items.numbers[static_cast<std::size_t>(rating.item)],
                                levelled ? block.level_numbers[rating.level] : Level{0}});
  values_.insert(values_.end(), block.values.begin(), block.values.end());
  if (timed) times_.insert(times_.end(), block.times.begin(), block.times.end());
  if (timed) times_.resize(ratings_.entries.size(), no_time);
  report_.add_lines(block.report);
  if (block.error) std::rethrow_exception(block.error);
}

/// Numbers among all for what a thread has seen first in its last piece.
void RatingCollector::number_new(SeenIds& ids, IdTable& table) {
  while (ids.numbers.size() < ids.table.ids().size())
    ids.numbers.push_back(numbered(table, ids.table.ids()[ids.numbers.size()]));
}

/// A level each: the 256th distinct value is one too many, and said at its line.
Level RatingCollector::level_of(double value) {
  const Level level = levels_.add(value);
  require(level != LevelTable::none,
          "a 256th distinct rating value, at most 255 distinct values in all was expected: rating_levels makes levels "
          "of more, such as quantiles:10, log:10 or edges like 1,10,100");
  return level;
}

/// For so many ratings more, and for all that the files will have where that is so many times as many as have come by
/// then. Where times begin, those of the ratings before are not known.
void RatingCollector::make_room(std::size_t ratings, double times_as_many, bool timed) {
  const std::size_t size = ratings_.entries.size() + ratings;
  require(size <= most_ratings, "more than 4294967295 ratings, fewer was expected");
  for (; ratings_taken_ < size; ratings_taken_ += taken_at_once) limit_.take(bytes_of_rating * taken_at_once);
  for (; timed && times_taken_ < size; times_taken_ += taken_at_once) limit_.take(bytes_of_time * taken_at_once);
  const double expected = std::min(1.02 * times_as_many * static_cast<double>(size), double{most_ratings});
  grow(ratings_.entries, size, expected);
  if (keeps_values(options_)) grow(values_, size, expected);
  if (timed) grow(times_, size, expected);
  if (timed) times_.resize(ratings_.entries.size(), no_time);
}

std::string RatingCollector::who_rates_what(const Rating& rating) const {
  return "user " + shown(users_.ids()[static_cast<std::size_t>(rating.user)]) + " rates item " +
         shown(items_.ids()[static_cast<std::size_t>(rating.item)]);
}

void RatingCollector::merge_duplicates() {
  const MergeRule rule{options_.duplicates, valid_begin_, test_begin_, times_, [&](const Rating& rating) {
                         throw InputError(who_rates_what(rating) +
                                          " twice, one rating of each pair was expected: duplicates says which of "
                                          "them counts");
                       }};
  const MergeCounts counts =
      merge_rated_twice(ratings_.entries, values_, users_.ids().size(), items_.ids().size(), rule, threads_);
  report_.duplicates += counts.duplicates;
  report_.held_out += counts.held_out;
  if (counts.duplicates + counts.held_out > 0) drop_removed();
}

/// Moves the ratings that count together, and leaves the levels that they have.
void RatingCollector::drop_removed() {
  std::vector<Rating>& entries = ratings_.entries;
  LevelTable levels;
  std::size_t kept = 0, valid_begin = no_part, test_begin = no_part;
  for (std::size_t k = 0;; ++k) {
    if (k == valid_begin_) valid_begin = kept;
    if (k == test_begin_) test_begin = kept;
    if (k == entries.size()) break;
    if (entries[k].user == removed) continue;
    entries[kept] = entries[k];
    if (values_.empty()) entries[kept].level = levels.add(levels_.values()[entries[k].level]);
    if (!values_.empty()) values_[kept] = values_[k];
    if (!times_.empty()) times_[kept] = times_[k];
    ++kept;
  }
  entries.resize(kept);
  if (!values_.empty()) values_.resize(kept);
  if (!times_.empty()) times_.resize(kept);
  levels_ = levels;
  valid_begin_ = valid_begin, test_begin_ = test_begin;
}

/// Keeps the times if the options want them.
void RatingCollector::take_times() {
  const bool needed = options_.times == Times::needed;
  require(!needed || !times_.empty() || empty(),
          [&] { return report_.place + ": the ratings have no times, by which they are to be split"; });
  if (options_.times == Times::passed_over) times_ = {};
  for (std::size_t k = 0; needed && k < times_.size(); ++k)
    require(!std::isnan(times_[k]), [&] {
      return report_.place + ": " + who_rates_what(ratings_.entries[k]) +
             " at no time, and the ratings are to be split by their times";
    });
  ratings_.times = std::move(times_);
}

void RatingCollector::note(const std::vector<double>& values, const std::vector<std::size_t>& counts) {
  for (std::string& note : notes_on_values(values, counts, !options_.not_rated.empty()))
    report_.notes.push_back(std::move(note));
}

void RatingCollector::bin_values() {
  limit_.take(static_cast<Offset>(24 * values_.size()));
  std::vector<double> values = values_;
  std::sort(values.begin(), values.end());
  const ValueBins bins(options_.rating_levels, values);
  for (double& value : values_) value = bins.mean_of_bin(value);
  std::vector<std::size_t> counts;
  std::size_t distinct = 0;
  for (const double value : values) {
    if (distinct == 0 || values[distinct - 1] != value) {
      values[distinct++] = value;
      counts.push_back(0);
    }
    ++counts.back();
  }
  values.resize(distinct);
  note(values, counts);
  if (distinct > 1 && bins.mean_of_bin(values.front()) == bins.mean_of_bin(values.back()))
    report_.notes.push_back("all ratings, from " + number_text(values.front()) + " to " + number_text(values.back()) +
                            ", are in one level of rating_levels " + shown(options_.rating_levels) +
                            ": there is nothing to learn from them");
}

/// Levels of the values that were kept.
void RatingCollector::make_levels() {
  for (std::size_t k = 0; k < values_.size(); ++k) {
    ratings_.entries[k].level = levels_.add(values_[k]);
    require(ratings_.entries[k].level != LevelTable::none,
            "a 256th distinct rating value, at most 255 distinct values in all was expected");
  }
  values_ = {};
}

std::vector<std::size_t> RatingCollector::ratings_of_levels() const {
  std::vector<std::size_t> all(ratings_.levels.size());
  std::mutex mutex;
  for_each_range(threads_, ratings_.entries.size(), [&](std::size_t begin, std::size_t end) {
    std::array<std::size_t, LevelTable::none> counts{};
    for (std::size_t k = begin; k < end; ++k) ++counts[ratings_.entries[k].level];
    const std::lock_guard lock(mutex);
    for (std::size_t level = 0; level < all.size(); ++level) all[level] += counts[level];
  });
  return all;
}

/// Ids that are written in one way here and in another there make all of a part's users, or items, strangers.
void RatingCollector::note_strangers(const char* part, std::size_t begin, std::size_t end) {
  const std::vector<Rating>& all = ratings_.entries;
  std::vector<char> users(users_.ids().size()), items(items_.ids().size());
  for (std::size_t k = 0; k < std::min(valid_begin_, test_begin_); ++k) {
    users[static_cast<std::size_t>(all[k].user)] = 1;
    items[static_cast<std::size_t>(all[k].item)] = 1;
  }
  const auto known = [&](const Rating& rating) {
    return users[static_cast<std::size_t>(rating.user)] && items[static_cast<std::size_t>(rating.item)];
  };
  if (begin == end || std::any_of(&all[begin], &all[0] + end, known)) return;
  report_.notes.push_back(
      "none of the " + std::to_string(end - begin) + " " + part +
      " ratings is of a user and an item that training has: are their ids written in the same way?");
}

Ratings RatingCollector::finish(const std::string& name) {
  merge_duplicates();
  take_times();
  const bool binned = !options_.rating_levels.empty() && !empty();
  if (binned) bin_values();
  make_levels();
  if (valid_begin_ != no_part) note_strangers("validation", valid_begin_, std::min(test_begin_, size()));
  if (test_begin_ != no_part) note_strangers("test", test_begin_, size());
  if (valid_begin_ != no_part) ratings_.valid_begin = static_cast<Offset>(valid_begin_);
  if (test_begin_ != no_part) ratings_.test_begin = static_cast<Offset>(test_begin_);
  ratings_.levels = levels_.values();
  number_in_order(ratings_, users_, items_, threads_);
  if (!binned) note(ratings_.levels, ratings_of_levels());
  ratings_.name = name;
  return std::move(ratings_);
}

}  // namespace gcmc
