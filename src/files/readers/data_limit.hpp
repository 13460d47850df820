// The memory that reading a file may take: bounded by its size, so that no small file takes the machine's.
#pragma once

#include <string>

#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// What is taken is told before it is taken, at its peak (a growing array and its copy). The bound is 64 MB and 16
/// times the bytes that the file has, or that have come out of a pipe so far, each `spread` times where records are
/// short and what is kept of them is not; or what the user allows.
class DataLimit {
 public:
  class Exceeded : public InputError {
   public:
    using InputError::InputError;
  };

  DataLimit(std::string path, Offset allowed_megabytes, Offset spread = 1)
      : path_(std::move(path)), allowed_(allowed_megabytes * megabyte), spread_(spread) {}

  /// The file, or the files, have so many more bytes.
  void add_bytes(Offset bytes) { bytes_ += bytes; }

  /// Throws Exceeded if that is more than may be taken.
  void take(Offset bytes) {
    taken_ += bytes;
    if (taken_ > bound()) refuse("takes more than " + std::to_string(bound() / megabyte) + " MB of memory");
  }
  void give_back(Offset bytes) { taken_ -= bytes; }

  /// Inflated text that takes no memory still takes time.
  void inflated(Offset bytes) const {
    if (allowed_ == 0 && bytes > largest_inflation * bytes_ + megabyte)
      refuse("is compressed more than " + std::to_string(largest_inflation) + " times");
  }

  Offset bytes() const { return bytes_; }
  Offset bound() const { return allowed_ > 0 ? allowed_ : spread_ * (base + times_the_file * bytes_); }

 private:
  static constexpr Offset megabyte = 1 << 20, base = 64 * megabyte, times_the_file = 16, largest_inflation = 128;

  [[noreturn]] void refuse(const std::string& what) const {
    throw Exceeded(path_ + ": a file of " + std::to_string(bytes_) + " bytes " + what +
                   ", which is refused: if it is as you want it, raise data_limit");
  }

  std::string path_;
  Offset allowed_, spread_, bytes_ = 0, taken_ = 0;
};

}  // namespace gcmc
