// Names of the errors of the runtime and both libraries, and texts of those that a user may meet.
#include "cublas_v2.h"
#include "cusparse.h"

#define GCMC_EMULATED_ERROR(error, text) \
  case error:                            \
    return {#error, text};
#define GCMC_EMULATED_STATUS(status) \
  case status:                       \
    return #status;

namespace {

struct ErrorText {
  const char* name;
  const char* text;
};

ErrorText of(cudaError_t error) {
  switch (error) {
    GCMC_EMULATED_ERROR(cudaSuccess, "no error")
    GCMC_EMULATED_ERROR(cudaErrorInvalidValue, "invalid argument")
    GCMC_EMULATED_ERROR(cudaErrorMemoryAllocation, "out of memory")
    GCMC_EMULATED_ERROR(cudaErrorInitializationError, "initialization error")
    GCMC_EMULATED_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument")
    GCMC_EMULATED_ERROR(cudaErrorInvalidDevicePointer, "invalid device pointer")
    GCMC_EMULATED_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy")
    GCMC_EMULATED_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version")
    GCMC_EMULATED_ERROR(cudaErrorInvalidDeviceFunction, "invalid device function")
    GCMC_EMULATED_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected")
    GCMC_EMULATED_ERROR(cudaErrorInvalidDevice, "invalid device ordinal")
    GCMC_EMULATED_ERROR(cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice")
    GCMC_EMULATED_ERROR(cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable")
    GCMC_EMULATED_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle")
    GCMC_EMULATED_ERROR(cudaErrorIllegalState, "cudaErrorIllegalState")
    GCMC_EMULATED_ERROR(cudaErrorNotReady, "device not ready")
    GCMC_EMULATED_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered")
    GCMC_EMULATED_ERROR(cudaErrorLaunchOutOfResources, "too many resources requested for launch")
    GCMC_EMULATED_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated")
    GCMC_EMULATED_ERROR(cudaErrorAssert, "device-side assert triggered")
    GCMC_EMULATED_ERROR(cudaErrorHardwareStackError, "cudaErrorHardwareStackError")
    GCMC_EMULATED_ERROR(cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction")
    GCMC_EMULATED_ERROR(cudaErrorMisalignedAddress, "misaligned address")
    GCMC_EMULATED_ERROR(cudaErrorLaunchFailure, "unspecified launch failure")
    GCMC_EMULATED_ERROR(cudaErrorNotSupported, "operation not supported")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation")
    GCMC_EMULATED_ERROR(cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit")
    GCMC_EMULATED_ERROR(cudaErrorCapturedEvent, "cudaErrorCapturedEvent")
    GCMC_EMULATED_ERROR(cudaErrorGraphExecUpdateFailure, "cudaErrorGraphExecUpdateFailure")
    GCMC_EMULATED_ERROR(cudaErrorUnknown, "unknown error")
  }
  return {"unrecognized error code", "unrecognized error code"};
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) { return of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return of(error).text; }

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_SUCCESS)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_NOT_INITIALIZED)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_ALLOC_FAILED)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_INVALID_VALUE)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_ARCH_MISMATCH)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_MAPPING_ERROR)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_EXECUTION_FAILED)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_INTERNAL_ERROR)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_NOT_SUPPORTED)
    GCMC_EMULATED_STATUS(CUBLAS_STATUS_LICENSE_ERROR)
  }
  return "unrecognized status";
}

const char* cusparseGetErrorName(cusparseStatus_t status) {
  switch (status) {
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_SUCCESS)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_NOT_INITIALIZED)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_ALLOC_FAILED)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_INVALID_VALUE)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_ARCH_MISMATCH)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_MAPPING_ERROR)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_EXECUTION_FAILED)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_INTERNAL_ERROR)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_MATRIX_TYPE_NOT_SUPPORTED)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_ZERO_PIVOT)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_NOT_SUPPORTED)
    GCMC_EMULATED_STATUS(CUSPARSE_STATUS_INSUFFICIENT_RESOURCES)
  }
  return "unrecognized status";
}
