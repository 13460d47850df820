#include "rating_collector.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

#include "rating_values.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

/// Bytes that an id takes while it is numbered and sorted, beside those of its text.
constexpr Offset bytes_of_id = 200, bytes_of_rating = 32;

}  // namespace

Index RatingCollector::numbered(std::string_view id, bool is_user) {
  const IdTable& table = is_user ? users() : items();
  const auto before = static_cast<Index>(table.ids().size());
  const Index number = is_user ? builder_.number_user(id) : builder_.number_item(id);
  if (number == before) limit_.take(bytes_of_id + 3 * static_cast<Offset>(id.size()));
  return number;
}

void RatingCollector::add(std::string_view user, std::string_view item, double value, double time) {
  RatingsBuilder::require_value(value);
  add(number_user(user), number_item(item), value, time);
}

void RatingCollector::add(Index user, Index item, double value, double time) {
  RatingsBuilder::require_value(value);
  note_value(value);
  push({user, item, value}, time);
}

void RatingCollector::add(const RatingBlock& block) {
  limit_.add_bytes(block.bytes - limit_.bytes());
  for (const auto& [value, place] : block.values) {
    try {
      note_value(value);
    } catch (const InputError& problem) {
      throw InputError(place + problem.what());
    }
  }
  const auto numbers_of = [&](const IdTable& table, bool is_user) {
    std::vector<Index> numbers;
    for (const std::string& id : table.ids()) numbers.push_back(numbered(id, is_user));
    return numbers;
  };
  const std::vector<Index> users = numbers_of(block.users, true), items = numbers_of(block.items, false);
  for (std::size_t k = 0; k < block.ratings.size(); ++k) {
    const auto& [user, item, value] = block.ratings[k];
    push({users[static_cast<std::size_t>(user)], items[static_cast<std::size_t>(item)], value}, block.times[k]);
  }
  report_.add_lines(block.report);
  if (block.error) std::rethrow_exception(block.error);
}

void RatingCollector::push(const RawRating& rating, double time) {
  require(raw_.size() < std::numeric_limits<std::uint32_t>::max(), "more than 4294967295 ratings, fewer was expected");
  if (raw_.is_full()) limit_.take(bytes_of_rating * Chunks<RawRating>::chunk_size);
  if (!times_.empty() || !std::isnan(time)) keep_time(time);
  raw_.push_back(rating);
}

/// A level each: the 256th distinct value is one too many, and said at its line.
void RatingCollector::note_value(double value) {
  if (!options_.rating_levels.empty() || options_.duplicates == Duplicates::mean) return;
  if (std::find(values_.begin(), values_.end(), value) != values_.end()) return;
  require(values_.size() < std::numeric_limits<Level>::max(),
          "a 256th distinct rating value, at most 255 distinct values in all was expected: rating_levels makes levels "
          "of more, such as quantiles:10, log:10 or edges like 1,10,100");
  values_.push_back(value);
}

void RatingCollector::keep_time(double time) {
  do {
    if (times_.is_full()) limit_.take(sizeof(double) * Chunks<double>::chunk_size);
    times_.push_back(times_.size() == raw_.size() ? time : no_time);
  } while (times_.size() <= raw_.size());
}

/// Positions of all ratings, user by user, each user's in the order of adding.
std::vector<std::uint32_t> RatingCollector::user_by_user() const {
  std::vector<std::uint32_t> next(users().ids().size() + 1), order(raw_.size());
  for (std::size_t k = 0; k < raw_.size(); ++k) ++next[static_cast<std::size_t>(raw_[k].user) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (std::size_t k = 0; k < raw_.size(); ++k)
    order[next[static_cast<std::size_t>(raw_[k].user)]++] = static_cast<std::uint32_t>(k);
  return order;
}

void RatingCollector::merge_duplicates() {
  struct Seen {
    Index user = removed;
    std::uint32_t rating = 0;
  };
  std::vector<Seen> seen(items().ids().size());  // of each item, by the user at hand
  for (const std::uint32_t position : user_by_user()) {
    const RawRating& rating = raw_[position];
    Seen& of_item = seen[static_cast<std::size_t>(rating.item)];
    if (of_item.user == rating.user)
      of_item.rating = static_cast<std::uint32_t>(merge(of_item.rating, position));
    else
      of_item = {rating.user, position};
  }
  for (const auto& [position, sum] : sums_) raw_[position].value = sum.first / static_cast<double>(sum.second);
}

/// Of two ratings of one pair one is removed. Returns the other.
std::size_t RatingCollector::merge(std::size_t earlier, std::size_t later) {
  const auto keep = [&](bool the_later) {
    raw_[the_later ? earlier : later].user = removed;
    return the_later ? later : earlier;
  };
  if (part_of(earlier) != part_of(later)) {
    ++report_.held_out;
    return keep(true);
  }
  ++report_.duplicates;
  const bool turned = !times_.empty() && times_[later] < times_[earlier];  // false where a time is not known
  switch (options_.duplicates) {
    case Duplicates::last:
      return keep(!turned);
    case Duplicates::first:
      return keep(turned);
    case Duplicates::mean: {
      auto& sum = sums_.try_emplace(earlier, raw_[earlier].value, 1).first->second;
      sum.first += raw_[later].value;
      ++sum.second;
      return keep(false);
    }
    case Duplicates::error:
      break;
  }
  const RawRating& rating = raw_[later];
  throw InputError("user " + shown(users().ids()[static_cast<std::size_t>(rating.user)]) + " rates item " +
                   shown(items().ids()[static_cast<std::size_t>(rating.item)]) +
                   " twice, one rating of each pair was expected: duplicates says which of them counts");
}

void RatingCollector::note(const std::vector<double>& values, const std::vector<std::size_t>& counts) {
  for (std::string& note : notes_on_values(values, counts, !options_.not_rated.empty()))
    report_.notes.push_back(std::move(note));
}

void RatingCollector::bin_values() {
  limit_.take(static_cast<Offset>(24 * raw_.size()));
  std::vector<double> values;
  values.reserve(raw_.size());
  for (std::size_t k = 0; k < raw_.size(); ++k)
    if (raw_[k].user != removed) values.push_back(raw_[k].value);
  std::sort(values.begin(), values.end());
  const ValueBins bins(options_.rating_levels, values);
  for (std::size_t k = 0; k < raw_.size(); ++k)
    if (raw_[k].user != removed) raw_[k].value = bins.mean_of_bin(raw_[k].value);
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
}

/// The times of the ratings that count, as the options want them.
std::vector<double> RatingCollector::take_times() {
  const Chunks<double> times = std::move(times_);
  const bool needed = options_.times == Times::needed;
  std::vector<double> kept;
  require(!needed || !times.empty() || raw_.empty(),
          [&] { return report_.place + ": the ratings have no times, by which they are to be split"; });
  if (options_.times == Times::passed_over || times.empty()) return kept;
  limit_.take(static_cast<Offset>(sizeof(double) * raw_.size()));
  kept.reserve(raw_.size());
  for (std::size_t k = 0; k < raw_.size(); ++k) {
    if (raw_[k].user == removed) continue;
    kept.push_back(k < times.size() ? times[k] : no_time);
    require(!needed || !std::isnan(kept.back()), [&] {
      return report_.place + ": user " + shown(users().ids()[static_cast<std::size_t>(raw_[k].user)]) + " rates item " +
             shown(items().ids()[static_cast<std::size_t>(raw_[k].item)]) +
             " at no time, and the ratings are to be split by their times";
    });
  }
  return kept;
}

Ratings RatingCollector::finish(const std::string& name) {
  merge_duplicates();
  std::vector<double> times = take_times();
  const bool binned = !options_.rating_levels.empty() && !raw_.empty();
  if (binned) bin_values();
  builder_.reserve(raw_.size());
  for (std::size_t k = 0;; ++k) {
    if (k == valid_begin_) builder_.begin_valid();
    if (k == test_begin_) builder_.begin_test();
    if (k == raw_.size()) break;
    if (const RawRating& rating = raw_[k]; rating.user != removed) builder_.add(rating.user, rating.item, rating.value);
  }
  raw_ = {};
  Ratings ratings = builder_.finish(name);
  ratings.times = std::move(times);
  std::vector<std::size_t> counts(ratings.levels.size());
  for (const Rating& entry : ratings.entries) ++counts[entry.level];
  if (!binned) note(ratings.levels, counts);
  return ratings;
}

}  // namespace gcmc
