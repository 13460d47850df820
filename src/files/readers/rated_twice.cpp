#include "rated_twice.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "gcmc/base/ranges.hpp"

namespace gcmc {
namespace {

using Position = std::uint32_t;  // of a rating

/// All ratings, user by user, in groups of users that threads can take.
class UserGroups {
 public:
  UserGroups(std::span<const Rating> ratings, std::size_t users, int threads) : ratings_(ratings) {
    const std::size_t wanted = std::clamp<std::size_t>(ratings.size() >> 14, 1, most);
    while (users > wanted << shift_) ++shift_;
    count_ = (users + (std::size_t{1} << shift_) - 1) >> shift_;
    if (users_ascend(threads))
      find_groups();
    else
      sort(threads);
  }

  std::size_t count() const { return count_; }

  /// Calls visit(position) for the group's ratings, users ascending, each user's ratings in the order of adding.
  /// `room` is memory to be used again.
  template <class Visit>
  void visit(std::size_t group, std::vector<Position>& room, const Visit& visit) const {
    if (order_.empty()) {
      for (std::size_t k = begin_[group]; k < begin_[group + 1]; ++k) visit(k);
      return;
    }
    const std::span<const Position> positions(order_.data() + begin_[group], begin_[group + 1] - begin_[group]);
    const std::size_t users = std::size_t{1} << shift_;
    room.assign(users + 1 + positions.size(), 0);
    Position *next = room.data(), *by_user = next + users + 1;
    const auto user_of = [&](Position k) { return static_cast<std::size_t>(ratings_[k].user) & (users - 1); };
    for (const Position k : positions) ++next[user_of(k) + 1];
    std::partial_sum(next, next + users + 1, next);
    for (const Position k : positions) by_user[next[user_of(k)]++] = k;
    for (std::size_t k = 0; k < positions.size(); ++k) visit(by_user[k]);
  }

 private:
  static constexpr std::size_t most = 256;

  std::size_t group_of(const Rating& rating) const { return static_cast<std::size_t>(rating.user) >> shift_; }

  bool users_ascend(int threads) const {
    std::atomic<bool> all = true;
    for_each_range(threads, ratings_.size(), [&](std::size_t begin, std::size_t end) {
      bool ascend = true;
      for (std::size_t k = std::max<std::size_t>(begin, 1); k < end; ++k)
        ascend &= ratings_[k - 1].user <= ratings_[k].user;
      if (!ascend) all = false;
    });
    return all;
  }

  void find_groups() {
    for (std::size_t group = 0; group <= most; ++group)
      begin_[group] = static_cast<std::size_t>(
          std::partition_point(ratings_.begin(), ratings_.end(), [&](const Rating& r) { return group_of(r) < group; }) -
          ratings_.begin());
  }

  /// Positions by group, each group's ascending: ranges of ratings are counted, and then have their places.
  void sort(int threads) {
    std::vector<std::array<std::size_t, most>> next((ratings_.size() + range_size - 1) / range_size);
    for_each_range(threads, ratings_.size(), [&](std::size_t begin, std::size_t end) {
      auto& counts = next[begin / range_size];
      for (std::size_t k = begin; k < end; ++k) ++counts[group_of(ratings_[k])];
    });
    std::size_t place = 0;
    for (std::size_t group = 0; group < most; ++group) {
      begin_[group] = place;
      for (auto& range : next) place += std::exchange(range[group], place);
    }
    begin_[most] = place;
    order_.resize(ratings_.size());
    for_each_range(threads, ratings_.size(), [&](std::size_t begin, std::size_t end) {
      auto places = next[begin / range_size];
      for (std::size_t k = begin; k < end; ++k) order_[places[group_of(ratings_[k])]++] = static_cast<Position>(k);
    });
  }

  std::span<const Rating> ratings_;
  int shift_ = 0;  ///< of a user's number, for its group's
  std::size_t count_ = 0;
  std::array<std::size_t, most + 1> begin_{};
  std::vector<Position> order_;  ///< empty: as the ratings stand
};

/// Merges one group after the other.
class Merger {
 public:
  Merger(std::vector<Rating>& ratings, std::vector<double>& values, std::size_t items, const MergeRule& rule)
      : ratings_(ratings), values_(values), rule_(rule), seen_(items) {}

  MergeCounts merge(const UserGroups& groups, std::size_t group) {
    counts_ = {};
    sums_.clear();
    groups.visit(group, room_, [&](std::size_t position) {
      const Rating& rating = ratings_[position];
      Seen& of_item = seen_[static_cast<std::size_t>(rating.item)];
      if (of_item.user == rating.user)
        of_item.rating = static_cast<Position>(merge(of_item.rating, position));
      else
        of_item = {rating.user, static_cast<Position>(position)};
    });
    for (const auto& [position, sum] : sums_) values_[position] = sum.first / static_cast<double>(sum.second);
    return counts_;
  }

 private:
  struct Seen {
    Index user = removed;
    Position rating = 0;
  };

  int part_of(std::size_t rating) const { return (rating >= rule_.valid_begin) + (rating >= rule_.test_begin); }

  /// Of two ratings of one pair one is removed. Returns the other.
  std::size_t merge(std::size_t earlier, std::size_t later) {
    const auto keep = [&](bool the_later) {
      ratings_[the_later ? earlier : later].user = removed;
      return the_later ? later : earlier;
    };
    if (part_of(earlier) != part_of(later)) {
      ++counts_.held_out;
      return keep(true);
    }
    ++counts_.duplicates;
    const bool turned =
        !rule_.times.empty() && rule_.times[later] < rule_.times[earlier];  // false where one is not known
    switch (rule_.which) {
      case Duplicates::last:
        return keep(!turned);
      case Duplicates::first:
        return keep(turned);
      case Duplicates::mean: {
        auto& sum = sums_.try_emplace(earlier, values_[earlier], 1).first->second;
        sum.first += values_[later];
        ++sum.second;
        return keep(false);
      }
      case Duplicates::error:
        break;
    }
    rule_.refuse(ratings_[later]);
    return later;
  }

  std::vector<Rating>& ratings_;
  std::vector<double>& values_;
  const MergeRule& rule_;
  std::vector<Seen> seen_;  ///< of each item, by the user at hand
  std::vector<Position> room_;
  MergeCounts counts_;
  std::unordered_map<std::size_t, std::pair<double, Offset>> sums_;  ///< of merged ratings, for their mean
};

}  // namespace

MergeCounts merge_rated_twice(std::vector<Rating>& ratings, std::vector<double>& values, std::size_t users,
                              std::size_t items, const MergeRule& rule, int threads) {
  const UserGroups groups(ratings, users, threads);
  struct Result {
    MergeCounts counts;
    std::exception_ptr error;
  };
  std::vector<Result> results(groups.count());
  std::atomic<std::size_t> next = 0;
  run_parallel(threads, static_cast<Offset>(results.size()), [&](Offset) {
    std::optional<Merger> merger;  // a thread's, for all groups that it takes
    for (std::size_t group; (group = next++) < results.size();) try {
        if (!merger) merger.emplace(ratings, values, items, rule);
        results[group].counts = merger->merge(groups, group);
      } catch (...) {
        results[group].error = std::current_exception();
      }
  });
  MergeCounts all;
  for (const Result& result : results) {
    if (result.error) std::rethrow_exception(result.error);
    all.duplicates += result.counts.duplicates;
    all.held_out += result.counts.held_out;
  }
  return all;
}

}  // namespace gcmc
