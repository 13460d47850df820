// The bytes of a file or of standard input, inflated where they are gzip's.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../system_error.hpp"
#include "data_limit.hpp"

namespace gcmc {

class ByteSource {
 public:
  static constexpr const char* standard_input = "-";

  /// `limit` hears of the file's size. Throws InputError or FileError where the file cannot be opened.
  ByteSource(const std::string& path, DataLimit& limit)
      : name_(path == standard_input ? "standard input" : path), limit_(limit), raw_(raw_size) {
    descriptor_ = path == standard_input ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw_system_error(name_ + ": cannot be opened", errno);
    struct stat status {};
    sized_ = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    if (sized_) limit_.add_bytes(status.st_size);
  }
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource() {
    if (inflating_) inflateEnd(&stream_);
    ::close(descriptor_);
  }

  const std::string& name() const { return name_; }

  /// At least one byte and at most `size` into `to`; 0 at the end. Throws InputError if gzip data is damaged or cut,
  /// FileError if the file cannot be read.
  std::size_t read(char* to, std::size_t size) {
    if (!begun_) begin();
    if (inflating_) return inflate_some(to, size);
    if (next_ == end_) return read_raw(to, size);
    const std::size_t count = std::min(size, end_ - next_);
    std::memcpy(to, raw_.data() + next_, count);
    next_ += count;
    return count;
  }

 private:
  static constexpr std::size_t raw_size = 1 << 16;

  /// Reads until there is enough to tell gzip's first two bytes.
  void begin() {
    begun_ = true;
    while (end_ < 2) {
      const std::size_t count = read_raw(raw_.data() + end_, raw_.size() - end_);
      if (count == 0) return;
      end_ += count;
    }
    if (!at_gzip()) return;
    constexpr int gzip_alone = 15 + 16;
    if (inflateInit2(&stream_, gzip_alone) != Z_OK) throw std::bad_alloc();
    inflating_ = true;
  }

  bool at_gzip() const { return end_ - next_ >= 2 && std::memcmp(raw_.data() + next_, "\x1F\x8B", 2) == 0; }

  std::size_t read_raw(char* to, std::size_t size) {
    for (;;) {
      const ssize_t count = ::read(descriptor_, to, size);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_system_error(name_ + ": cannot be read", errno);
      if (!sized_) limit_.add_bytes(count);
      return static_cast<std::size_t>(count);
    }
  }

  std::size_t inflate_some(char* to, std::size_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(std::min(size, std::size_t{1} << 30));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && !ended_) inflate_step();
    const uInt count = wanted - stream_.avail_out;
    inflated_ += count;
    limit_.inflated(inflated_);
    return count;
  }

  void inflate_step() {
    if (next_ == end_) {
      next_ = 0;
      end_ = read_raw(raw_.data(), raw_.size());
      if (end_ == 0) throw InputError(name_ + ": cut gzip data: its end is missing");
    }
    stream_.next_in = reinterpret_cast<Bytef*>(raw_.data() + next_);
    stream_.avail_in = static_cast<uInt>(end_ - next_);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    next_ = end_ - stream_.avail_in;
    if (code == Z_STREAM_END)
      next_member();
    else if (code != Z_OK && code != Z_BUF_ERROR)
      throw InputError(name_ + ": damaged gzip data" + (stream_.msg ? std::string(": ") + stream_.msg : ""));
  }

  /// A gzip file may be several, one behind the other; what is behind and is none is passed over, as gzip does.
  void next_member() {
    if (end_ - next_ < 2) {
      std::memmove(raw_.data(), raw_.data() + next_, end_ - next_);
      end_ -= std::exchange(next_, 0);
      end_ += read_raw(raw_.data() + end_, raw_.size() - end_);
    }
    if (at_gzip())
      inflateReset(&stream_);
    else
      ended_ = true;
  }

  std::string name_;
  DataLimit& limit_;
  int descriptor_ = -1;
  std::vector<char> raw_;
  std::size_t next_ = 0, end_ = 0;  ///< of raw_, read and not yet used
  bool sized_ = false, begun_ = false, inflating_ = false, ended_ = false;
  Offset inflated_ = 0;
  z_stream stream_{};
};

}  // namespace gcmc
