// The right to download a set: one process at a time has it.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "../system_error.hpp"

namespace gcmc {

/// A lock of a file (flock), which ends with the process that holds it; the file goes with its last holder.
class DownloadLock {
 public:
  explicit DownloadLock(const std::filesystem::path& path) : path_(path.string()) {}
  DownloadLock(const DownloadLock&) = delete;
  DownloadLock& operator=(const DownloadLock&) = delete;
  ~DownloadLock() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(descriptor_);
  }

  /// False while another holds it.
  bool try_take() {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ < 0) fail();
    const int code = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (code == 0 && is_in_place()) return true;
    ::close(std::exchange(descriptor_, -1));
    errno = code;
    if (code != 0 && code != EWOULDBLOCK && code != EINTR) fail();
    return false;
  }

 private:
  /// Whoever held it may have removed it between our two calls.
  bool is_in_place() const {
    struct stat opened {
    }, there{};
    return ::fstat(descriptor_, &opened) == 0 && ::lstat(path_.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
           opened.st_dev == there.st_dev;
  }
  [[noreturn]] void fail() const { throw_system_error(path_ + ": cannot be locked", errno); }

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace gcmc
