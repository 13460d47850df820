// The parts of a table, read as one.
#pragma once

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

/// While it lives, path() can be read once, from its beginning to its end: the files one after the other, each ended by
/// a line break, without a first line that repeats the first file's (their header). Gzipped files are joined as they
/// are. Where reading fails midway a last line says so, which is no rating.
class JoinedFiles {
 public:
  /// Throws gcmc::InputError for a file that cannot be opened, FileError where no pipe or thread can be had.
  explicit JoinedFiles(std::vector<std::filesystem::path> files);
  ~JoinedFiles();
  JoinedFiles(const JoinedFiles&) = delete;
  JoinedFiles& operator=(const JoinedFiles&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(read_end_); }

  /// A message about a line of path(), with the file and line that it comes from instead. Reads the files again for it.
  std::string with_file_named(const std::string& message) const;

 private:
  void write() const;

  const std::vector<std::filesystem::path> files_;
  int read_end_ = -1, write_end_ = -1;
  std::thread writer_;
};
