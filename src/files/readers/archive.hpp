// Zip archives: their unpacking, bounded before anything is written.
#pragma once

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// Unpacks into `folder`. Entries are stored or deflated, at most 1000; by what is declared, and then by what comes,
/// they have at most `largest` bytes, and 100 times the archive's size or 16 MB. Throws InputError for any other
/// archive, for one that is damaged and for names that lead outside; what was unpacked until then stays.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder, Offset largest);

/// A folder that is removed with all it holds at the end.
class PassingFolder {
 public:
  explicit PassingFolder(std::filesystem::path path) : path_(std::move(path)) {}
  PassingFolder(const PassingFolder&) = delete;
  PassingFolder& operator=(const PassingFolder&) = delete;
  ~PassingFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The folders at the top of what was unpacked, less those of macOS.
std::vector<std::filesystem::path> top_folders(const std::filesystem::path& unpacked);

}  // namespace gcmc
