// A growing array in pieces, so that growing copies nothing and takes no second array.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace gcmc {

template <class T>
class Chunks {
 public:
  static constexpr std::size_t chunk_size = 1 << 15;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Does the next push_back take memory, for chunk_size elements?
  bool is_full() const { return size_ == chunks_.size() * chunk_size; }

  void push_back(const T& value) {
    if (is_full()) chunks_.push_back(std::make_unique_for_overwrite<T[]>(chunk_size));
    chunks_.back()[size_++ % chunk_size] = value;
  }
  T& operator[](std::size_t k) { return chunks_[k / chunk_size][k % chunk_size]; }
  const T& operator[](std::size_t k) const { return chunks_[k / chunk_size][k % chunk_size]; }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace gcmc
