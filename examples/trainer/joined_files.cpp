#include "joined_files.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "gcmc/base/error.hpp"

namespace {

/// False once nobody reads any more.
bool put(int file, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(file, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    bytes -= static_cast<std::size_t>(written);
  }
  return true;
}

bool is_gzipped(const std::filesystem::path& path) { return path.extension() == ".gz"; }

}  // namespace

JoinedFiles::JoinedFiles(std::vector<std::filesystem::path> files) : files_(std::move(files)) {
  for (const auto& file : files_) gcmc::require(std::ifstream(file).good(), file.string() + ": cannot be read");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw gcmc::FileError(std::string("no pipe can be had to join files: ") + std::strerror(errno));
  read_end_ = ends[0];
  write_end_ = ends[1];
  try {
    writer_ = std::thread([this] { write(); });
  } catch (const std::system_error& problem) {
    ::close(read_end_);
    ::close(write_end_);
    throw gcmc::FileError("no thread can be started to join files: " + problem.code().message());
  }
}

JoinedFiles::~JoinedFiles() {
  ::close(read_end_);  // a writer that is not done finds nobody there
  writer_.join();
}

std::string JoinedFiles::with_file_named(const std::string& message) const {
  const std::string before_line = path() + ":";
  const std::size_t at = message.find(before_line);
  if (at == std::string::npos || std::any_of(files_.begin(), files_.end(), is_gzipped)) return message;
  char* rest = nullptr;
  long long left = std::strtoll(message.c_str() + at + before_line.size(), &rest, 10);
  std::string header, line;
  for (const auto& path : files_) {
    std::ifstream file(path, std::ios::binary);
    for (long long number = 1; std::getline(file, line); ++number) {
      if (number == 1 && header.empty())
        header = line;
      else if (number == 1 && line == header)
        continue;
      if (--left == 0) return message.substr(0, at) + path.string() + ":" + std::to_string(number) + rest;
    }
  }
  return message;
}

void JoinedFiles::write() const {
  sigset_t all;
  sigfillset(&all);  // signals are others' business; a broken pipe is told by write()
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::string header, line;
  std::vector<char> buffer(1 << 16);
  bool goes_on = true;
  for (std::size_t k = 0; k < files_.size() && goes_on; ++k) {
    std::ifstream file(files_[k], std::ios::binary);
    char last = '\n';
    if (!is_gzipped(files_[k]) && std::getline(file, line)) {
      if (!file.eof()) line += '\n';
      if (k == 0) header = line;
      if (k == 0 || line != header) {
        goes_on = put(write_end_, line.data(), line.size());
        last = line.back();
      }
    }
    while (goes_on && file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())).gcount() > 0) {
      goes_on = put(write_end_, buffer.data(), static_cast<std::size_t>(file.gcount()));
      last = buffer[static_cast<std::size_t>(file.gcount()) - 1];
    }
    if (goes_on && last != '\n' && !is_gzipped(files_[k])) goes_on = put(write_end_, "\n", 1);
    if (goes_on && file.bad()) {
      const std::string told = files_[k].string() + ": cannot be read further\n";
      goes_on = put(write_end_, told.data(), told.size()) && false;
    }
  }
  ::close(write_end_);
}
