// A table of ratings that lies in several files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// The file itself; of a folder all files under it, in the order of their paths, but for those whose names, or whose
/// folders' names, begin with . or _ (marks such as _SUCCESS). Throws InputError where the folder cannot be read or has
/// none.
std::vector<std::string> files_at(const std::string& path);

/// What a folder holds that is no known set itself.
struct FolderContent {
  std::filesystem::path set;       ///< the only folder under it, or the folder, that holds a known set's ratings
  std::vector<std::string> parts;  ///< else the files of a table
};

/// Where several files have the name of a known set's ratings, or another begins with the same line, these are the
/// parts; where none has it, all files are. Files that the options name are none of them. Throws InputError where
/// folders of several known sets lie in it.
FolderContent content_of(const std::filesystem::path& folder, const ReadOptions& options);

/// As read_rating_file, of parts in their order: each with a header of its own, or with none and the columns of the
/// first. `place` is told, and names the set unless `name` does.
Ratings read_rating_parts(const std::vector<std::string>& parts, const std::string& place, const std::string& name,
                          const ReadOptions& options, ReadReport& told);

}  // namespace gcmc
