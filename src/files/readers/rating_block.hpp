// The ratings of a piece of a file, numbered among themselves, before they come to those of the pieces before.
#pragma once

#include <algorithm>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/builder.hpp"

namespace gcmc {

struct RawRating {
  Index user, item;
  double value;
};

struct RatingBlock {
  /// A value, and where the block has it first.
  struct FirstSight {
    double value;
    std::string place;
  };

  IdTable users, items;
  std::vector<RawRating> ratings;
  std::vector<double> times;       ///< one a rating
  std::vector<FirstSight> values;  ///< the distinct ones, no more than one too many for levels
  ReadReport report;               ///< of the piece's lines
  std::exception_ptr error;        ///< what came behind the last rating
  Offset bytes = 0;                ///< of the file, as far as they are known

  /// Throws InputError for a value that is no rating's.
  template <class Place>
  void add(std::string_view user, std::string_view item, double value, double time, const Place& place) {
    RatingsBuilder::require_value(value);
    if (std::none_of(values.begin(), values.end(), [&](const FirstSight& first) { return first.value == value; }) &&
        values.size() <= std::numeric_limits<Level>::max())
      values.push_back({value, place()});
    ratings.push_back({users.add(user), items.add(item), value});
    times.push_back(time);
  }

  void clear() {
    ratings.clear(), times.clear(), values.clear();
    users = {}, items = {}, report = {}, error = {};
  }
};

}  // namespace gcmc
