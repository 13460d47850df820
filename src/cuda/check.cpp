#include "check.hpp"

#include <string>

#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

[[noreturn]] void fail(const char* call, const std::string& status, const std::string& advice) {
  const std::string text = call;
  throw DeviceError("cuda: " + text.substr(0, text.find('(')) + ": " + status + (advice.empty() ? "" : ": " + advice));
}

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

std::string driver_advice() {
  int driver = 0;
  cudaDriverGetVersion(&driver);
  return "this build needs a driver for CUDA " + version(CUDART_VERSION) +
         (driver ? ", and this one knows " + version(driver) : "") + ": install a newer driver, or use the CPU";
}

std::string advice(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return "use a smaller model, or the CPU";
    case cudaErrorNoDevice:
      return "use the CPU";
    case cudaErrorInvalidDevice:
      return "devices are numbered from 0 up to their number less one";
    case cudaErrorInsufficientDriver:
      return driver_advice();
    case cudaErrorNoKernelImageForDevice:
      return "rebuild with CMAKE_CUDA_ARCHITECTURES naming this device's";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorMisalignedAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
      return "the device is lost to this process: start it again; compute-sanitizer names the kernel";
    default:
      return {};
  }
}

}  // namespace

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that is not sticky must not show up at the next launch
  fail(call, std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")", advice(status));
}

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(call, cublasGetStatusName(status),
       status == CUBLAS_STATUS_ALLOC_FAILED ? "use a smaller model, or the CPU" : "");
}

void check(cusparseStatus_t status, const char* call) {
  if (status == CUSPARSE_STATUS_SUCCESS) return;
  fail(call, cusparseGetErrorName(status),
       status == CUSPARSE_STATUS_INSUFFICIENT_RESOURCES ? "use a smaller model, or the CPU" : "");
}

}  // namespace gcmc
