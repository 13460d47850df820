// The CUDA backend: one device, one stream, memory from one pool. A header of the host's; it opens no CUDA header, and
// code that uses it is compiled by any C++20 compiler.
#pragma once

#include <memory>
#include <string>

#include "gcmc/backend/backend.hpp"
#include "gcmc/base/export.hpp"

namespace gcmc {

/// Who adds up the messages of the graph convolution, and its gradient's.
enum class CudaSpmm {
  own,       ///< gcmc's kernels: a dropped node costs nothing
  csr_alg2,  ///< cuSPARSE, CUSPARSE_SPMM_CSR_ALG2: results may differ in the last bits from run to run
  csr_alg3   ///< cuSPARSE, CUSPARSE_SPMM_CSR_ALG3: equal bits in every run
};

/// How the backend computes where there is a choice.
struct CudaOptions {
  bool tf32 = false;  ///< dense products of floats in TF32 (10 bits of mantissa) on tensor cores
  /// cuSPARSE computes all options of a model, dropped nodes and removed edges as zeros, on fewer than 2^31 edges. It
  /// takes some 32 bytes of memory more an edge (double: 48), twice that with the implicit table; and tables' copies.
  CudaSpmm spmm = CudaSpmm::own;
};

/// Runs operations on one CUDA device. An object serves one caller at a time; several objects may work side by side.
/// Results are a function of the operation alone on one kind of device (but for csr_alg2); they may differ in the last
/// bits between kinds, whose cuBLAS kernels sum in different orders, and from those of other backends.
class GCMC_EXPORT Cuda {
 public:
  /// `device` as CUDA numbers them. Throws DeviceError if there is no such device, or the driver is missing or too old.
  explicit Cuda(int device = 0, const CudaOptions& options = {});
  ~Cuda();
  Cuda(Cuda&&) noexcept;
  Cuda& operator=(Cuda&&) noexcept;

  /// Devices that the driver offers. Throws DeviceError where there is no driver, or one too old for this build.
  static int devices();

  int device() const;
  std::string name() const;
  /// Bytes of device memory that are free now, what this object's pool holds unused included.
  std::size_t free_memory() const;

  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes) noexcept;
  void copy_to_device(void* to, const void* from, std::size_t bytes);
  void copy_to_host(void* to, const void* from, std::size_t bytes);
  void copy(void* to, const void* from, std::size_t bytes);

  /// Runs the operations that `step()` gives as one CUDA graph. The first call, and one after memory was allocated,
  /// runs them one by one; later calls with the same operations (of any parameters) launch one updated graph. `step`
  /// must not allocate, release or copy to the host.
  template <class Step>
  void run_step(const Step& step) {
    Capture capture(*this);
    step();
    capture.launch();
  }

  /// Does `work()` on this object without a device: memory is counted but not taken, nothing is launched, what is
  /// copied to the host is 0. Throws DeviceError if the most memory that was taken at a time is more than
  /// free_memory().
  template <class Work>
  void require_memory(const Work& work) {
    Rehearsal rehearsal(*this);
    work();
    rehearsal.finish();
  }

  template <Operation Op>
  void run(const Op& op);

 private:
  /// The stream records from construction on; destruction without launch() drops what was recorded.
  class Capture {
   public:
    explicit Capture(Cuda& cuda);
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture();
    void launch();

   private:
    Cuda& cuda_;
    bool recording_ = false;
  };

  /// Counts memory from construction to destruction.
  class Rehearsal {
   public:
    explicit Rehearsal(Cuda& cuda);
    Rehearsal(const Rehearsal&) = delete;
    Rehearsal& operator=(const Rehearsal&) = delete;
    ~Rehearsal();
    /// Throws DeviceError if what was counted is more than there is.
    void finish() const;

   private:
    Cuda& cuda_;
  };

  struct State;
  std::unique_ptr<State> state_;
};

static_assert(Backend<Cuda, float> && Backend<Cuda, double>);

}  // namespace gcmc
