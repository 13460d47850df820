// Files of one run that appear under their names together, so that a run which fails leaves an older one whole.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/files/run_folder.hpp"

class StagedFiles {
 public:
  StagedFiles() = default;
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;
  /// Files that were not put in place go.
  ~StagedFiles() {
    std::error_code ignored;
    for (const auto& [written, path] : files_) std::filesystem::remove(written, ignored);
  }

  /// Writes `text` beside `path`. Throws as write_file_atomically.
  void write(const std::filesystem::path& path, const std::string& text) {
    files_.emplace_back(path.string() + ".new", path);
    gcmc::write_file_atomically(files_.back().first, text);
  }

  /// Puts all of them in place. Throws FileError.
  void commit() {
    for (const auto& [written, path] : files_) {
      std::error_code problem;
      std::filesystem::rename(written, path, problem);
      if (problem) throw gcmc::FileError(path.string() + ": cannot be replaced: " + problem.message());
    }
    files_.clear();
  }

 private:
  std::vector<std::pair<std::string, std::filesystem::path>> files_;
};
