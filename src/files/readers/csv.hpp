// The ratings.csv layout, and records of comma-separated values after RFC 4180.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// ratings.csv, with movies.csv where it is there.
Ratings read_csv(const std::filesystem::path& folder, const std::string& name);

}  // namespace gcmc
