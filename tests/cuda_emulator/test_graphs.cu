// Captures and graphs, and what a capture forbids.
#include "emulator_test.hpp"

namespace {

__global__ void set_to(int* x, int value) { x[threadIdx.x] = value; }
__global__ void add_from(int* to, const int* from, int value) { to[threadIdx.x] += from[threadIdx.x] + value; }

struct Graph {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ~Graph() {
    if (executable) cudaGraphExecDestroy(executable);
    if (graph) cudaGraphDestroy(graph);
  }
};

/// x = 0, then y = x + value on a second stream beside x2 = 9 on the first, which joins it in the end.
cudaGraph_t capture_fork(const TestStream& stream, const TestStream& side, const DeviceArray<int>& x, int value,
                         bool join) {
  cudaEvent_t forked = nullptr, joined = nullptr;
  REQUIRE(cudaEventCreate(&forked) == cudaSuccess);
  REQUIRE(cudaEventCreate(&joined) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  REQUIRE(cudaMemsetAsync(x.data, 0, 12, stream.handle) == cudaSuccess);
  REQUIRE(cudaEventRecord(forked, stream.handle) == cudaSuccess);
  REQUIRE(cudaStreamWaitEvent(side.handle, forked) == cudaSuccess);
  REQUIRE(launch_on(side.handle, 1, 1, 0, add_from, x.data + 1, x.data, value) == cudaSuccess);
  REQUIRE(cudaEventRecord(joined, side.handle) == cudaSuccess);
  REQUIRE(launch_on(stream.handle, 1, 1, 0, set_to, x.data + 2, 9) == cudaSuccess);
  if (join) REQUIRE(cudaStreamWaitEvent(stream.handle, joined) == cudaSuccess);
  if (join) REQUIRE(launch_on(stream.handle, 1, 1, 0, add_from, x.data + 2, x.data + 1, 0) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(stream.handle, &graph) == (join ? cudaSuccess : cudaErrorStreamCaptureUnjoined));
  CHECK((graph != nullptr) == join);
  REQUIRE(cudaEventDestroy(forked) == cudaSuccess);
  REQUIRE(cudaEventDestroy(joined) == cudaSuccess);
  return graph;
}

TEST_CASE("a captured graph replays its work in every permitted order, with the parameters of its last update",
          "[emulator]") {
  const Clean clean;
  const TestStream stream, side;
  const DeviceArray<int> x(std::vector<int>(3, -5));
  Graph first, second;
  first.graph = capture_fork(stream, side, x, 4, true);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(x.get() == std::vector<int>(3, -5));  // captured work does not run
  std::size_t nodes = 0;
  REQUIRE(cudaGraphGetNodes(first.graph, nullptr, &nodes) == cudaSuccess);
  CHECK(nodes == 4);
  REQUIRE(cudaGraphInstantiate(&first.executable, first.graph, 0) == cudaSuccess);
  CHECK(count_seeds([&] {
          REQUIRE(cudaGraphLaunch(first.executable, stream.handle) == cudaSuccess);
          REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
          return x.get() == std::vector<int>{0, 4, 13};
        }) == 20);

  second.graph = capture_fork(stream, side, x, 6, true);
  cudaGraphExecUpdateResultInfo info{};
  REQUIRE(cudaGraphLaunch(first.executable, stream.handle) == cudaSuccess);  // keeps its old parameters
  REQUIRE(cudaGraphExecUpdate(first.executable, second.graph, &info) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(x.get() == std::vector<int>{0, 4, 13});
  REQUIRE(cudaGraphLaunch(first.executable, stream.handle) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(x.get() == std::vector<int>{0, 6, 15});
}

/// x = 1 on one stream and y += x on another: two nodes of a graph with no edge, or with one.
cudaGraph_t capture_pair(const TestStream& stream, const TestStream& side, int* x, int* y, bool edge) {
  cudaEvent_t event = nullptr;
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaEventCreate(&event) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal) == cudaSuccess);
  if (edge) REQUIRE(launch_on(stream.handle, 1, 1, 0, set_to, x, 1) == cudaSuccess);
  REQUIRE(cudaEventRecord(event, stream.handle) == cudaSuccess);
  REQUIRE(cudaStreamWaitEvent(side.handle, event) == cudaSuccess);
  if (!edge) REQUIRE(launch_on(stream.handle, 1, 1, 0, set_to, x, 1) == cudaSuccess);
  REQUIRE(launch_on(side.handle, 1, 1, 0, add_from, y, x, 0) == cudaSuccess);
  REQUIRE(cudaEventRecord(event, side.handle) == cudaSuccess);
  REQUIRE(cudaStreamWaitEvent(stream.handle, event) == cudaSuccess);
  REQUIRE(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess);
  REQUIRE(cudaEventDestroy(event) == cudaSuccess);
  return graph;
}

TEST_CASE("nodes of a graph run in any order unless an edge says which, and an update keeps the edges", "[emulator]") {
  const Clean clean;
  const TestStream stream, side;
  const DeviceArray<int> x(1), y(1);
  Graph apart, ordered;
  apart.graph = capture_pair(stream, side, x.data, y.data, false);
  ordered.graph = capture_pair(stream, side, x.data, y.data, true);
  REQUIRE(cudaGraphInstantiate(&apart.executable, apart.graph, 0) == cudaSuccess);
  REQUIRE(cudaGraphInstantiate(&ordered.executable, ordered.graph, 0) == cudaSuccess);
  const auto in_order = [&](cudaGraphExec_t executable) {
    REQUIRE(cudaMemsetAsync(x.data, 0, 4, stream.handle) == cudaSuccess);
    REQUIRE(cudaMemsetAsync(y.data, 0, 4, stream.handle) == cudaSuccess);
    REQUIRE(cudaGraphLaunch(executable, stream.handle) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
    return y.get()[0] == 1;
  };
  CHECK(count_seeds([&] { return in_order(ordered.executable); }) == 20);
  const int lucky = count_seeds([&] { return in_order(apart.executable); });
  CHECK(lucky > 0);
  CHECK(lucky < 20);
  cudaGraphExecUpdateResultInfo info{};
  CHECK(cudaGraphExecUpdate(apart.executable, ordered.graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorTopologyChanged);
  CHECK(info.errorNode != nullptr);
  cudaGetLastError();
}

TEST_CASE("a graph of another shape does not update an executable one", "[emulator]") {
  const Clean clean;
  const TestStream stream;
  const DeviceArray<int> x(3);
  const auto capture = [&](auto work) {
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal) == cudaSuccess);
    work();
    REQUIRE(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess);
    return graph;
  };
  Graph kernel, fill, two;
  kernel.graph = capture([&] { launch_on(stream.handle, 1, 1, 0, set_to, x.data, 1); });
  fill.graph = capture([&] { cudaMemsetAsync(x.data, 0, 4, stream.handle); });
  two.graph = capture([&] {
    launch_on(stream.handle, 1, 1, 0, set_to, x.data, 1);
    launch_on(stream.handle, 1, 1, 0, set_to, x.data, 2);
  });
  REQUIRE(cudaGraphInstantiate(&kernel.executable, kernel.graph, 0) == cudaSuccess);
  cudaGraphExecUpdateResultInfo info{};
  CHECK(cudaGraphExecUpdate(kernel.executable, fill.graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorNodeTypeChanged);
  CHECK(cudaGraphExecUpdate(kernel.executable, two.graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorTopologyChanged);
  cudaGetLastError();
  CHECK(emulator::leaks().size() == 6);  // stream, x, three graphs and one executable
}

TEST_CASE("what a capture forbids invalidates it", "[emulator]") {
  const Clean clean;
  const TestStream stream, side;
  const DeviceArray<int> x(3);
  cudaGraph_t graph = nullptr;
  void* memory = nullptr;
  int host = 0;
  const auto breaks = [&](auto forbidden, cudaError_t expected) {
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    CHECK(forbidden() == expected);
    CHECK(launch_on(stream.handle, 1, 1, 0, set_to, x.data, 1) == cudaErrorStreamCaptureInvalidated);
    CHECK(cudaStreamEndCapture(stream.handle, &graph) == cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
    cudaGetLastError();
  };
  breaks([&] { return cudaStreamSynchronize(stream.handle); }, cudaErrorStreamCaptureUnsupported);
  breaks([&] { return cudaStreamQuery(stream.handle); }, cudaErrorStreamCaptureUnsupported);
  breaks([&] { return cudaDeviceSynchronize(); }, cudaErrorStreamCaptureUnsupported);
  breaks([&] { return cudaMalloc(&memory, 4); }, cudaErrorStreamCaptureUnsupported);
  breaks([&] { return cudaMemcpy(&host, x.data, 4, cudaMemcpyDeviceToHost); }, cudaErrorStreamCaptureUnsupported);
  {
    const TestStream blocking(cudaStreamDefault);
    REQUIRE(cudaStreamBeginCapture(blocking.handle, cudaStreamCaptureModeRelaxed) == cudaSuccess);
    CHECK(launch_on(nullptr, 1, 1, 0, set_to, x.data, 1) == cudaErrorStreamCaptureImplicit);
    CHECK(cudaStreamEndCapture(blocking.handle, &graph) == cudaErrorStreamCaptureInvalidated);
  }
  CHECK(cudaStreamEndCapture(stream.handle, &graph) == cudaErrorIllegalState);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
  cudaEvent_t outside = nullptr, captured = nullptr;
  REQUIRE(cudaEventCreate(&outside) == cudaSuccess);
  REQUIRE(cudaEventCreate(&captured) == cudaSuccess);
  REQUIRE(cudaEventRecord(outside, side.handle) == cudaSuccess);
  breaks([&] { return cudaStreamWaitEvent(stream.handle, outside); }, cudaErrorStreamCaptureIsolation);
  CHECK(cudaStreamIsCapturing(stream.handle, &status) == cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusNone);
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaStreamIsCapturing(stream.handle, &status) == cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusActive);
  REQUIRE(cudaEventRecord(captured, stream.handle) == cudaSuccess);
  CHECK(cudaEventSynchronize(captured) == cudaErrorCapturedEvent);
  REQUIRE(cudaStreamBeginCapture(side.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.handle, captured) == cudaErrorStreamCaptureMerge);
  CHECK(cudaStreamEndCapture(side.handle, &graph) == cudaErrorStreamCaptureInvalidated);
  CHECK(cudaStreamEndCapture(stream.handle, &graph) == cudaErrorStreamCaptureInvalidated);
  REQUIRE(cudaEventDestroy(outside) == cudaSuccess);
  REQUIRE(cudaEventDestroy(captured) == cudaSuccess);
  CHECK(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture_fork(stream, side, x, 1, false) == nullptr);
  cudaGetLastError();
}

}  // namespace
