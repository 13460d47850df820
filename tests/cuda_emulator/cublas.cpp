// cuBLAS: C = alpha op(A) op(B) + beta C, column-major, in plain loops, and the argument checks of its documentation.
#include "cublas_v2.h"

#include "library.hpp"

struct cublasContext {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;  ///< null: the library's own
  std::size_t workspace_bytes = 0;
  bool device_scalars = false;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  int device = 0;
};

namespace emulator {
namespace {

bool alive(cublasHandle_t handle) { return handle && state().objects.count(handle); }

template <class F>
cublasStatus_t with_handle(const char* call, cublasHandle_t handle, F body) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED,
                      [&] { return alive(handle) ? body() : CUBLAS_STATUS_NOT_INITIALIZED; });
}

template <class T>
struct Gemm {
  cublasOperation_t operation_a, operation_b;
  int m, n, k;
  const T* a;
  int lda;
  long long stride_a;
  const T* b;
  int ldb;
  long long stride_b;
  T* c;
  int ldc;
  long long stride_c;
  int batch;
};

/// Elements from the first of a batch of column-major matrices to the last.
std::int64_t extent(std::int64_t rows, std::int64_t columns, std::int64_t ld, std::int64_t stride, std::int64_t batch) {
  return rows == 0 || columns == 0 || batch == 0 ? 0 : (batch - 1) * stride + (columns - 1) * ld + rows;
}

/// Columns of the next product lie behind this one's, or between its columns.
template <class T>
bool disjoint(const Gemm<T>& g) {
  if (g.stride_c >= extent(g.m, g.n, g.ldc, 0, 1)) return true;
  return g.stride_c >= g.m && (g.batch - 1) * g.stride_c + g.m <= g.ldc;
}

/// cublas<t>gemmStridedBatched(): "CUBLAS_STATUS_INVALID_VALUE: If m, n, k < 0 or batchCount < 0, or if transa or
/// transb is not one of N, C, T, or if lda < max(1, m) if transa == N and lda < max(1, k) otherwise, or if ldb < max(1,
/// k) if transb == N and ldb < max(1, n) otherwise, or if ldc < max(1, m)". The C of a batch may not overlap.
template <class T>
bool documented(const Gemm<T>& g) {
  const auto operation = [](cublasOperation_t o) { return o >= CUBLAS_OP_N && o <= CUBLAS_OP_C; };
  const bool plain_a = g.operation_a == CUBLAS_OP_N, plain_b = g.operation_b == CUBLAS_OP_N;
  if (!operation(g.operation_a) || !operation(g.operation_b)) return false;
  if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0) return false;
  if (g.lda < std::max(1, plain_a ? g.m : g.k) || g.ldb < std::max(1, plain_b ? g.k : g.n) || g.ldc < std::max(1, g.m))
    return false;
  if (g.stride_a < 0 || g.stride_b < 0 || g.stride_c < 0) return false;
  return g.batch <= 1 || disjoint(g);
}

/// Every element that the product touches lies in a live allocation: not checked by cuBLAS, which would fault.
template <class T>
std::string outside(const Gemm<T>& g) {
  const bool plain_a = g.operation_a == CUBLAS_OP_N, plain_b = g.operation_b == CUBLAS_OP_N;
  const std::int64_t a = extent(plain_a ? g.m : g.k, plain_a ? g.k : g.m, g.lda, g.stride_a, g.batch);
  const std::int64_t b = extent(plain_b ? g.k : g.n, plain_b ? g.n : g.k, g.ldb, g.stride_b, g.batch);
  const std::int64_t c = extent(g.m, g.n, g.ldc, g.stride_c, g.batch);
  const auto check = [](const char* name, const T* pointer, std::int64_t count) {
    return is_array(pointer, count, sizeof(T))
               ? std::string()
               : text("gemm: %s: %s", name,
                      check_device_range(pointer, static_cast<std::size_t>(count) * sizeof(T)).c_str());
  };
  return check("a", g.a, a) + check("b", g.b, b) + check("c", g.c, c);
}

template <class T>
void multiply(const Gemm<T>& g, T alpha, T beta, int number) {
  const std::size_t m = static_cast<std::size_t>(g.m), k = static_cast<std::size_t>(g.k);
  const T* a = g.a + number * g.stride_a;
  const T* b = g.b + number * g.stride_b;
  std::vector<T> packed(m * k);  // op(A), column by column
  for (std::size_t p = 0; p < k; ++p)
    for (std::size_t i = 0; i < m; ++i)
      packed[p * m + i] = g.operation_a == CUBLAS_OP_N ? a[p * static_cast<std::size_t>(g.lda) + i]
                                                       : a[i * static_cast<std::size_t>(g.lda) + p];
  std::vector<T> sum(m);
  for (std::size_t j = 0; j < static_cast<std::size_t>(g.n); ++j) {
    std::fill(sum.begin(), sum.end(), T(0));
    for (std::size_t p = 0; p < k; ++p) {
      const T factor = g.operation_b == CUBLAS_OP_N ? b[j * static_cast<std::size_t>(g.ldb) + p]
                                                    : b[p * static_cast<std::size_t>(g.ldb) + j];
      const T* column = packed.data() + p * m;
      for (std::size_t i = 0; i < m; ++i) sum[i] += column[i] * factor;
    }
    T* c = g.c + number * g.stride_c + j * static_cast<std::size_t>(g.ldc);
    // "if beta == 0, C does not have to be a valid input"
    for (std::size_t i = 0; i < m; ++i) c[i] = beta == T(0) ? alpha * sum[i] : alpha * sum[i] + beta * c[i];
  }
}

template <class T>
cublasStatus_t gemm(const char* call, cublasHandle_t handle, const Gemm<T>& g, const T* alpha, const T* beta) {
  return with_handle(call, handle, [&] {
    if (!documented(g) || !is_scalar(alpha, handle->device_scalars, sizeof(T)) ||
        !is_scalar(beta, handle->device_scalars, sizeof(T)))
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!valid(handle->stream) || handle->device != host_thread().device) return CUBLAS_STATUS_EXECUTION_FAILED;
    if (g.m == 0 || g.n == 0 || g.batch == 0) return CUBLAS_STATUS_SUCCESS;
    if (const std::string what = outside(g); !what.empty()) return enqueue_fault<cublasStatus_t>(handle->stream, what);
    if (handle->workspace && !check_device_range(handle->workspace, handle->workspace_bytes).empty())
      return enqueue_fault<cublasStatus_t>(handle->stream,
                                           "gemm: its workspace has been freed: " + describe(handle->workspace));
    const auto work = [g, a = scalar<T>(alpha, handle->device_scalars), b = scalar<T>(beta, handle->device_scalars),
                       workspace = handle->workspace, bytes = handle->workspace_bytes] {
      if (workspace) std::memset(workspace, 0xFF, std::min<std::size_t>(bytes, 65536));  // used, as nobody else may
      for (int i = 0; i < g.batch; ++i) multiply(g, a(), b(), i);
    };
    return enqueue(handle->stream, {"kernel", work}) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                    : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  return library_call(__func__, CUBLAS_STATUS_NOT_INITIALIZED, [&] {
    if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
    if (forbid_during_capture() != cudaSuccess) return CUBLAS_STATUS_ALLOC_FAILED;  // it allocates device memory
    *handle = new cublasContext;
    (*handle)->device = host_thread().device;
    state().objects[*handle] = "cuBLAS handle";
    return CUBLAS_STATUS_SUCCESS;
  });
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  const std::lock_guard lock(state().mutex);
  if (!alive(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (state().sticky == cudaSuccess) finish_all();  // "cublasDestroy() ... cudaDeviceSynchronize() will be called"
  state().objects.erase(handle);
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
/// "unconditionally resets the cuBLAS library workspace back to the default workspace pool"
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return with_handle(__func__, handle, [&] {
    if (!valid(stream)) return CUBLAS_STATUS_INVALID_VALUE;
    handle->stream = stream;
    handle->workspace = nullptr;
    return CUBLAS_STATUS_SUCCESS;
  });
}
/// "The workspace pointer must be aligned to at least 256 bytes, otherwise CUBLAS_STATUS_INVALID_VALUE".
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  return with_handle(__func__, handle, [&] {
    if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0 || !workspace) return CUBLAS_STATUS_INVALID_VALUE;
    if (!check_device_range(workspace, bytes).empty()) return CUBLAS_STATUS_INVALID_VALUE;
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
  });
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return with_handle(__func__, handle, [&] {
    const int base = mode & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    if (base != CUBLAS_DEFAULT_MATH && base != CUBLAS_PEDANTIC_MATH && base != CUBLAS_TF32_TENSOR_OP_MATH)
      return CUBLAS_STATUS_INVALID_VALUE;
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  return with_handle(__func__, handle, [&] {
    handle->device_scalars = mode == CUBLAS_POINTER_MODE_DEVICE;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t operation_a,
                                         cublasOperation_t operation_b, int m, int n, int k, const float* alpha,
                                         const float* a, int lda, long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc, long long stride_c,
                                         int batch) {
  return gemm<float>(__func__, handle,
                     {operation_a, operation_b, m, n, k, a, lda, stride_a, b, ldb, stride_b, c, ldc, stride_c, batch},
                     alpha, beta);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t operation_a,
                                         cublasOperation_t operation_b, int m, int n, int k, const double* alpha,
                                         const double* a, int lda, long long stride_a, const double* b, int ldb,
                                         long long stride_b, const double* beta, double* c, int ldc, long long stride_c,
                                         int batch) {
  return gemm<double>(__func__, handle,
                      {operation_a, operation_b, m, n, k, a, lda, stride_a, b, ldb, stride_b, c, ldc, stride_c, batch},
                      alpha, beta);
}
