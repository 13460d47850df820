// The one check of what CUDA, cuBLAS and cuSPARSE return.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusparse.h>

namespace gcmc {

/// Throws DeviceError(call, status, what to do) unless the status is success. `call` is the call's text or its name.
void check(cudaError_t status, const char* call);
void check(cublasStatus_t status, const char* call);
void check(cusparseStatus_t status, const char* call);

}  // namespace gcmc

#define GCMC_CHECK(call) ::gcmc::check((call), #call)
