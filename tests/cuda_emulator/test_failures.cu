// Planted failures, and machines other than the usual one.
#include "emulator_test.hpp"

namespace {

__global__ void set_to(int* x, int value) { x[threadIdx.x] = value; }

TEST_CASE("planted failures come once, where they were planted; sticky ones stay", "[emulator]") {
  const Clean clean;
  void *x = nullptr, *y = nullptr;
  emulator::fail("cudaMalloc", 2, cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&x, 4) == cudaSuccess);
  CHECK(cudaMallocHost(&y, 4) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  cudaEvent_t event = nullptr;
  REQUIRE(cudaEventCreate(&event) == cudaSuccess);
  emulator::fail("cudaEventDestroy", 1, cudaErrorInvalidValue);
  CHECK(cudaEventDestroy(event) == cudaErrorInvalidValue);  // and yet it is no leak
  emulator::fail("cudaLaunchKernelEx", 1, cudaErrorLaunchOutOfResources);
  CHECK(run(1, 1, set_to, static_cast<int*>(x), 1) == cudaErrorLaunchOutOfResources);
  CHECK(cudaGetLastError() == cudaErrorLaunchOutOfResources);
  CHECK(run(1, 1, set_to, static_cast<int*>(x), 1) == cudaSuccess);

  emulator::fail_kernel(2, cudaErrorIllegalAddress);
  CHECK(launch_on(nullptr, 1, 1, 0, set_to, static_cast<int*>(x), 2) == cudaSuccess);
  CHECK(launch_on(nullptr, 1, 1, 0, set_to, static_cast<int*>(x), 3) == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaMalloc(&y, 4) == cudaErrorIllegalAddress);
  CHECK(cudaFree(x) == cudaErrorIllegalAddress);  // and yet it is no leak
}

TEST_CASE("machines without a device, with several, and with an old driver answer as documented", "[emulator]") {
  const Clean clean;
  int count = -1, version = -1, device = -1;
  emulator::reset({.devices = 0});
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(cudaSetDevice(0) == cudaErrorNoDevice);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version == 0);
  CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess);
  CHECK(version == CUDART_VERSION);

  emulator::reset({.driver_version = 11080});
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  void* memory = nullptr;
  CHECK(cudaMalloc(&memory, 4) == cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version == 11080);

  emulator::reset({.devices = 2});
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 2);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(cudaSetDevice(1) == cudaSuccess);
  CHECK(cudaGetDevice(&device) == cudaSuccess);
  CHECK(device == 1);
  {
    const TestStream of_device_1;
    const DeviceArray<int> on_device_1(1);
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    CHECK(launch_on(of_device_1.handle, 1, 1, 0, set_to, on_device_1.data, 1) == cudaErrorInvalidResourceHandle);
    CHECK(run(1, 1, set_to, on_device_1.data, 1) == cudaSuccess);
    const std::vector<std::string> faults = emulator::take_faults();
    REQUIRE(faults.size() == 1);
    CHECK(contains(faults[0], "argument 0 holds an address of device 1"));
  }
}

}  // namespace
