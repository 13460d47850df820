// The CPU backend: threads of its own and kernels compiled for several instruction sets, the best one chosen at run
// time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "gcmc/backend/backend.hpp"
#include "gcmc/base/export.hpp"

namespace gcmc {

/// Runs operations on `threads` threads (0: all cores that the process may use, by its affinity and its container's
/// quota). An object serves one caller at a time; several objects may work side by side. Results do not depend on the
/// number of threads; they may differ in the last bits between instruction sets, whose vectors sum in different orders.
class GCMC_EXPORT Cpu {
 public:
  static constexpr bool stores_bf16_tables = true;  ///< Hints::bf16

  /// `isa`: avx512, avx2 or portable; empty: the environment's GCMC_CPU_ISA, else the best that the processor has.
  /// Throws DeviceError if the processor or the build lacks it or the threads cannot be started, and InputError if
  /// there is no set of that name or threads is negative.
  explicit Cpu(int threads = 0, const std::string& isa = {});
  ~Cpu();
  Cpu(Cpu&&) noexcept;
  Cpu& operator=(Cpu&&) noexcept;

  int threads() const;
  std::string isa() const;
  std::string name() const { return "cpu-" + isa(); }

  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes) noexcept;
  void copy_to_device(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes);

  template <Operation Op>
  void run(const Op& op);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

static_assert(Backend<Cpu, float> && Backend<Cpu, double>);

}  // namespace gcmc
