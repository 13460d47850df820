// The class Cuda: picks the device, owns the context, hands operations to kernels.
#include "gcmc/cuda.hpp"

#include <string>

#include "context.hpp"
#include "gcmc/base/error.hpp"
#include "kernels.hpp"
#include "spmm.hpp"

namespace gcmc {

struct Cuda::State {
  State(int device, const CudaOptions& options) : context(device, options) {
    cudaDeviceProp properties{};
    GCMC_CHECK(cudaGetDeviceProperties(&properties, device));
    name = "cuda-" + std::to_string(device) + " (" + properties.name + ")";
    if (context.spmm()) name += options.spmm == CudaSpmm::csr_alg2 ? ", cuSPARSE CSR_ALG2" : ", cuSPARSE CSR_ALG3";
  }
  CudaContext context;
  std::string name;
};

int Cuda::devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  check(status, "cudaGetDeviceCount");
  return count;
}

Cuda::Cuda(int device, const CudaOptions& options) {
  const int count = devices();
  require<DeviceError>(device >= 0 && device < count, [&] {
    return "cuda: there is no device " + std::to_string(device) + ": this machine has " + std::to_string(count) +
           ", counted from 0";
  });
  state_ = std::make_unique<State>(device, options);
}
Cuda::~Cuda() = default;
Cuda::Cuda(Cuda&&) noexcept = default;
Cuda& Cuda::operator=(Cuda&&) noexcept = default;

int Cuda::device() const { return state_->context.device; }
std::string Cuda::name() const { return state_->name; }

std::size_t Cuda::free_memory() const {
  state_->context.activate();
  std::size_t free = 0, total = 0;
  std::uint64_t reserved = 0, used = 0;
  GCMC_CHECK(cudaMemGetInfo(&free, &total));
  GCMC_CHECK(cudaMemPoolGetAttribute(state_->context.pool(), cudaMemPoolAttrReservedMemCurrent, &reserved));
  GCMC_CHECK(cudaMemPoolGetAttribute(state_->context.pool(), cudaMemPoolAttrUsedMemCurrent, &used));
  return free + static_cast<std::size_t>(reserved - used);
}

void* Cuda::allocate(std::size_t bytes) {
  CudaContext& context = state_->context;
  if (context.rehearsal) {
    context.rehearsal->add(bytes);
    return context.rehearsal->address();
  }
  context.activate();
  context.note_allocation();
  PoolMemory memory(context.pool(), context.stream(), bytes);
  GCMC_CHECK(cudaMemsetAsync(memory.data(), 0, bytes, context.stream()));
  return memory.release();
}
void Cuda::release(void* memory, std::size_t bytes) noexcept {
  CudaContext& context = state_->context;
  if (context.spmm()) context.spmm()->forget(context, memory);
  if (context.rehearsal) return context.rehearsal->remove(bytes);
  cudaSetDevice(context.device);
  cudaFreeAsync(memory, context.stream());
}

void Cuda::copy_to_device(void* to, const void* from, std::size_t bytes) {
  CudaContext& context = state_->context;
  if (context.rehearsal) return;
  context.activate();
  context.copy_to_device(to, from, bytes);
}
void Cuda::copy_to_host(void* to, const void* from, std::size_t bytes) {
  CudaContext& context = state_->context;
  if (context.rehearsal) {
    std::memset(to, 0, bytes);
    return;
  }
  context.activate();
  context.copy_to_host(to, from, bytes);
}
void Cuda::copy(void* to, const void* from, std::size_t bytes) {
  const CudaContext& context = state_->context;
  if (context.rehearsal) return;
  context.activate();
  GCMC_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, context.stream()));
}

Cuda::Rehearsal::Rehearsal(Cuda& cuda) : cuda_(cuda) { cuda.state_->context.rehearsal = CudaContext::Need{}; }
Cuda::Rehearsal::~Rehearsal() { cuda_.state_->context.rehearsal.reset(); }
void Cuda::Rehearsal::finish() const {
  const std::size_t need = cuda_.state_->context.rehearsal->most, have = cuda_.free_memory();
  const auto megabytes = [](std::size_t bytes) { return std::to_string((bytes + 999999) / 1000000) + " MB"; };
  require<DeviceError>(need <= have, [&] {
    return "cuda: this takes " + megabytes(need) + " of device memory, and " + cuda_.name() + " has " +
           megabytes(have) + " free: use a smaller model, or the CPU";
  });
}

Cuda::Capture::Capture(Cuda& cuda) : cuda_(cuda) {
  cuda.state_->context.activate();
  recording_ = cuda.state_->context.begin_recording();
}
Cuda::Capture::~Capture() {
  if (recording_) cuda_.state_->context.drop_recorded();
}
void Cuda::Capture::launch() {
  if (!recording_) return;
  recording_ = false;
  cuda_.state_->context.launch_recorded();
}

template <Operation Op>
void Cuda::run(const Op& op) {
  state_->context.activate();
  kernels::run(state_->context, op);
}

#define GCMC_RUN(Struct, kernel) template void Cuda::run(const Struct&);
GCMC_INDEX_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

#define GCMC_RUN(Struct, kernel)                 \
  template void Cuda::run(const Struct<float>&); \
  template void Cuda::run(const Struct<double>&);
GCMC_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

}  // namespace gcmc
