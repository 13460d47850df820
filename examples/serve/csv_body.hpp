// Bodies: what they are, and pairs as CSV.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gcmc/files/rating_files.hpp"
#include "http.hpp"

namespace serve {

/// Pairs as gcmc predict reads them from a file. Throws Problem 400.
std::vector<gcmc::IdPair> pairs_of_csv(const std::string& text);

}  // namespace serve
