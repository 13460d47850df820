// A file that is read: InputError where the path is wrong, FileError where the disk fails.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "gcmc/base/views.hpp"
#include "system_error.hpp"

namespace gcmc {

class InputFile {
 public:
  /// A regular file. With `pipes`, also a pipe or a device, whose writer is waited for, and whose size() is 0.
  explicit InputFile(std::string path, bool pipes = false) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | (pipes ? 0 : O_NONBLOCK));
    if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR)) throw InputError(path_ + ": no such file");
    if (descriptor_ < 0) fail();
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0) {
      if (S_ISREG(status.st_mode)) size_ = static_cast<Offset>(status.st_size);
      if (S_ISREG(status.st_mode) || (pipes && !S_ISDIR(status.st_mode))) return;
    }
    ::close(descriptor_);
    throw InputError(path_ + ": not a file");
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { ::close(descriptor_); }

  Offset size() const { return size_; }

  /// The next `size` bytes. False at the end of the file.
  bool read(void* data, std::size_t size) { return read_most(data, size) == size; }

  /// The next `size` bytes, fewer at the end of the file. Returns how many.
  std::size_t read_most(void* data, std::size_t size) {
    constexpr std::size_t largest_call = std::size_t{1} << 30;
    std::size_t filled = 0;
    while (filled < size) {
      const ssize_t count =
          ::read(descriptor_, static_cast<char*>(data) + filled, std::min(size - filled, largest_call));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    return filled;
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
