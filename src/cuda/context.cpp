#include "context.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "gcmc/base/error.hpp"
#include "spmm.hpp"

namespace gcmc {
namespace {

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  GCMC_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

/// A pool that keeps what is freed, for the next allocation.
Pool make_pool(int device) {
  require<DeviceError>(attribute(cudaDevAttrMemoryPoolsSupported, device) != 0,
                       [&] { return "cuda: device " + std::to_string(device) + " has no memory pools: use the CPU"; });
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t pool = nullptr;
  GCMC_CHECK(cudaMemPoolCreate(&pool, &properties));
  Pool owned(pool);
  std::uint64_t keep = ~std::uint64_t{0};
  GCMC_CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep));
  return owned;
}

Stream make_stream() {
  cudaStream_t stream = nullptr;
  GCMC_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return Stream(stream);
}

Cublas make_cublas(cudaStream_t stream, bool tf32) {
  cublasHandle_t handle = nullptr;
  GCMC_CHECK(cublasCreate(&handle));
  Cublas owned(handle);
  GCMC_CHECK(cublasSetStream(handle, stream));
  GCMC_CHECK(cublasSetMathMode(handle, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH));
  return owned;
}

/// Copies go through so much page-locked memory, piece by piece.
constexpr std::size_t staging_bytes = std::size_t{1} << 20;

HostMemory make_staging() {
  void* memory = nullptr;
  GCMC_CHECK(cudaMallocHost(&memory, staging_bytes));
  return HostMemory(memory);
}

/// What cuBLAS's documentation recommends for its workspace.
std::size_t workspace_bytes(int device) {
  return std::size_t{attribute(cudaDevAttrComputeCapabilityMajor, device) >= 9 ? 32u : 4u} << 20;
}

}  // namespace

CudaContext::CudaContext(int number, const CudaOptions& options) : device(number) {
  activate();
  staging_ = make_staging();
  pool_ = make_pool(device);
  stream_ = make_stream();
  cublas_ = make_cublas(stream(), options.tf32);
  workspace_ = PoolMemory(pool(), stream(), workspace_bytes(device));
  GCMC_CHECK(cublasSetWorkspace(cublas(), workspace_.data(), workspace_.bytes()));  // after cublasSetStream: it resets
  if (options.spmm != CudaSpmm::own) spmm_ = std::make_unique<Spmm>(stream(), options.spmm);
}

CudaContext::~CudaContext() {
  cudaSetDevice(device);
  cudaStreamSynchronize(stream());
}

/// An asynchronous copy from or to pageable memory "might be synchronous with respect to host" (CUDA Runtime API, "API
/// synchronization behavior", Asynchronous, 1), or might not: where the wait behind it fails, nobody knows. So the
/// device copies from and to staging_ alone, which lives as long as the stream.
void CudaContext::copy_to_device(void* to, const void* from, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += staging_bytes) {
    const std::size_t piece = std::min(staging_bytes, bytes - at);
    std::memcpy(staging_.get(), static_cast<const char*>(from) + at, piece);
    GCMC_CHECK(cudaMemcpyAsync(static_cast<char*>(to) + at, staging_.get(), piece, cudaMemcpyHostToDevice, stream()));
    GCMC_CHECK(cudaStreamSynchronize(stream()));
  }
}

void CudaContext::copy_to_host(void* to, const void* from, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += staging_bytes) {
    const std::size_t piece = std::min(staging_bytes, bytes - at);
    GCMC_CHECK(
        cudaMemcpyAsync(staging_.get(), static_cast<const char*>(from) + at, piece, cudaMemcpyDeviceToHost, stream()));
    GCMC_CHECK(cudaStreamSynchronize(stream()));
    std::memcpy(static_cast<char*>(to) + at, staging_.get(), piece);
  }
}

PoolMemory CudaContext::take(std::size_t bytes) {
  if (rehearsal) {
    rehearsal->add(bytes);
    return {};
  }
  require<DeviceError>(!recording_, "cuda: an operation of a recorded step needs more memory than the step before");
  allocated_ = true;
  return {pool(), stream(), bytes};
}

void* CudaContext::scratch_bytes(int slot, std::size_t bytes) {
  if (rehearsal) {
    std::size_t& held = rehearsal->scratch[slot];
    if (bytes > std::max(held, scratch_[slot].bytes())) {
      rehearsal->remove(held);
      rehearsal->add(held = bytes);
    }
    return nullptr;
  }
  PoolMemory& memory = scratch_[slot];
  bytes = std::max(bytes, std::size_t{1});  // nullptr means "not wanted" to some kernels
  if (bytes > memory.bytes()) {
    memory = PoolMemory();
    memory = take(bytes);
  }
  return memory.data();
}

bool CudaContext::begin_recording() {
  if (rehearsal || std::exchange(allocated_, false)) return false;
  GCMC_CHECK(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
  return recording_ = true;
}

void CudaContext::launch_recorded() {
  recording_ = false;
  cudaGraph_t recorded = nullptr;
  GCMC_CHECK(cudaStreamEndCapture(stream(), &recorded));
  const RecordedGraph graph(recorded);
  if (executable_) {
    cudaGraphExecUpdateResultInfo info{};
    if (cudaGraphExecUpdate(executable_.get(), recorded, &info) != cudaSuccess) {
      cudaGetLastError();  // other operations than before: a new executable
      executable_ = GraphExec();
    }
  }
  if (!executable_) {
    cudaGraphExec_t executable = nullptr;
    GCMC_CHECK(cudaGraphInstantiate(&executable, recorded, 0));
    executable_ = GraphExec(executable);
  }
  GCMC_CHECK(cudaGraphLaunch(executable_.get(), stream()));
}

void CudaContext::drop_recorded() noexcept {
  recording_ = false;
  cudaGraph_t recorded = nullptr;
  cudaStreamEndCapture(stream(), &recorded);
  if (recorded) cudaGraphDestroy(recorded);
  cudaGetLastError();
}

}  // namespace gcmc
