// Arrays and matrices in a backend's memory, which free themselves.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/backend/backend.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {

/// An array in a backend's memory that frees itself. Zero at first. The backend must outlive it.
template <class B, class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(B& backend, Offset size) : backend_(&backend), size_(size) {
    if (size > 0) data_ = static_cast<T*>(backend.allocate(bytes()));
  }
  Buffer(B& backend, const std::vector<T>& values) : Buffer(backend, static_cast<Offset>(values.size())) {
    set(values);
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer() {
    if (data_) backend_->release(data_, bytes());
  }

  T* data() const { return data_; }
  Offset size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }
  explicit operator bool() const { return data_ != nullptr; }

  /// Throws InputError unless there is a value for each element.
  void set(std::span<const T> values) {
    require(static_cast<Offset>(values.size()) == size_, [&] {
      return "buffer: " + std::to_string(values.size()) + " values for " + std::to_string(size_) + " elements";
    });
    if (size_ > 0) backend_->copy_to_device(data_, values.data(), bytes());
  }
  /// The first element. Waits for the operations that write it.
  T front() const {
    T value;
    backend_->copy_to_host(&value, data_, sizeof(T));
    return value;
  }
  std::vector<T> get() const {
    std::vector<T> values(static_cast<std::size_t>(size_));
    if (size_ > 0) backend_->copy_to_host(values.data(), data_, bytes());
    return values;
  }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  B* backend_ = nullptr;
  T* data_ = nullptr;
  Offset size_ = 0;
};

/// A padded matrix in a backend's memory.
template <class B, class T>
class Matrix {
 public:
  Matrix() = default;
  /// stride 0: row_stride<T>(columns).
  Matrix(B& backend, Index rows, Index columns, Index stride = 0)
      : rows_(rows),
        columns_(columns),
        stride_(stride ? stride : row_stride<T>(columns)),
        buffer_(backend, Offset{rows} * stride_) {}

  MatrixView<T> view() const { return {buffer_.data(), rows_, columns_, stride_}; }
  MatrixView<const T> const_view() const { return view(); }
  BlockMatrix<T> as_block() const { return {buffer_.data(), 1, rows_, columns_, stride_}; }
  Buffer<B, T>& buffer() { return buffer_; }
  explicit operator bool() const { return static_cast<bool>(buffer_); }

  /// Unpadded values, row by row.
  std::vector<T> get() const {
    const std::vector<T> padded = buffer_.get();
    std::vector<T> values(static_cast<std::size_t>(rows_) * columns_);
    for (Offset i = 0; i < rows_; ++i)
      for (Offset c = 0; c < columns_; ++c) values[i * columns_ + c] = padded[i * stride_ + c];
    return values;
  }
  /// From unpadded values, row by row. Throws InputError unless there is a value for each element.
  void set(std::span<const T> values) {
    require(static_cast<Offset>(values.size()) == Offset{rows_} * columns_, [&] {
      return "matrix: " + std::to_string(values.size()) + " values for " + std::to_string(rows_) + " x " +
             std::to_string(columns_) + " elements";
    });
    std::vector<T> padded(static_cast<std::size_t>(buffer_.size()));
    for (Offset i = 0; i < rows_; ++i)
      for (Offset c = 0; c < columns_; ++c) padded[i * stride_ + c] = values[i * columns_ + c];
    buffer_.set(padded);
  }

 private:
  Index rows_ = 0, columns_ = 0, stride_ = 0;
  Buffer<B, T> buffer_;
};

}  // namespace gcmc
