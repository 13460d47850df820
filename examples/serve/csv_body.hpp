// Bodies: what they are, and pairs as CSV.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gcmc/files/rating_files.hpp"
#include "http.hpp"

namespace serve {

/// The body's media type in lower case, without parameters.
std::string media_type(const Request& request);

/// The body, which must be JSON. Throws Problem 415 if it says that it is something else; what programs send unasked
/// (nothing, and the form of curl -d) passes.
std::string_view json_body(const Request& request);

/// Pairs as gcmc predict reads them from a file. Throws Problem 400.
std::vector<gcmc::IdPair> pairs_of_csv(const std::string& text);

}  // namespace serve
