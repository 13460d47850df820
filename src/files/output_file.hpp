// A file that appears under its name only once it is whole, and the folder calls that saving needs.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include "system_error.hpp"

namespace gcmc {

/// Makes renames inside `folder` survive a power cut. File systems that cannot do this are left alone.
inline void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Writes to path.tmp; commit() puts it under `path`. Without a commit nothing is left.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw_system_error(path_ + ": cannot be written", errno);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!committed_) ::unlink(temporary_.c_str());
  }

  void write(const void* data, std::size_t size) {
    constexpr std::size_t largest_call = std::size_t{1} << 30;
    const char* next = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(descriptor_, next, size < largest_call ? size : largest_call);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_system_error(path_ + ": cannot be written", errno);
      next += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void commit() {
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS)
      throw_system_error(path_ + ": cannot be written", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) throw_system_error(path_ + ": cannot be written", errno);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw_system_error(path_ + ": cannot be replaced", errno);
    committed_ = true;
    const auto slash = path_.rfind('/');
    sync_folder(slash == std::string::npos ? "." : path_.substr(0, slash + 1));
  }

 private:
  std::string path_, temporary_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace gcmc
