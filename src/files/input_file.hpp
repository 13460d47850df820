// A regular file that is read: InputError where the path is wrong, FileError where the disk fails.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "gcmc/base/views.hpp"
#include "system_error.hpp"

namespace gcmc {

class InputFile {
 public:
  explicit InputFile(std::string path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe is refused, not waited for
    if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR)) throw InputError(path_ + ": no such file");
    if (descriptor_ < 0) fail();
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
      size_ = static_cast<Offset>(status.st_size);
      return;
    }
    ::close(descriptor_);
    throw InputError(path_ + ": not a file");
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { ::close(descriptor_); }

  Offset size() const { return size_; }

  /// The next `size` bytes. False at the end of the file.
  bool read(void* data, std::size_t size) {
    constexpr std::size_t largest_call = std::size_t{1} << 30;
    char* next = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t count = ::read(descriptor_, next, size < largest_call ? size : largest_call);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      if (count == 0) return false;
      next += count;
      size -= static_cast<std::size_t>(count);
    }
    return true;
  }

  void skip(Offset bytes) {
    if (::lseek(descriptor_, bytes, SEEK_CUR) < 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw_system_error(path_ + ": cannot be read", errno); }

  std::string path_;
  int descriptor_ = -1;
  Offset size_ = 0;
};

}  // namespace gcmc
