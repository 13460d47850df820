// What the emulator's tests share: device arrays, launches, seeds, and children that may die.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "../catch.hpp"
#include "cuda_runtime.h"
#include "emulator.hpp"

/// An array of cudaMalloc.
template <class T>
struct DeviceArray {
  T* data = nullptr;
  std::size_t size;
  explicit DeviceArray(std::size_t count) : size(count) {
    REQUIRE(cudaMalloc(&data, count * sizeof(T)) == cudaSuccess);
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    REQUIRE(cudaMemcpy(data, values.data(), size * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
    REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data); }
  std::vector<T> get() const {
    std::vector<T> values(size);
    REQUIRE(cudaMemcpy(values.data(), data, size * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return values;
  }
};

struct TestStream {
  cudaStream_t handle = nullptr;
  explicit TestStream(unsigned flags = cudaStreamNonBlocking) {
    REQUIRE(cudaStreamCreateWithFlags(&handle, flags) == cudaSuccess);
  }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  ~TestStream() { cudaStreamDestroy(handle); }
};

template <class... P, class... A>
cudaError_t launch_on(cudaStream_t stream, dim3 grid, dim3 block, std::size_t shared, void (*kernel)(P...),
                      A... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...);
}

/// Launches on the default stream and waits.
template <class... P, class... A>
cudaError_t run(dim3 grid, dim3 block, void (*kernel)(P...), A... arguments) {
  const cudaError_t error = launch_on(nullptr, grid, block, 0, kernel, arguments...);
  return error == cudaSuccess ? cudaDeviceSynchronize() : error;
}

/// Calls body with each of several seeds; the number of times that it gave true.
template <class F>
int count_seeds(F body, int seeds = 20) {
  int count = 0;
  for (int i = 1; i <= seeds; ++i) {
    emulator::seed(static_cast<std::uint64_t>(i));
    count += body();
  }
  return count;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The faults so far must be one, and name all the parts. Repairs the device.
inline void check_one_fault(std::initializer_list<const char*> parts) {
  const std::vector<std::string> faults = emulator::take_faults();
  emulator::reset();
  REQUIRE(faults.size() == 1);
  INFO(faults[0]);
  for (const char* part : parts) CHECK(contains(faults[0], part));
}

struct ChildResult {
  int exit_code;
  std::string errors;
};
/// Runs body in a child process that then exits as programs do.
template <class F>
ChildResult child(F body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    std::exit(0);
  }
  close(ends[1]);
  ChildResult result{0, {}};
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    result.errors.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result;
}

/// Ends every test case: nothing left behind, no fault unnoticed.
struct Clean {
  Clean() { emulator::reset(); }
  ~Clean() {
    CHECK(emulator::take_faults() == std::vector<std::string>{});
    CHECK(emulator::leaks() == std::vector<std::string>{});
  }
};
