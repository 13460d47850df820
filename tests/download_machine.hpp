// A machine of a test's own to find and download data sets on.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "scratch_folder.hpp"

/// A machine of its own: an empty cache, a folder that archives are downloaded from, no GCMC_DATA_DIR.
class Machine {
 public:
  Machine() {
    std::filesystem::create_directories(folder_ / "server");
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    setenv("GCMC_DATA_URL", ("file://" + (folder_ / "server/")).c_str(), 1);
    for (const char* name : {"GCMC_DATA_DIR", "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) unsetenv(name);
  }
  ~Machine() {
    for (const char* name : {"XDG_CACHE_HOME", "GCMC_DATA_URL", "GCMC_DATA_DIR"}) unsetenv(name);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void offer(const std::string& archive, const std::string& bytes) const {
    write_bytes(folder_ / ("server/" + archive), bytes);
  }
  std::string make(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
    write_bytes(folder_ / path, text);
    return folder_ / path;
  }
  std::string operator/(const std::string& path) const { return folder_ / path; }

  /// How many things lie in the machine's folder and in its cache, hidden and temporary ones too.
  std::size_t entries() const { return count(folder_ / ""); }
  std::size_t cached() const { return count(folder_ / "cache/gcmc"); }

  std::vector<std::string> cached_names() const { return names_in(folder_ / "cache/gcmc"); }

 private:
  static std::size_t count(const std::string& folder) {
    std::error_code none;
    const std::filesystem::directory_iterator entries(folder, none);
    return none ? 0 : static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

  ScratchFolder folder_;
};
