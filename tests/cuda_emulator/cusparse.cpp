// cuSPARSE SpMM: C = alpha op(A) op(B) + beta C for a CSR matrix A, in plain loops, and the checks of its
// documentation.
#include "cusparse_matrix.hpp"

namespace emulator {
namespace {

std::size_t size_of(cudaDataType type) { return type == CUDA_R_32F ? 4 : 8; }

struct SpMM {
  cusparseHandle_t handle;
  cusparseOperation_t operation_a, operation_b;
  const void* alpha;
  cusparseConstSpMatDescr_t a;
  cusparseConstDnMatDescr_t b;
  const void* beta;
  cusparseConstDnMatDescr_t c;
  cudaDataType compute_type;
  cusparseSpMMAlg_t algorithm;

  bool transposed_a() const { return operation_a == CUSPARSE_OPERATION_TRANSPOSE; }
  bool transposed_b() const { return operation_b == CUSPARSE_OPERATION_TRANSPOSE; }
  /// "must use the same values for all parameters as the call to cusparseSpMM_preprocess": the values of A may change,
  /// its indices may not.
  std::vector<std::int64_t> parameters() const {
    return {operation_a,
            operation_b,
            compute_type,
            algorithm,
            reinterpret_cast<std::intptr_t>(a->offsets),
            reinterpret_cast<std::intptr_t>(a->column_indices)};
  }
  std::size_t buffer_bytes() const { return 256 + 8 * static_cast<std::size_t>(a->rows); }
};

/// cusparseSpMM(): A, B, C and the computation have one type; 32-bit or 64-bit indices; op(A) m x k, op(B) k x n, C
/// m x n; CSR_ALG3 only for op(A) = A. Mixed orders and index widths are documented nowhere and refused here.
cusparseStatus_t check(const SpMM& s) {
  if (!alive(s.handle)) return CUSPARSE_STATUS_NOT_INITIALIZED;
  if (!alive(s.a) || !alive(s.b) || !alive(s.c)) return CUSPARSE_STATUS_INVALID_VALUE;
  if (!is_scalar(s.alpha, s.handle->device_scalars, size_of(s.compute_type)) ||
      !is_scalar(s.beta, s.handle->device_scalars, size_of(s.compute_type)))
    return CUSPARSE_STATUS_INVALID_VALUE;
  if (s.a->type != s.compute_type || s.b->type != s.compute_type || s.c->type != s.compute_type)
    return CUSPARSE_STATUS_NOT_SUPPORTED;
  const auto known = {CUSPARSE_SPMM_ALG_DEFAULT, CUSPARSE_SPMM_CSR_ALG1, CUSPARSE_SPMM_CSR_ALG2,
                      CUSPARSE_SPMM_CSR_ALG3};
  if (std::find(known.begin(), known.end(), s.algorithm) == known.end()) return CUSPARSE_STATUS_NOT_SUPPORTED;
  if (s.algorithm == CUSPARSE_SPMM_CSR_ALG3 && s.transposed_a()) return CUSPARSE_STATUS_NOT_SUPPORTED;
  if (s.b->row_major != s.c->row_major) return CUSPARSE_STATUS_NOT_SUPPORTED;
  const std::int64_t m = s.transposed_a() ? s.a->columns : s.a->rows, k = s.transposed_a() ? s.a->rows : s.a->columns;
  const std::int64_t b_rows = s.transposed_b() ? s.b->columns : s.b->rows;
  const std::int64_t b_columns = s.transposed_b() ? s.b->rows : s.b->columns;
  if (m != s.c->rows || k != b_rows || b_columns != s.c->columns) return CUSPARSE_STATUS_INVALID_VALUE;
  return CUSPARSE_STATUS_SUCCESS;
}

/// Where an array leaves its allocation, cuSPARSE would fault.
std::string outside(const SpMM& s) {
  const std::size_t index = s.a->wide ? 8 : 4, value = size_of(s.compute_type);
  if (!is_array(s.a->offsets, s.a->rows + 1, index)) return "SpMM: the row offsets lie outside device memory";
  if (!is_array(s.a->column_indices, s.a->nonzeros, index)) return "SpMM: the column indices lie outside device memory";
  if (!is_array(s.a->values, s.a->nonzeros, value)) return "SpMM: the values of A lie outside device memory";
  if (!is_array(s.b->values, s.b->extent(), value)) return "SpMM: B lies outside device memory";
  if (!is_array(s.c->values, s.c->extent(), value)) return "SpMM: C lies outside device memory";
  return {};
}

template <class T>
T& element(const cusparseDnMatDescr& matrix, std::int64_t row, std::int64_t column) {
  T* values = static_cast<T*>(const_cast<void*>(matrix.values));
  return values[matrix.row_major ? row * matrix.ld + column : column * matrix.ld + row];
}

std::int64_t index_at(const void* indices, bool wide, std::int64_t i) {
  return wide ? static_cast<const std::int64_t*>(indices)[i] : static_cast<const std::int32_t*>(indices)[i];
}

/// Only CSR_ALG3 gives equal bits in every run: rows of the others are summed from a random entry on.
template <class T>
void multiply(const cusparseSpMatDescr& a, const cusparseDnMatDescr& b, const cusparseDnMatDescr& c, bool transposed_a,
              bool transposed_b, bool reproducible, T alpha, T beta) {
  std::vector<T> sum(static_cast<std::size_t>(c.rows * c.columns), T(0));
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const std::int64_t first = index_at(a.offsets, a.wide, row) - a.base;
    const std::int64_t last = index_at(a.offsets, a.wide, row + 1) - a.base;
    if (first < 0 || last < first || last > a.nonzeros)
      return report(text("SpMM: the offsets of row %td are wrong", row));
    const std::int64_t count = last - first;
    const auto start =
        reproducible || count == 0 ? 0 : static_cast<std::int64_t>(random_below(static_cast<std::uint64_t>(count)));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t entry = first + (start + i) % count;
      const std::int64_t column = index_at(a.column_indices, a.wide, entry) - a.base;
      if (column < 0 || column >= a.columns) return report(text("SpMM: column index %td is out of range", entry));
      const T factor = static_cast<const T*>(a.values)[entry];
      const std::int64_t from = transposed_a ? row : column, to = transposed_a ? column : row;
      T* out = sum.data() + to * c.columns;
      for (std::int64_t n = 0; n < c.columns; ++n)
        out[n] += factor * (transposed_b ? element<T>(b, n, from) : element<T>(b, from, n));
    }
  }
  for (std::int64_t row = 0; row < c.rows; ++row)
    for (std::int64_t n = 0; n < c.columns; ++n) {
      T& out = element<T>(c, row, n);
      const T product = alpha * sum[static_cast<std::size_t>(row * c.columns + n)];
      out = beta == T(0) ? product : product + beta * out;
    }
}

template <class T>
std::function<void()> work_of(const SpMM& s, void* buffer) {
  const bool is_active = s.a->active == buffer;
  return [a = *s.a, b = *s.b, c = *s.c, transposed_a = s.transposed_a(), transposed_b = s.transposed_b(),
          reproducible = s.algorithm == CUSPARSE_SPMM_CSR_ALG3, alpha = scalar<T>(s.alpha, s.handle->device_scalars),
          beta = scalar<T>(s.beta, s.handle->device_scalars), buffer, is_active, bytes = s.buffer_bytes()] {
    // "Importantly, the buffer contents must be unmodified since the call to cusparseSpMM_preprocess."
    if (is_active && std::memcmp(buffer, &a.mark, sizeof a.mark) != 0)
      report("SpMM: its preprocessed buffer has been overwritten");
    if (!is_active) std::memset(buffer, 0xFF, bytes);
    multiply<T>(a, b, c, transposed_a, transposed_b, reproducible, alpha(), beta());
  };
}

cusparseStatus_t run(const SpMM& s, void* buffer, bool preprocess) {
  if (const auto status = check(s)) return status;
  // The buffer is as large as cusparseSpMM_bufferSize said.
  if (!buffer || !check_device_range(buffer, s.buffer_bytes()).empty()) return CUSPARSE_STATUS_INVALID_VALUE;
  if (const std::string what = outside(s); !what.empty())
    return enqueue_fault<cusparseStatus_t>(s.handle->stream, what);
  std::function<void()> work;
  if (preprocess) {
    static std::uint64_t marks = 0;
    s.a->active = buffer;
    s.a->parameters = s.parameters();
    s.a->mark = ++marks * 0x9E3779B97F4A7C15u;
    work = [buffer, mark = s.a->mark] { std::memcpy(buffer, &mark, sizeof mark); };
  } else {
    if (s.a->active == buffer && s.a->parameters != s.parameters()) return CUSPARSE_STATUS_INVALID_VALUE;
    work = s.compute_type == CUDA_R_32F ? work_of<float>(s, buffer) : work_of<double>(s, buffer);
  }
  return enqueue(s.handle->stream, {"kernel", std::move(work)}) == cudaSuccess ? CUSPARSE_STATUS_SUCCESS
                                                                               : CUSPARSE_STATUS_EXECUTION_FAILED;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cusparseStatus_t cusparseSpMM_bufferSize(cusparseHandle_t handle, cusparseOperation_t operation_a,
                                         cusparseOperation_t operation_b, const void* alpha,
                                         cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b, const void* beta,
                                         cusparseDnMatDescr_t c, cudaDataType compute_type, cusparseSpMMAlg_t algorithm,
                                         std::size_t* bytes) {
  return cusparse_call(__func__, [&] {
    const SpMM s{handle, operation_a, operation_b, alpha, a, b, beta, c, compute_type, algorithm};
    const cusparseStatus_t status = check(s);
    if (status == CUSPARSE_STATUS_SUCCESS) *bytes = s.buffer_bytes();
    return status;
  });
}
cusparseStatus_t cusparseSpMM_preprocess(cusparseHandle_t handle, cusparseOperation_t operation_a,
                                         cusparseOperation_t operation_b, const void* alpha,
                                         cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b, const void* beta,
                                         cusparseDnMatDescr_t c, cudaDataType compute_type, cusparseSpMMAlg_t algorithm,
                                         void* buffer) {
  return cusparse_call(__func__, [&] {
    return run({handle, operation_a, operation_b, alpha, a, b, beta, c, compute_type, algorithm}, buffer, true);
  });
}
cusparseStatus_t cusparseSpMM(cusparseHandle_t handle, cusparseOperation_t operation_a, cusparseOperation_t operation_b,
                              const void* alpha, cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b,
                              const void* beta, cusparseDnMatDescr_t c, cudaDataType compute_type,
                              cusparseSpMMAlg_t algorithm, void* buffer) {
  return cusparse_call(__func__, [&] {
    return run({handle, operation_a, operation_b, alpha, a, b, beta, c, compute_type, algorithm}, buffer, false);
  });
}
