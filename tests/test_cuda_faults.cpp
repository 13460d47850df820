// What the CUDA backend says when the machine fails it: failures planted in the emulator.
#include "backends.hpp"
#include "cublas_v2.h"
#include "cuda_runtime.h"
#include "cusparse.h"
#include "emulator.hpp"
#include "gcmc/cuda.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

/// What `work` throws; empty: nothing.
template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return {};
}

void check_holds(const std::string& text, std::initializer_list<const char*> parts) {
  INFO(text);
  for (const char* part : parts) CHECK(text.find(part) != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
}

/// Two steps of a small training.
void train_a_little(Cuda& cuda) {
  const Ratings ratings = generate_ratings({.users = 40, .items = 50, .ratings = 900});
  Options options;
  options.model = {.units = 20, .output = 8};
  const Split parts = Split(ratings, split_options(options));
  Trainer<Cuda, float> trainer(cuda, ratings, parts, options);
  for (int step = 0; step < 3; ++step) trainer.step();
}

}  // namespace

TEST_CASE("without a device, the message says what to do", "[cuda][faults]") {
  emulator::reset({.devices = 0});
  check_holds(error_of([] { Cuda(); }), {"cudaGetDeviceCount", "cudaErrorNoDevice", "use the CPU"});
  emulator::reset();
}

TEST_CASE("a driver that is too old is named with both versions", "[cuda][faults]") {
  emulator::reset({.driver_version = 11040});
  check_holds(error_of([] { Cuda(); }), {"cudaErrorInsufficientDriver", "needs a driver for CUDA 13.0", "knows 11.4"});
  emulator::reset();
}

TEST_CASE("every call that can fail is checked, and its failure leaks nothing", "[cuda][faults]") {
  // The n-th call of each kind fails, for the first ones and some behind them.
  for (const char* call : {"cudaMallocFromPoolAsync", "cudaMemset", "cudaMemcpy", "cudaLaunchKernelEx", "cublasS",
                           "cublasCreate", "cudaStreamCreate", "cudaStreamSynchronize", "cudaStreamBeginCapture",
                           "cudaGraphInstantiate", "cudaGraphLaunch", "cudaMemPoolCreate", "cudaMemPoolSetAttribute",
                           "cudaMallocHost", "cudaGetDevice", "cudaDeviceGetAttribute"})
    for (const int nth : {1, 2, 3, 60}) {
      INFO(call << ", call " << nth);
      const bool library = std::string(call).starts_with("cublas");
      const bool sparse = std::string(call).starts_with("cusparse");
      emulator::fail(call, nth,
                     library  ? int{CUBLAS_STATUS_EXECUTION_FAILED}
                     : sparse ? int{CUSPARSE_STATUS_EXECUTION_FAILED}
                              : int{cudaErrorMemoryAllocation});
      const std::string error = error_of([&] {
        Cuda cuda(0, {.spmm = sparse ? CudaSpmm::csr_alg3 : CudaSpmm::own});
        train_a_little(cuda);
      });
      emulator::reset();
      if (nth == 1) CHECK_FALSE(error.empty());
      if (!error.empty())
        check_holds(error, {"cuda: ", library  ? "CUBLAS_STATUS"
                                      : sparse ? "CUSPARSE_STATUS"
                                               : "cudaErrorMemoryAllocation"});
      REQUIRE(emulator::leaks().empty());
    }
}

TEST_CASE("a copy whose wait fails leaves the host's memory alone", "[cuda][faults]") {
  std::vector<std::vector<float>> before(1, std::vector<float>(1 << 19, 1)), after(1, std::vector<float>(1 << 19));
  Cuda cuda;
  Buffer<Cuda, float> x(cuda, before[0]);
  emulator::fail("cudaStreamSynchronize", 2, cudaErrorMemoryAllocation);
  CHECK_FALSE(error_of([&] { cuda.copy_to_device(x.data(), before[0].data(), x.bytes()); }).empty());
  before.clear();  // under a sanitizer, a copy that still reads it is found
  emulator::fail("cudaStreamSynchronize", 1, cudaErrorMemoryAllocation);
  CHECK_FALSE(error_of([&] { cuda.copy_to_host(after[0].data(), x.data(), x.bytes()); }).empty());
  CHECK(x.get() == std::vector<float>(1 << 19, 1));  // now the waiting copies are done
  CHECK(after[0] == std::vector<float>(1 << 19));
}

TEST_CASE("memory that is not there is said so", "[cuda][faults]") {
  Cuda cuda;
  emulator::fail("cudaMallocFromPoolAsync", 1, cudaErrorMemoryAllocation);
  check_holds(error_of([&] { Buffer<Cuda, float>(cuda, 100); }),
              {"cudaMallocFromPoolAsync", "cudaErrorMemoryAllocation", "use a smaller model"});
  CHECK(error_of([&] { Buffer<Cuda, float>(cuda, 100); }).empty());  // not sticky
}

TEST_CASE("what a rehearsal lets through has memory enough", "[cuda][faults]") {
  const Ratings ratings = generate_ratings({.users = 300, .items = 200, .ratings = 9000});
  Options options;
  options.model = {.units = 20, .output = 8};
  options.train.max_iterations = 3;
  const auto trained = [&](std::size_t memory, CudaSpmm spmm) {
    emulator::reset({.memory = memory});
    return error_of([&] {
      Cuda cuda(0, {.spmm = spmm});
      train(cuda, ratings, options);
    });
  };
  std::size_t least[2] = {};
  for (const CudaSpmm spmm : {CudaSpmm::own, CudaSpmm::csr_alg3}) {
    std::size_t low = std::size_t{5} << 20, high = std::size_t{16} << 20;  // cuBLAS's workspace is 4 MB
    while (high - low > 16384) {
      const std::size_t middle = low + (high - low) / 2;
      const std::string error = trained(middle, spmm);
      if (!error.empty()) check_holds(error, {"of device memory, and ", " free: use a smaller model"});
      (error.empty() ? high : low) = middle;
    }
    least[spmm == CudaSpmm::own ? 0 : 1] = high;
  }
  CHECK(least[0] > std::size_t{6} << 20);
  CHECK(least[1] > least[0] + 4 * 7000 * 8);  // both ways, forward and back
  emulator::reset();
}

TEST_CASE("a kernel that cannot be launched is named", "[cuda][faults]") {
  Cuda cuda;
  Buffer<Cuda, float> x(cuda, 32);
  emulator::fail("cudaLaunchKernelEx", 1, cudaErrorLaunchOutOfResources);
  check_holds(error_of([&] {
                cuda.run(Activate<float>{.x = {x.data(), 1, 32, 32}});
              }),
              {"cuda: activate: ", "cudaErrorLaunchOutOfResources"});
}

TEST_CASE("a device that is lost in training is an error, while updates wait too", "[cuda][faults]") {
  for (const int nth : {1, 40, 80}) {
    INFO("kernel " << nth);
    {
      Cuda cuda;
      emulator::fail_kernel(nth, cudaErrorIllegalAddress);
      check_holds(error_of([&] { train_a_little(cuda); }), {"cudaErrorIllegalAddress"});
    }
    emulator::reset();
  }
}

TEST_CASE("a kernel's fault shows at the next copy, and stays", "[cuda][faults]") {
  {
    Cuda cuda;
    Buffer<Cuda, float> x(cuda, 32);
    cuda.run(Activate<float>{.x = {x.data(), 1, 32, 32}});
    x.front();
    emulator::fail_kernel(1, cudaErrorIllegalAddress);
    cuda.run(Activate<float>{.x = {x.data(), 1, 32, 32}});
    check_holds(error_of([&] { x.front(); }),
                {"cudaStreamSynchronize", "cudaErrorIllegalAddress", "the device is lost to this process"});
    CHECK_FALSE(error_of([&] { x.front(); }).empty());
    CHECK_FALSE(error_of([] { Cuda(); }).empty());
  }
  emulator::reset();
}
