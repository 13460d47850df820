// Entries of a folder that give their places to new ones, all of them or none.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "system_error.hpp"

namespace gcmc {

/// Renames, undone in reverse order at the end unless kept. All paths are on one file system. A process that is killed
/// leaves what was moved so far: so the order of calls is what a reader of the folder may see.
class Swap {
 public:
  Swap() = default;
  Swap(const Swap&) = delete;
  Swap& operator=(const Swap&) = delete;
  ~Swap() {
    for (auto move = moves_.rbegin(); move != moves_.rend(); ++move)
      std::rename(move->second.c_str(), move->first.c_str());
  }

  /// Throws as throw_system_error.
  void move(const std::string& from, const std::string& to) {
    moves_.emplace_back(from, to);
    if (std::rename(from.c_str(), to.c_str()) == 0) return;
    const int problem = errno;
    moves_.pop_back();
    throw_system_error(from + ": cannot be moved to " + to, problem);
  }
  void keep() { moves_.clear(); }

 private:
  std::vector<std::pair<std::string, std::string>> moves_;
};

}  // namespace gcmc
