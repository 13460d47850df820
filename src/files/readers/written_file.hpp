// A file that a download or an archive is written to: a full disk is an error.
#pragma once

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "../system_error.hpp"

namespace gcmc {

class WrittenFile {
 public:
  /// `mode` as fopen takes it.
  WrittenFile(const std::filesystem::path& path, const char* mode)
      : path_(path.string()), file_(std::fopen(path_.c_str(), mode)) {
    if (!file_) fail();
  }
  WrittenFile(const WrittenFile&) = delete;
  WrittenFile& operator=(const WrittenFile&) = delete;
  ~WrittenFile() {
    if (file_) std::fclose(file_);
  }
  void write(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail();
  }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw_system_error(path_ + ": cannot be written", errno); }

  std::string path_;
  std::FILE* file_;
};

}  // namespace gcmc
