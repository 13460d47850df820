// What the CUDA backend says when the machine fails it: failures planted in the emulator.
#include "backends.hpp"
#include "cublas_v2.h"
#include "cuda_runtime.h"
#include "emulator.hpp"
#include "gcmc/data.hpp"
#include "gcmc/trainer.hpp"

namespace {

using namespace gcmc;

/// What `work` throws; empty: nothing.
template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
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
  Trainer<Cuda, float> trainer(cuda, ratings, split(ratings, split_options(options)), options);
  for (int step = 0; step < 3; ++step) trainer.step();
}

}  // namespace

TEST_CASE("without a device, the message says what to do", "[cuda][faults]") {
  emulator::reset({.devices = 0});
  check_holds(error_of([] { Cuda(); }), {"cudaGetDeviceCount", "cudaErrorNoDevice", "--device cpu"});
  emulator::reset();
}

TEST_CASE("a driver that is too old is named with both versions", "[cuda][faults]") {
  emulator::reset({.driver_version = 11040});
  check_holds(error_of([] { Cuda(); }), {"cudaErrorInsufficientDriver", "needs a driver for CUDA 13.0", "knows 11.4"});
  emulator::reset();
}

TEST_CASE("every call that can fail is checked, and its failure leaks nothing", "[cuda][faults]") {
  // The n-th call of each kind fails, for the first ones and some behind them.
  for (const char* call :
       {"cudaMallocFromPoolAsync", "cudaMemset", "cudaMemcpy", "cudaLaunchKernelEx", "cublasS", "cublasCreate",
        "cudaStreamCreate", "cudaStreamSynchronize", "cudaStreamBeginCapture", "cudaGraphInstantiate",
        "cudaGraphLaunch", "cudaMemPoolCreate", "cudaMemPoolSetAttribute", "cudaGetDevice", "cudaDeviceGetAttribute"})
    for (const int nth : {1, 2, 3, 60}) {
      INFO(call << ", call " << nth);
      const bool library = std::string(call).starts_with("cublas");
      emulator::fail(call, nth, library ? int{CUBLAS_STATUS_EXECUTION_FAILED} : int{cudaErrorMemoryAllocation});
      const std::string error = error_of([] {
        Cuda cuda;
        train_a_little(cuda);
      });
      emulator::reset();
      if (nth == 1) CHECK_FALSE(error.empty());
      if (!error.empty()) check_holds(error, {"cuda: ", library ? "CUBLAS_STATUS" : "cudaErrorMemoryAllocation"});
      REQUIRE(emulator::leaks().empty());
    }
}

TEST_CASE("memory that is not there is said so", "[cuda][faults]") {
  Cuda cuda;
  emulator::fail("cudaMallocFromPoolAsync", 1, cudaErrorMemoryAllocation);
  check_holds(error_of([&] { Buffer<Cuda, float>(cuda, 100); }),
              {"cudaMallocFromPoolAsync", "cudaErrorMemoryAllocation", "use a smaller model"});
  CHECK(error_of([&] { Buffer<Cuda, float>(cuda, 100); }).empty());  // not sticky
}

TEST_CASE("a kernel that cannot be launched is named", "[cuda][faults]") {
  Cuda cuda;
  Buffer<Cuda, float> x(cuda, 32);
  emulator::fail("cudaLaunchKernelEx", 1, cudaErrorLaunchOutOfResources);
  check_holds(error_of([&] {
                cuda.run(Activate<float>{{x.data(), 1, 32, 32}});
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
    cuda.run(Activate<float>{{x.data(), 1, 32, 32}});
    x.front();
    emulator::fail_kernel(1, cudaErrorIllegalAddress);
    cuda.run(Activate<float>{{x.data(), 1, 32, 32}});
    check_holds(error_of([&] { x.front(); }),
                {"cudaStreamSynchronize", "cudaErrorIllegalAddress", "the device is lost to this process"});
    CHECK_FALSE(error_of([&] { x.front(); }).empty());
    CHECK_FALSE(error_of([] { Cuda(); }).empty());
  }
  emulator::reset();
}
