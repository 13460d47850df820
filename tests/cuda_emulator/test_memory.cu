// Device memory: what host code and kernels may not touch, what nobody has written, and what nobody has freed.
#include <cmath>

#include "emulator_test.hpp"

namespace {

__global__ void write_at(float* x, long long index) { x[index] = 1; }
__global__ void read_at(const float* x, long long index, float* out) { *out = x[index]; }
__global__ void fill_ones(float* x, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) x[i] = 1;
}

TEST_CASE("a kernel that leaves its allocation faults with its name, block and thread", "[emulator]") {
  const Clean clean;
  for (const std::size_t count : {1, 63, 64, 1000, 5000}) {
    const DeviceArray<float> x(count), out(1);
    const auto past_the_tail = static_cast<long long>((count + 63) / 64 * 64);
    for (const long long index : {past_the_tail, past_the_tail + 500, -2048LL}) {
      CHECK(run(1, 1, write_at, x.data, index) == cudaErrorIllegalAddress);
      CHECK(cudaGetLastError() == cudaErrorIllegalAddress);  // sticky
      CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
      check_one_fault({"write_at", "block (0,0,0), thread (0,0,0): invalid access", "device allocation of"});
      CHECK(run(1, 1, read_at, x.data, index, out.data) == cudaErrorIllegalAddress);
      check_one_fault({"read_at"});
    }
  }
}

TEST_CASE("a write within the pages of an allocation but beside it is reported", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(950);
  for (const long long index : {950LL, 959LL, -1LL, -64LL}) {
    REQUIRE(run(1, 1, write_at, x.data, index) == cudaSuccess);
    check_one_fault(
        {"kernel", "write_at", "wrote",
         index < 0 ? "bytes before an allocation of 3800 bytes" : "bytes behind an allocation of 3800 bytes"});
  }
  REQUIRE(run(1, 1, write_at, x.data, 949LL) == cudaSuccess);
}

__attribute__((no_sanitize("alignment"))) __global__ void copy_pack(const float* from, float* to) {
  *reinterpret_cast<float4*>(to) = *reinterpret_cast<const float4*>(from);
}

TEST_CASE("a misaligned vector load faults", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}), y(4);
  REQUIRE(run(1, 1, copy_pack, x.data + 4, y.data) == cudaSuccess);
  CHECK(y.get() == std::vector<float>{5, 6, 7, 8});
  CHECK(run(1, 1, copy_pack, x.data + 1, y.data) == cudaErrorMisalignedAddress);
  check_one_fault({"copy_pack", "misaligned"});
}

TEST_CASE("memory that nobody has written is NaN", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(3000);
  for (const float value : x.get()) REQUIRE(std::isnan(value));
  const DeviceArray<double> y(1);
  CHECK(std::isnan(y.get()[0]));
}

TEST_CASE("host code that dereferences device memory ends the process with its own exit code", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(std::vector<float>(100, 1));
  const ChildResult read =
      child([&] { std::fprintf(stderr, "%f", static_cast<double>(*const_cast<volatile float*>(x.data + 7))); });
  CHECK(read.exit_code == emulator::host_touched_device_memory);
  CHECK(contains(read.errors, "host code touched an invalid address"));
  CHECK(contains(read.errors, "is byte 28 of a device allocation of 400 bytes"));
  CHECK(child([&] { *const_cast<volatile float*>(x.data) = 2; }).exit_code == emulator::host_touched_device_memory);
  volatile std::uintptr_t nowhere = 8;
  CHECK(child([&] { *reinterpret_cast<volatile int*>(nowhere) = 1; }).exit_code == emulator::crashed);
  CHECK(x.get()[7] == 1);
}

TEST_CASE("a kernel is given no host address, on its own or within a struct", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(std::vector<float>(100, 1)), out(1);
  std::vector<float> host(100, 1);
  REQUIRE(run(1, 1, read_at, host.data(), 3, out.data) == cudaSuccess);
  check_one_fault({"read_at", "argument 0 holds the host address"});
  float on_stack = 0;
  REQUIRE(run(1, 1, read_at, x.data, 3, &on_stack) == cudaSuccess);
  check_one_fault({"argument 2 holds the host address"});
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 4) == cudaSuccess);
  REQUIRE(run(1, 1, read_at, x.data, 3, pinned) == cudaSuccess);  // page-locked memory is mapped into devices
  CHECK(*pinned == 1);
  REQUIRE(cudaFreeHost(pinned) == cudaSuccess);
}

TEST_CASE("what is not freed changes the exit code and is named", "[emulator]") {
  const Clean clean;
  CHECK(child([] {}).exit_code == 0);
  const ChildResult leak = child([] {
    void* kept = nullptr;
    cudaMalloc(&kept, 12345);
    cudaEvent_t event;
    cudaEventCreate(&event);
  });
  CHECK(leak.exit_code == emulator::unclean_exit);
  CHECK(contains(leak.errors, "leaked at exit: 12345 bytes of device memory"));
  CHECK(contains(leak.errors, "leaked at exit: event"));
  void* pinned = nullptr;
  cudaStream_t stream = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 8) == cudaSuccess);
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  CHECK(emulator::leaks() == std::vector<std::string>{"stream", "8 bytes of page-locked host memory"});
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
  CHECK(cudaFreeHost(pinned) == cudaErrorInvalidValue);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(cudaStreamDestroy(stream) == cudaErrorInvalidResourceHandle);
}

TEST_CASE("a fault that nobody takes changes the exit code", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(64);
  const ChildResult result = child([&] {
    launch_on(nullptr, 1, 1, 0, write_at, x.data, 64);
    cudaDeviceSynchronize();
    emulator::reset();
    launch_on(nullptr, 1, 1, 0, write_at, x.data, 64);
    cudaDeviceSynchronize();
    cudaFree(x.data);
  });
  CHECK(result.exit_code == emulator::unclean_exit);
  CHECK(contains(result.errors, "0 leaks, 1 faults"));
}

TEST_CASE("stream-ordered memory lives from its allocation to its release in that order", "[emulator]") {
  const Clean clean;
  const TestStream stream, other;
  float* x = nullptr;
  REQUIRE(cudaMallocAsync(&x, 400, stream.handle) == cudaSuccess);
  REQUIRE(launch_on(stream.handle, 1, 128, 0, fill_ones, x, 100) == cudaSuccess);
  REQUIRE(cudaFreeAsync(x, stream.handle) == cudaSuccess);
  CHECK(cudaFreeAsync(x, stream.handle) == cudaErrorInvalidValue);
  CHECK(cudaFree(x) == cudaErrorInvalidValue);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);

  REQUIRE(cudaMallocAsync(&x, 400, stream.handle) == cudaSuccess);
  REQUIRE(cudaFreeAsync(x, stream.handle) == cudaSuccess);
  REQUIRE(launch_on(stream.handle, 1, 128, 0, fill_ones, x, 100) == cudaSuccess);  // too late
  CHECK(cudaStreamSynchronize(stream.handle) == cudaErrorIllegalAddress);
  check_one_fault({"fill_ones", "invalid access"});

  // Another stream that does not wait for the allocation comes too early in some order.
  const int early = count_seeds([&] {
    REQUIRE(cudaMallocAsync(&x, 400, stream.handle) == cudaSuccess);
    REQUIRE(launch_on(other.handle, 1, 128, 0, fill_ones, x, 100) == cudaSuccess);
    const bool failed = cudaDeviceSynchronize() == cudaErrorIllegalAddress;
    emulator::reset();
    REQUIRE(cudaFree(x) == cudaSuccess);
    return failed;
  });
  CHECK(early > 0);
  CHECK(early < 20);
  const int early_fill = count_seeds([&] {
    REQUIRE(cudaMallocAsync(&x, 400, stream.handle) == cudaSuccess);
    REQUIRE(cudaMemsetAsync(x, 0, 400, other.handle) == cudaSuccess);
    const bool failed = cudaDeviceSynchronize() == cudaErrorIllegalAddress;
    if (failed) check_one_fault({"fill: invalid access"});
    REQUIRE(cudaFree(x) == cudaSuccess);
    return failed;
  });
  CHECK(early_fill > 0);
  CHECK(early_fill < 20);
}

TEST_CASE("a reset releases what a broken device could not", "[emulator]") {
  const Clean clean;
  std::size_t before = 0, after = 0, total = 0;
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  REQUIRE(cudaMemGetInfo(&before, &total) == cudaSuccess);
  void* x = nullptr;
  REQUIRE(cudaMalloc(&x, 5000) == cudaSuccess);
  REQUIRE(cudaFreeAsync(x, nullptr) == cudaSuccess);
  emulator::reset();
  REQUIRE(cudaMemGetInfo(&after, &total) == cudaSuccess);
  CHECK(after == before);
}

TEST_CASE("memory is bounded, and pools keep what their threshold says", "[emulator]") {
  const Clean clean;
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  emulator::reset({.devices = 1, .memory = 1 << 20, .driver_version = CUDART_VERSION});
  std::size_t free = 0, total = 0;
  void *x = nullptr, *y = nullptr;
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  REQUIRE(total == 1 << 20);
  REQUIRE(free == total);
  REQUIRE(cudaMalloc(&x, 1 << 19) == cudaSuccess);
  CHECK(cudaMalloc(&y, (1 << 19) + 1) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 1 << 19);
  REQUIRE(cudaFree(x) == cudaSuccess);

  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location = {cudaMemLocationTypeDevice, 0};
  cudaMemPool_t pool = nullptr;
  std::uint64_t keep = 1000, reserved = 0, used = 0;
  REQUIRE(cudaMemPoolCreate(&pool, &properties) == cudaSuccess);
  REQUIRE(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep) == cudaSuccess);
  REQUIRE(cudaMallocFromPoolAsync(&x, 5000, pool, nullptr) == cudaSuccess);
  REQUIRE(cudaFreeAsync(x, nullptr) == cudaSuccess);
  REQUIRE(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved) == cudaSuccess);
  REQUIRE(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used) == cudaSuccess);
  CHECK(reserved == 5000);
  CHECK(used == 0);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  REQUIRE(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved) == cudaSuccess);
  CHECK(reserved == 1000);
  REQUIRE(cudaMemPoolTrimTo(pool, 10) == cudaSuccess);
  REQUIRE(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved) == cudaSuccess);
  CHECK(reserved == 10);
  REQUIRE(cudaMemPoolDestroy(pool) == cudaSuccess);
  CHECK(cudaMemPoolDestroy(pool) == cudaErrorInvalidValue);
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == total);
}

TEST_CASE("copies and fills are refused where an end is not what they say", "[emulator]") {
  const Clean clean;
  const DeviceArray<float> x(10), y(10);
  std::vector<float> host(11);
  CHECK(cudaMemcpy(x.data, host.data(), 44, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), x.data + 1, 40, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(x.data, host.data(), 40, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(x.data, y.data, 40, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(x.data, 0, 41) == cudaErrorInvalidValue);
  CHECK(cudaMemset(host.data(), 0, 4) == cudaErrorInvalidValue);
  CHECK(cudaFree(host.data()) == cudaErrorInvalidValue);
  CHECK(cudaFree(x.data + 1) == cudaErrorInvalidValue);
  CHECK(cudaFree(nullptr) == cudaSuccess);
  CHECK(cudaMemset(x.data, 0, 40) == cudaSuccess);
  CHECK(cudaMemcpy(y.data, x.data, 40, cudaMemcpyDefault) == cudaSuccess);
  CHECK(y.get() == std::vector<float>(10, 0));
}

}  // namespace
