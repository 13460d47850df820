// What items are called, for people who read answers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data_limit.hpp"

namespace gcmc {

/// A title for each id, "" where there is none, from u.item, movies.dat, or a table with a column that is named title
/// or name. None at all where there is no such file or it cannot be read: titles are never worth an error.
std::vector<std::string> read_titles(const std::filesystem::path& path, const std::vector<std::string>& item_ids,
                                     DataLimit& limit);

}  // namespace gcmc
