// A lock that one process at a time has, and that ends with it however that ends.
#pragma once

#include <string>
#include <utility>

#include "temporary.hpp"

namespace gcmc {

/// Of a file of its own (flock), which is never opened through a link and goes with its holder.
class FileLock {
 public:
  enum class Answer { taken, busy, unsupported };  ///< the last one where the file system has no locks

  explicit FileLock(std::string path) : path_(std::move(path)) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (held_) ::unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }

  /// Throws as throw_system_error if the file cannot be made. Where locks are unsupported, it is held all the same.
  Answer try_take() {
    for (;;) {
      file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666));
      if (!file_.is_open()) throw_system_error(path_ + ": cannot be locked", errno);
      if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        held_ = errno != EWOULDBLOCK;
        return held_ ? Answer::unsupported : Answer::busy;
      }
      held_ = is_in_place();
      if (held_) return Answer::taken;
    }
  }

  int number() const { return file_.number(); }  ///< of the open file, after try_take()

 private:
  /// Whoever held it may have removed it between our two calls.
  bool is_in_place() const {
    struct stat opened {
    }, there{};
    return ::fstat(file_.number(), &opened) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
           opened.st_ino == there.st_ino && opened.st_dev == there.st_dev;
  }

  std::string path_;
  Descriptor file_;
  bool held_ = false;
};

}  // namespace gcmc
