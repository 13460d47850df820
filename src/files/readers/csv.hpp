// The ratings.csv layout: a folder with any table of ratings of that name.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// ratings.csv. What lies beside it of users or items is not used unless the options name it; a note says so.
Ratings read_csv(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report);

}  // namespace gcmc
