// A file mapped into memory to be read: pages come when they are looked at, and go when memory is short.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>
#include <string>

#include "temporary.hpp"

namespace gcmc {

class MappedFile {
 public:
  /// A regular file that is not empty. Throws as throw_system_error.
  explicit MappedFile(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!file.is_open() || ::fstat(file.number(), &status) != 0) throw_system_error(path + ": cannot be opened", errno);
    if (!S_ISREG(status.st_mode) || status.st_size == 0) throw InputError(path + ": not a file, or an empty one");
    size_ = static_cast<std::size_t>(status.st_size);
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (data_ == MAP_FAILED) throw_system_error(path + ": cannot be mapped", errno);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { ::munmap(data_, size_); }

  const unsigned char* data() const { return static_cast<const unsigned char*>(data_); }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gcmc
