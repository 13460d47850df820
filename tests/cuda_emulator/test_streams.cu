// Streams and events: work runs only when someone waits for it, in any order that nothing forbids.
#include "emulator_test.hpp"

namespace {

__global__ void set_to(int* x, int value) { x[threadIdx.x] = value; }
__global__ void add_from(int* to, const int* from, int value) { to[threadIdx.x] += from[threadIdx.x] + value; }

TEST_CASE("the host sees a result only after it has waited for it", "[emulator]") {
  const Clean clean;
  const TestStream stream;
  const DeviceArray<int> x(4);
  std::vector<int> host(4, -1);
  REQUIRE(launch_on(stream.handle, 1, 4, 0, set_to, x.data, 7) == cudaSuccess);
  REQUIRE(cudaMemcpyAsync(host.data(), x.data, 16, cudaMemcpyDeviceToHost, stream.handle) == cudaSuccess);
  CHECK(host == std::vector<int>(4, -1));
  CHECK(cudaStreamQuery(stream.handle) == cudaErrorNotReady);
  CHECK(cudaGetLastError() == cudaErrorNotReady);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(cudaStreamQuery(stream.handle) == cudaSuccess);
  CHECK(host == std::vector<int>(4, 7));
}

TEST_CASE("an asynchronous copy reads host memory as late as it may; a plain one stages it", "[emulator]") {
  const Clean clean;
  const TestStream stream;
  const DeviceArray<int> x(1);
  int value = 1;
  REQUIRE(cudaMemcpyAsync(x.data, &value, 4, cudaMemcpyHostToDevice, stream.handle) == cudaSuccess);
  value = 2;
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(x.get()[0] == 2);
  REQUIRE(cudaMemcpy(x.data, &value, 4, cudaMemcpyHostToDevice) == cudaSuccess);
  value = 3;
  CHECK(x.get()[0] == 2);
}

TEST_CASE("streams run in any order unless an event says which", "[emulator]") {
  const Clean clean;
  const TestStream first, second;
  cudaEvent_t event = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  const DeviceArray<int> x(std::vector<int>{0}), y(std::vector<int>{0});
  const auto in_order = [&](bool wait) {
    REQUIRE(cudaMemset(x.data, 0, 4) == cudaSuccess);
    REQUIRE(cudaMemset(y.data, 0, 4) == cudaSuccess);
    REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
    REQUIRE(launch_on(first.handle, 1, 1, 0, set_to, x.data, 5) == cudaSuccess);
    REQUIRE(cudaEventRecord(event, first.handle) == cudaSuccess);
    if (wait) REQUIRE(cudaStreamWaitEvent(second.handle, event, 0) == cudaSuccess);
    REQUIRE(launch_on(second.handle, 1, 1, 0, add_from, y.data, x.data, 1) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(second.handle) == cudaSuccess);
    return y.get()[0] == 6;
  };
  CHECK(count_seeds([&] { return in_order(true); }) == 20);
  const int lucky = count_seeds([&] { return in_order(false); });
  CHECK(lucky > 0);
  CHECK(lucky < 20);
  REQUIRE(cudaEventDestroy(event) == cudaSuccess);
}

TEST_CASE("the legacy stream is ordered with blocking streams and not with the others", "[emulator]") {
  const Clean clean;
  const auto seen_by_other = [&](unsigned flags) {
    const TestStream other(flags);
    const DeviceArray<int> x(std::vector<int>{0}), y(std::vector<int>{0});
    REQUIRE(launch_on(nullptr, 1, 1, 0, set_to, x.data, 5) == cudaSuccess);
    REQUIRE(launch_on(other.handle, 1, 1, 0, add_from, y.data, x.data, 0) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(other.handle) == cudaSuccess);
    return y.get()[0] == 5;
  };
  const auto seen_by_legacy = [&](unsigned flags) {
    const TestStream other(flags);
    const DeviceArray<int> x(std::vector<int>{0}), y(std::vector<int>{0});
    REQUIRE(launch_on(other.handle, 1, 1, 0, set_to, x.data, 5) == cudaSuccess);
    REQUIRE(launch_on(nullptr, 1, 1, 0, add_from, y.data, x.data, 0) == cudaSuccess);
    return y.get()[0] == 5;
  };
  CHECK(count_seeds([&] { return seen_by_legacy(cudaStreamDefault); }) == 20);
  CHECK(count_seeds([&] { return seen_by_legacy(cudaStreamNonBlocking); }) < 20);
  CHECK(count_seeds([&] { return seen_by_other(cudaStreamDefault); }) == 20);
  CHECK(count_seeds([&] { return seen_by_other(cudaStreamNonBlocking); }) < 20);
}

TEST_CASE("events tell when they were reached", "[emulator]") {
  const Clean clean;
  const TestStream stream;
  cudaEvent_t start = nullptr, end = nullptr, untimed = nullptr;
  REQUIRE(cudaEventCreate(&start) == cudaSuccess);
  REQUIRE(cudaEventCreate(&end) == cudaSuccess);
  REQUIRE(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming) == cudaSuccess);
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorInvalidResourceHandle);  // never recorded
  const DeviceArray<int> x(1);
  REQUIRE(cudaEventRecord(start, stream.handle) == cudaSuccess);
  REQUIRE(launch_on(stream.handle, 1, 1, 0, set_to, x.data, 1) == cudaSuccess);
  REQUIRE(cudaEventRecord(end, stream.handle) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorNotReady);
  REQUIRE(cudaEventSynchronize(end) == cudaSuccess);
  CHECK(cudaEventQuery(end) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaSuccess);
  CHECK(milliseconds >= 0);
  CHECK(cudaEventElapsedTime(&milliseconds, start, untimed) == cudaErrorInvalidResourceHandle);
  for (const cudaEvent_t event : {start, end, untimed}) CHECK(cudaEventDestroy(event) == cudaSuccess);
  CHECK(cudaEventRecord(end, stream.handle) == cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST_CASE("a stream destroyed in its capture takes the capture with it", "[emulator]") {
  const Clean clean;
  const DeviceArray<int> x(std::vector<int>{0});
  {
    const TestStream stream(cudaStreamDefault);
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal) == cudaSuccess);
    REQUIRE(launch_on(stream.handle, 1, 1, 0, set_to, x.data, 3) == cudaSuccess);
  }
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(run(1, 1, set_to, x.data, 4) == cudaSuccess);
  CHECK(x.get()[0] == 4);
}

TEST_CASE("an operation on a destroyed stream is refused, and its queued work still runs", "[emulator]") {
  const Clean clean;
  const DeviceArray<int> x(std::vector<int>{0});
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  REQUIRE(launch_on(stream, 1, 1, 0, set_to, x.data, 3) == cudaSuccess);
  REQUIRE(cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(launch_on(stream, 1, 1, 0, set_to, x.data, 4) == cudaErrorInvalidResourceHandle);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(x.get()[0] == 3);
  cudaGetLastError();
}

}  // namespace
