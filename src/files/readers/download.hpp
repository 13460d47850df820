// MovieLens archives from GroupLens, or from a mirror, into a folder of this machine.
#pragma once

#include <filesystem>
#include <functional>

#include "gcmc/files/readers.hpp"
#include "known_sets.hpp"

namespace gcmc {

/// Downloads the set's archive, as the request says, and gives its folder the name cache/NAME once it is checked:
/// NAME.zip.md5 where the server has it, the bounds of the set, `is_right` of the folder, and the number of its ratings
/// where it comes from GroupLens itself. Waits for another process that downloads it. What may stay in `cache` of a
/// download that failed is a part to go on with; a process that is killed may leave more, which the next one removes.
void download(const KnownSet& set, const std::filesystem::path& cache, const DataRequest& request,
              const std::function<bool(const std::filesystem::path&)>& is_right);

}  // namespace gcmc
