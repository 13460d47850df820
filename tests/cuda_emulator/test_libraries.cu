// The stand-ins of cuBLAS and cuSPARSE: right results against sums written out, and bad arguments refused.
#include <cmath>

#include "cublas_v2.h"
#include "cusparse.h"
#include "emulator_test.hpp"

namespace {

struct Blas {
  cublasHandle_t handle = nullptr;
  Blas() { REQUIRE(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS); }
  ~Blas() { cublasDestroy(handle); }
};

std::vector<double> numbers(std::size_t count, int step) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i * static_cast<std::size_t>(step) % 19) - 9;
  return values;
}

TEST_CASE("gemm multiplies every pair of operations, with strides, and does not read C if beta is 0", "[emulator]") {
  const Clean clean;
  const Blas blas;
  const int m = 5, n = 4, k = 3, batch = 2, lda = 7, ldb = 8, ldc = 6;
  for (const auto operation_a : {CUBLAS_OP_N, CUBLAS_OP_T})
    for (const auto operation_b : {CUBLAS_OP_N, CUBLAS_OP_T})
      for (const double beta : {0.0, 2.0}) {
        const std::vector<double> a = numbers(100, 7), b = numbers(100, 5);
        std::vector<double> c = numbers(100, 3), expected = c;
        const auto at = [](const std::vector<double>& x, bool plain, int ld, int row, int column) {
          return plain ? x[static_cast<std::size_t>(column * ld + row)]
                       : x[static_cast<std::size_t>(row * ld + column)];
        };
        for (int number = 0; number < batch; ++number)
          for (int i = 0; i < m; ++i)
            for (int j = 0; j < n; ++j) {
              double sum = 0;
              for (int p = 0; p < k; ++p)
                sum += at({a.begin() + number * 40, a.end()}, operation_a == CUBLAS_OP_N, lda, i, p) *
                       at({b.begin() + number * 45, b.end()}, operation_b == CUBLAS_OP_N, ldb, p, j);
              double& out = expected[static_cast<std::size_t>(number * 50 + j * ldc + i)];
              out = 3 * sum + (beta == 0 ? 0 : beta * out);
              if (beta == 0) c[static_cast<std::size_t>(number * 50 + j * ldc + i)] = NAN;
            }
        const DeviceArray<double> da(a), db(b), dc(c);
        const double alpha = 3;
        REQUIRE(cublasDgemmStridedBatched(blas.handle, operation_a, operation_b, m, n, k, &alpha, da.data, lda, 40,
                                          db.data, ldb, 45, &beta, dc.data, ldc, 50, batch) == CUBLAS_STATUS_SUCCESS);
        CHECK(dc.get() == expected);
      }
}

TEST_CASE("gemm refuses what its documentation forbids", "[emulator]") {
  const Clean clean;
  const Blas blas;
  const DeviceArray<float> a(std::vector<float>(64, 1)), b(std::vector<float>(64, 1)), c(64), workspace(1024);
  const float one = 1;
  const auto gemm = [&](cublasOperation_t operation_a, int m, int n, int k, int lda, int ldb, int ldc,
                        long long stride_c = 0, int batch = 1, const float* alpha = nullptr) {
    return cublasSgemmStridedBatched(blas.handle, operation_a, CUBLAS_OP_N, m, n, k, alpha ? alpha : &one, a.data, lda,
                                     0, b.data, ldb, 0, &one, c.data, ldc, stride_c, batch);
  };
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 4) == CUBLAS_STATUS_SUCCESS);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 3, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_T, 4, 2, 3, 3, 3, 4) == CUBLAS_STATUS_SUCCESS);
  CHECK(gemm(CUBLAS_OP_T, 4, 2, 3, 2, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 2, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 3) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_N, -1, 2, 3, 4, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_N, 0, 0, 0, 0, 1, 1) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 4, 8, 2) == CUBLAS_STATUS_SUCCESS);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 4, 7, 2) == CUBLAS_STATUS_INVALID_VALUE);          // the products overlap
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 8, 4, 2) == CUBLAS_STATUS_SUCCESS);                // side by side
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 4, 0, 1, a.data) == CUBLAS_STATUS_INVALID_VALUE);  // scalars are the host's
  REQUIRE(cublasSetPointerMode(blas.handle, CUBLAS_POINTER_MODE_DEVICE) == CUBLAS_STATUS_SUCCESS);
  CHECK(gemm(CUBLAS_OP_N, 4, 2, 3, 4, 3, 4, 0, 1, a.data) == CUBLAS_STATUS_INVALID_VALUE);  // and beta still is
  REQUIRE(cublasSetPointerMode(blas.handle, CUBLAS_POINTER_MODE_HOST) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasSetWorkspace(blas.handle, workspace.data + 1, 1024) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasSetWorkspace(blas.handle, workspace.data, 4097) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasSetWorkspace(blas.handle, workspace.data, 4096) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasSetStream(blas.handle, nullptr) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);

  REQUIRE(gemm(CUBLAS_OP_N, 16, 4, 4, 22, 4, 16) == CUBLAS_STATUS_SUCCESS);  // a needs 3 * 22 + 16 elements, not 64
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  check_one_fault({"gemm", "a:", "overrun"});
}

TEST_CASE("a workspace must outlive its use, and a new stream forgets it", "[emulator]") {
  const Clean clean;
  const Blas blas;
  const DeviceArray<float> a(std::vector<float>{2}), c(1);
  const float one = 1, zero = 0;
  const auto multiply = [&] {
    return cublasSgemmStridedBatched(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data, 1, 0, a.data, 1, 0,
                                     &zero, c.data, 1, 0, 1);
  };
  {
    const DeviceArray<float> workspace(1024);
    REQUIRE(cublasSetWorkspace(blas.handle, workspace.data, 4096) == CUBLAS_STATUS_SUCCESS);
    REQUIRE(multiply() == CUBLAS_STATUS_SUCCESS);
    CHECK(c.get()[0] == 4);
  }
  REQUIRE(multiply() == CUBLAS_STATUS_SUCCESS);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  check_one_fault({"gemm: its workspace has been freed"});
  REQUIRE(cublasSetStream(blas.handle, nullptr) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(multiply() == CUBLAS_STATUS_SUCCESS);
  CHECK(c.get()[0] == 4);
}

TEST_CASE("a library call runs in its stream's order, is captured, and does not outlive its handle", "[emulator]") {
  const Clean clean;
  const TestStream stream;
  const DeviceArray<float> a(std::vector<float>{2}), c(std::vector<float>{0});
  const float one = 1, zero = 0;
  cublasHandle_t handle = nullptr;
  REQUIRE(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cublasSetStream(handle, stream.handle) == CUBLAS_STATUS_SUCCESS);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal) == cudaSuccess);
  REQUIRE(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data, 1, 0, a.data, 1, 0, &zero,
                                    c.data, 1, 0, 1) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess);
  CHECK(c.get()[0] == 0);
  REQUIRE(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
  REQUIRE(cudaGraphLaunch(executable, stream.handle) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(c.get()[0] == 4);
  REQUIRE(cudaGraphExecDestroy(executable) == cudaSuccess);
  REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
  emulator::fail("cublas", 1, CUBLAS_STATUS_INTERNAL_ERROR);
  CHECK(cublasSetStream(handle, nullptr) == CUBLAS_STATUS_INTERNAL_ERROR);
  REQUIRE(cublasDestroy(handle) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasDestroy(handle) == CUBLAS_STATUS_NOT_INITIALIZED);
  CHECK(cublasSetStream(handle, nullptr) == CUBLAS_STATUS_NOT_INITIALIZED);
}

/// A = [[0.1, 0, 0.2, 0.3], [0, 0, 0, 0], [0, 0.4, 0, 0]] by rows, B 4 x 2 and C 3 x 2 row-major with ld 3.
struct Sparse {
  cusparseHandle_t handle = nullptr;
  cusparseSpMatDescr_t a = nullptr;
  cusparseDnMatDescr_t b = nullptr, c = nullptr;
  DeviceArray<int> offsets{std::vector<int>{0, 3, 3, 4}}, columns{std::vector<int>{0, 2, 3, 1}};
  DeviceArray<float> values{std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f}};
  DeviceArray<float> dense{std::vector<float>{1, 2, NAN, 3, 4, NAN, 5, 6, NAN, 7, 8, NAN}};
  DeviceArray<float> out{std::vector<float>(9, NAN)};
  float alpha = 2, beta = 0;

  Sparse() {
    REQUIRE(cusparseCreate(&handle) == CUSPARSE_STATUS_SUCCESS);
    REQUIRE(cusparseCreateCsr(&a, 3, 4, 4, offsets.data, columns.data, values.data, CUSPARSE_INDEX_32I,
                              CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F) == CUSPARSE_STATUS_SUCCESS);
    REQUIRE(cusparseCreateDnMat(&b, 4, 2, 3, dense.data, CUDA_R_32F, CUSPARSE_ORDER_ROW) == CUSPARSE_STATUS_SUCCESS);
    REQUIRE(cusparseCreateDnMat(&c, 3, 2, 3, out.data, CUDA_R_32F, CUSPARSE_ORDER_ROW) == CUSPARSE_STATUS_SUCCESS);
  }
  ~Sparse() {
    cusparseDestroySpMat(a);
    cusparseDestroyDnMat(b);
    cusparseDestroyDnMat(c);
    cusparseDestroy(handle);
  }
  cusparseStatus_t buffer_size(cusparseSpMMAlg_t algorithm, std::size_t& bytes,
                               cusparseOperation_t operation = CUSPARSE_OPERATION_NON_TRANSPOSE,
                               cudaDataType type = CUDA_R_32F) {
    return cusparseSpMM_bufferSize(handle, operation, CUSPARSE_OPERATION_NON_TRANSPOSE, &alpha, a, b, &beta, c, type,
                                   algorithm, &bytes);
  }
  cusparseStatus_t multiply(cusparseSpMMAlg_t algorithm, void* buffer) {
    return cusparseSpMM(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE, &alpha, a, b, &beta,
                        c, CUDA_R_32F, algorithm, buffer);
  }
  cusparseStatus_t preprocess(cusparseSpMMAlg_t algorithm, void* buffer) {
    return cusparseSpMM_preprocess(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE, &alpha,
                                   a, b, &beta, c, CUDA_R_32F, algorithm, buffer);
  }
};

TEST_CASE("SpMM is right, and only CSR_ALG3 gives equal bits in every run", "[emulator]") {
  const Clean clean;
  Sparse s;
  std::size_t bytes = 0;
  REQUIRE(s.buffer_size(CUSPARSE_SPMM_CSR_ALG2, bytes) == CUSPARSE_STATUS_SUCCESS);
  const DeviceArray<char> buffer(bytes);
  const auto result = [&](cusparseSpMMAlg_t algorithm) {
    REQUIRE(s.multiply(algorithm, buffer.data) == CUSPARSE_STATUS_SUCCESS);
    return s.out.get();
  };
  const std::vector<float> first = result(CUSPARSE_SPMM_CSR_ALG3);
  const float expected[] = {2 * (0.1f * 1 + 0.2f * 5 + 0.3f * 7),
                            2 * (0.1f * 2 + 0.2f * 6 + 0.3f * 8),
                            NAN,
                            0,
                            0,
                            NAN,
                            2 * 0.4f * 3,
                            2 * 0.4f * 4,
                            NAN};
  for (std::size_t i = 0; i < 9; ++i)
    CHECK((std::isnan(expected[i]) ? std::isnan(first[i]) : std::fabs(first[i] - expected[i]) < 1e-5f));
  const auto equal = [&](const std::vector<float>& x) { return std::memcmp(x.data(), first.data(), 36) == 0; };
  CHECK(count_seeds([&] { return equal(result(CUSPARSE_SPMM_CSR_ALG3)); }) == 20);
  CHECK(count_seeds([&] { return equal(result(CUSPARSE_SPMM_CSR_ALG2)); }) < 20);
  s.beta = 1;
  CHECK(std::fabs(result(CUSPARSE_SPMM_CSR_ALG3)[6] - 4.8f) < 1e-5f);
}

TEST_CASE("SpMM refuses what its documentation does not allow", "[emulator]") {
  const Clean clean;
  Sparse s;
  std::size_t bytes = 0;
  CHECK(s.buffer_size(CUSPARSE_SPMM_CSR_ALG3, bytes, CUSPARSE_OPERATION_TRANSPOSE) == CUSPARSE_STATUS_NOT_SUPPORTED);
  CHECK(s.buffer_size(CUSPARSE_SPMM_CSR_ALG2, bytes, CUSPARSE_OPERATION_TRANSPOSE) == CUSPARSE_STATUS_INVALID_VALUE);
  CHECK(s.buffer_size(CUSPARSE_SPMM_CSR_ALG2, bytes, CUSPARSE_OPERATION_NON_TRANSPOSE, CUDA_R_64F) ==
        CUSPARSE_STATUS_NOT_SUPPORTED);
  REQUIRE(s.buffer_size(CUSPARSE_SPMM_CSR_ALG2, bytes) == CUSPARSE_STATUS_SUCCESS);
  const DeviceArray<char> buffer(bytes), small(bytes - 1);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG2, nullptr) == CUSPARSE_STATUS_INVALID_VALUE);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG2, small.data) == CUSPARSE_STATUS_INVALID_VALUE);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG2, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  cusparseDnMatDescr_t dense = nullptr;
  cusparseSpMatDescr_t sparse = nullptr;
  CHECK(cusparseCreateDnMat(&dense, 4, 2, 1, s.dense.data, CUDA_R_32F, CUSPARSE_ORDER_ROW) ==
        CUSPARSE_STATUS_INVALID_VALUE);
  CHECK(cusparseCreateDnMat(&dense, 4, 2, 3, s.dense.data, CUDA_R_32F, CUSPARSE_ORDER_COL) ==
        CUSPARSE_STATUS_INVALID_VALUE);
  CHECK(cusparseCreateCsr(&sparse, 3, 4, 4, s.offsets.data, s.columns.data, s.values.data, CUSPARSE_INDEX_64I,
                          CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F) == CUSPARSE_STATUS_NOT_SUPPORTED);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("a preprocessed buffer is used with the same parameters, and untouched", "[emulator]") {
  const Clean clean;
  Sparse s;
  std::size_t bytes = 0;
  REQUIRE(s.buffer_size(CUSPARSE_SPMM_CSR_ALG3, bytes) == CUSPARSE_STATUS_SUCCESS);
  const DeviceArray<char> buffer(bytes);
  REQUIRE(s.preprocess(CUSPARSE_SPMM_CSR_ALG3, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG3, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG2, buffer.data) == CUSPARSE_STATUS_INVALID_VALUE);
  REQUIRE(cudaMemset(buffer.data, 0, bytes) == cudaSuccess);
  CHECK(s.multiply(CUSPARSE_SPMM_CSR_ALG3, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  check_one_fault({"SpMM: its preprocessed buffer has been overwritten"});
  const std::vector<int> wrong{0, 2, 9, 1};
  REQUIRE(cudaMemcpy(s.columns.data, wrong.data(), 16, cudaMemcpyHostToDevice) == cudaSuccess);
  REQUIRE(s.preprocess(CUSPARSE_SPMM_CSR_ALG3, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  REQUIRE(s.multiply(CUSPARSE_SPMM_CSR_ALG3, buffer.data) == CUSPARSE_STATUS_SUCCESS);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  check_one_fault({"SpMM: column index 2 is out of range"});
}

TEST_CASE("a forgotten descriptor is a leak", "[emulator]") {
  const Clean clean;
  const ChildResult leak = child([] {
    cusparseDnMatDescr_t dense = nullptr;
    cublasHandle_t handle = nullptr;
    cusparseCreateDnMat(&dense, 1, 1, 1, reinterpret_cast<void*>(4), CUDA_R_32F, CUSPARSE_ORDER_ROW);
    cublasCreate(&handle);
  });
  CHECK(leak.exit_code == emulator::unclean_exit);
  CHECK(contains(leak.errors, "leaked at exit: dense matrix descriptor"));
  CHECK(contains(leak.errors, "leaked at exit: cuBLAS handle"));
}

}  // namespace
