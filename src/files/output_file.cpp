// Files written whole or not at all, and outputs that a user names, which may be pipes and devices.
#include "output_file.hpp"

#include <charconv>
#include <cstdio>

#include "gcmc/files/run_folder.hpp"

namespace gcmc {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  remove_leftovers_beside(path_);
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

namespace {

/// Calls use(path) for `path` and for each that its links lead to, until that is no link or use() says so; the last
/// one.
template <class Use>
std::filesystem::path follow_links(std::filesystem::path path, const Use& use) {
  std::error_code problem;
  for (int links = 0; !use(path) && std::filesystem::is_symlink(path, problem); ++links) {
    if (links == 40) throw_system_error(path.string() + ": cannot be written", ELOOP);
    const std::filesystem::path next = std::filesystem::read_symlink(path, problem);
    if (problem) break;
    path = path.parent_path() / next;
  }
  return path;
}

/// Which of this process' descriptors a path means, as /dev/stdout and /dev/fd/3 do; -1: none. What such a descriptor
/// is open for is written behind what is there, not replaced.
int descriptor_named(const std::string& path) {
  int number = -1;
  follow_links(path, [&](const std::filesystem::path& at) {
    std::error_code problem;
    const std::string name = at.filename().string();
    const bool is_own = std::filesystem::equivalent(at.parent_path(), "/proc/self/fd", problem);
    if (is_own) std::from_chars(name.data(), name.data() + name.size(), number);
    return number >= 0;
  });
  return number;
}

}  // namespace

UserOutput::UserOutput(const std::string& path) : path_(path) {
  if (path == "-") {
    path_ = "standard output";
    stream_ = Descriptor(::dup(STDOUT_FILENO));
  } else if (const int named = descriptor_named(path); named >= 0) {
    stream_ = Descriptor(::dup(named));
  } else {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) {
      file_.emplace(follow_links(path, [](const auto&) { return false; }).string());
      return;
    }
    stream_ = Descriptor(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
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
