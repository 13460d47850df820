// Files written whole or not at all, and outputs that a user names, which may be pipes and devices.
#include "output_file.hpp"

#include <cstdio>

#include "gcmc/files/run_folder.hpp"

namespace gcmc {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  temporary_ = make_beside(path_, [&](const std::string& name) {
    file_ = Descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    return file_.is_open() ? 0 : -1;
  });
  ::flock(file_.number(), LOCK_EX | LOCK_NB);
  take_mode(path_, temporary_);
}

OutputFile::~OutputFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, std::size_t size) { write_all(file_.number(), data, size, path_); }

void OutputFile::commit() {
  if (::fsync(file_.number()) != 0 && errno != EINVAL && errno != EROFS)
    throw_system_error(path_ + ": cannot be written", errno);
  if (file_.close() != 0) throw_system_error(path_ + ": cannot be written", errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw_system_error(path_ + ": cannot be replaced", errno);
  committed_ = true;
  sync_folder(std::filesystem::path(path_).parent_path().string());
}

void write_all(int descriptor, const void* data, std::size_t size, const std::string& path) {
  constexpr std::size_t largest_call = std::size_t{1} << 30;
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, next, size < largest_call ? size : largest_call);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error(path + ": cannot be written", errno);
    next += written;
    size -= static_cast<std::size_t>(written);
  }
}

void write_file_atomically(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

UserOutput::UserOutput(const std::string& path) : path_(path) {
  if (path == "-") {
    path_ = "standard output";
    stream_ = Descriptor(::dup(STDOUT_FILENO));
  } else {
    std::error_code none;
    const std::filesystem::path target = std::filesystem::weakly_canonical(path, none);  // where links lead
    struct stat status {};
    const bool there = !none && ::stat(target.c_str(), &status) == 0;
    if (!there || S_ISREG(status.st_mode)) {
      file_.emplace(none ? path : target.string());
      return;
    }
    stream_ = Descriptor(::open(target.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  }
  if (!stream_.is_open()) throw_system_error(path_ + ": cannot be written", errno);
}

void UserOutput::write(std::string_view text) {
  if (file_)
    file_->write(text.data(), text.size());
  else
    write_all(stream_.number(), text.data(), text.size(), path_);
}

void UserOutput::commit() {
  if (file_)
    file_->commit();
  else if (stream_.close() != 0)
    throw_system_error(path_ + ": cannot be written", errno);
}

void write_output(const std::string& path, const std::string& text) {
  UserOutput output(path);
  output.write(text);
  output.commit();
}

}  // namespace gcmc
