// The Arrow C data interface: the structs that any library of frames hands out (arrow.apache.org/docs/format).
#pragma once

#include <cstdint>
#include <vector>

#include "data_column.hpp"

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

/// One of them, which is released at the end.
template <class T>
class ArrowOwned : public T {
 public:
  ArrowOwned() : T{} {}
  ArrowOwned(ArrowOwned&& other) noexcept : T(other) { other.release = nullptr; }
  explicit ArrowOwned(T* handed) : T(*handed) { handed->release = nullptr; }
  ArrowOwned& operator=(ArrowOwned&&) = delete;
  ~ArrowOwned() {
    if (this->release) this->release(this);
  }
};

/// The columns of a stream of tables, or the one of a stream of arrays, whose memory they keep. Does not copy. Calls
/// back into the library that made the stream. Throws InputError with what it says where it fails.
std::vector<DataColumn> columns_of(ArrowOwned<ArrowArrayStream> stream);
