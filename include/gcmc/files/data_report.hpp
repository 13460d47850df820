// What a set of ratings holds, for programs and as a picture.
#pragma once

#include <string>

#include "gcmc/base/export.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/statistics.hpp"

namespace gcmc {

/// A time as readers keep it: seconds or milliseconds since 1970 as 1998-04-22 23:10:38 (UTC), a date as it was,
/// another number as it is.
GCMC_EXPORT std::string time_text(double time);

/// The statistics, and what the reader counted and noted.
GCMC_EXPORT std::string data_json(const RatingStatistics& statistics, const ReadReport& read);

/// Ratings by level, and users and items by their number of ratings. Self-contained, 960 x 540, light background.
GCMC_EXPORT std::string data_svg(const RatingStatistics& statistics);

}  // namespace gcmc
