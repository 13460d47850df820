// What the handles and descriptors of cuSPARSE hold.
#pragma once

#include "cusparse.h"
#include "library.hpp"

struct cusparseContext {
  cudaStream_t stream = nullptr;
  bool device_scalars = false;
};

struct cusparseSpMatDescr {
  std::int64_t rows, columns, nonzeros;
  const void *offsets, *column_indices, *values;
  bool wide;  ///< 64-bit indices
  int base;
  cudaDataType type;
  // What cusparseSpMM_preprocess left: "makes that buffer active for matA".
  mutable void* active = nullptr;
  mutable std::uint64_t mark = 0;  ///< written at the buffer's beginning
  mutable std::vector<std::int64_t> parameters = {};
};

struct cusparseDnMatDescr {
  std::int64_t rows, columns, ld;
  const void* values;
  cudaDataType type;
  bool row_major;

  /// Elements from the first to the last.
  std::int64_t extent() const {
    if (rows == 0 || columns == 0) return 0;
    return row_major ? (rows - 1) * ld + columns : (columns - 1) * ld + rows;
  }
};

namespace emulator {

inline bool alive(const void* handle) { return handle && state().objects.count(handle); }

template <class F>
cusparseStatus_t cusparse_call(const char* name, F body) {
  return library_call(name, CUSPARSE_STATUS_EXECUTION_FAILED, body);
}

}  // namespace emulator
