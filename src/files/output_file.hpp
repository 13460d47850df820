// A file that appears under its name only once it is whole.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "temporary.hpp"

namespace gcmc {

/// Writes under a name of its own beside `path`; commit() puts it under `path`, in place of what is there, whose mode
/// (and where this user may, owner) it takes. Without a commit nothing is left. Throws InputError where the path is
/// wrong, FileError where the disk fails.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  void write(const void* data, std::size_t size);
  void commit();

 private:
  std::string path_, temporary_;
  Descriptor file_;
  bool committed_ = false;
};

/// What a user names as output, written piece by piece: "-" is standard output, a link is followed, a pipe or a device
/// is written to; anything else appears at commit(). Throws as OutputFile.
class UserOutput {
 public:
  explicit UserOutput(const std::string& path);

  void write(std::string_view text);
  void commit();

 private:
  std::string path_;
  std::optional<OutputFile> file_;
  Descriptor stream_;
};

/// All of `data` to an open file that messages name `path`.
void write_all(int descriptor, const void* data, std::size_t size, const std::string& path);

}  // namespace gcmc
