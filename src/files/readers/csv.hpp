// The ratings.csv layout: a folder with any table of ratings of that name.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// ratings.csv, with movies.csv where it is there and can be used.
Ratings read_csv(const std::filesystem::path& folder, const std::string& name, const ReadOptions& options,
                 ReadReport& report);

}  // namespace gcmc
