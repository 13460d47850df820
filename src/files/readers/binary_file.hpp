// Ratings in the binary form that write_binary_ratings writes.
#pragma once

#include <string>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Does the file begin as the binary form does? False for what is no regular file.
bool is_binary_ratings(const std::string& path);

/// An empty `name` is that in the file, or the file's. Every number in it is checked before it is used. Throws
/// InputError for a file that is damaged, and for options that are for text.
Ratings read_binary_ratings(const std::string& path, const std::string& name, const ReadOptions& options,
                            ReadReport& report);

}  // namespace gcmc
