// MovieLens archives from GroupLens into a folder of this machine.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// Is `name` a set that GroupLens offers for download?
bool is_downloadable(const std::string& name);

/// Downloads NAME.zip from $GCMC_DATA_URL (default: GroupLens), unpacks it, and renames its folder to cache/NAME once
/// it is whole and `is_right` of it. Throws InputError with the reason if that fails; nothing half-done is left.
void download(const std::string& name, const std::filesystem::path& cache,
              const std::function<bool(const std::filesystem::path&)>& is_right,
              const std::function<void(Offset, Offset)>& progress);

}  // namespace gcmc
