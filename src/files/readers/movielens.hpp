// MovieLens' own formats: ml-100k (tabs and bars) and ml-1m, ml-10m (double colons).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// `split` is u1..u5, ua, ub or random; empty means u1 where u1.base is there, else random.
Ratings read_ml_100k(const std::filesystem::path& folder, const std::string& name, std::string_view split,
                     const ReadOptions& options, ReadReport& report);
bool is_ml_100k_split(std::string_view split);

/// ratings.dat, with users.dat and movies.dat where they are there.
Ratings read_dat(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report);

}  // namespace gcmc
