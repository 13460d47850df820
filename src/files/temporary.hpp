// Names of our own for what is not whole yet: beside the place that it will take, unique, never through a link; and
// what killed processes left of them.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "system_error.hpp"

namespace gcmc {

/// A descriptor that is closed at its end.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  /// 0, or -1 and errno: what was written may have been lost.
  int close() { return ::close(release()); }

 private:
  int number_;
};

inline constexpr std::string_view temporary_mark = ".gcmc-";  ///< between the name and six letters

/// ".NAME.gcmc-" of what is beside `target`, a name that is too long for that cut.
inline std::string temporary_stem(const std::filesystem::path& target) {
  constexpr std::size_t longest_name = 255, letters = 6;
  return "." + target.filename().string().substr(0, longest_name - 1 - temporary_mark.size() - letters) +
         std::string(temporary_mark);
}

/// Calls make(path) with new names ".NAME.gcmc-XXXXXX" beside `target` until it does not end with EEXIST; the path.
/// Throws as throw_system_error.
template <class Make>
std::string make_beside(const std::string& target, const Make& make) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  const std::filesystem::path place(target);
  std::random_device random;
  for (int tries = 0;; ++tries) {
    std::string name = temporary_stem(place);
    for (int k = 0; k < 6; ++k) name += letters[random() % letters.size()];
    std::string path = (place.parent_path() / name).string();
    if (make(path) == 0) return path;
    if (errno != EEXIST || tries > 100) throw_system_error(target + ": cannot be written", errno);
  }
}

/// Gives `path` the mode of `old` and, where this user may, its owner.
inline void take_mode(const std::string& old, const std::string& path) {
  struct stat status {};
  if (::lstat(old.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) return;
  [[maybe_unused]] const int not_allowed = ::chown(path.c_str(), status.st_uid, status.st_gid);
  ::chmod(path.c_str(), status.st_mode & 0777);
}

/// A new folder beside `target`, removed with all it holds at the end. Locked meanwhile, so that who clears away knows.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& target)
      : path_(make_beside(target, [](const std::string& path) { return ::mkdir(path.c_str(), 0777); })),
        lock_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    ::flock(lock_.number(), LOCK_EX | LOCK_NB);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Descriptor lock_;
};

/// In a temporary folder: where a model that is replaced piece by piece waits.
inline constexpr const char* older_model = "/older-model";

/// Removes from `folder` what processes that are no more left under names of make_beside, of any target or, with a
/// `stem`, of one. What is in use is locked; what holds the pieces of a model is left to its owner.
inline void remove_leftovers(const std::string& folder, const std::string& stem = ".") {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto mark = name.rfind(temporary_mark);
    if (!name.starts_with(stem) || mark == std::string::npos || name.size() != mark + temporary_mark.size() + 6)
      continue;
    const Descriptor left(::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    const std::filesystem::path older = entry.path().string() + older_model;
    const bool holds_older =
        std::filesystem::is_directory(older, ignored) && !std::filesystem::is_empty(older, ignored);
    if (left.is_open() && !holds_older && ::flock(left.number(), LOCK_EX | LOCK_NB) == 0)
      std::filesystem::remove_all(entry.path(), ignored);
  }
}
/// What such processes left of `target` alone.
inline void remove_leftovers_beside(const std::filesystem::path& target) {
  remove_leftovers(target.parent_path().string(), temporary_stem(target));
}

/// Makes renames inside `folder` survive a power cut. File systems that cannot do this are left alone.
inline void sync_folder(const std::string& folder) {
  const Descriptor open(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.is_open()) ::fsync(open.number());
}

}  // namespace gcmc
