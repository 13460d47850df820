// The backends that the tests of whole models run on.
#pragma once

#include <string>

#include "catch.hpp"
#include "cuda_under_test.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"

namespace gcmc {

/// Whether tests can run the kernels of an instruction set here; says so where this build was told to leave them out or
/// the processor has not got it. Throws any other error of Cpu's: kernels that do not start are a failure.
inline bool processor_has(const std::string& isa) {
  if (isa != "portable" && std::string(GCMC_TEST_ISAS).find(isa) == std::string::npos) {
    WARN(isa << ": skipped (left out of this build by GCMC_CPU_ISAS)");
    return false;
  }
  try {
    Cpu(1, isa);
    return true;
  } catch (const DeviceError& error) {
    if (std::string(error.what()).find("this processor has no " + isa) == std::string::npos) throw;
    WARN(isa << ": skipped (" << error.what() << ")");
    return false;
  }
}

/// visit(backend): Cpu for every instruction set that this processor has; in the tests of CUDA, Cuda alone.
template <class Visit>
void for_each_backend(const Visit& visit) {
#ifdef GCMC_TEST_CUDA
  Cuda cuda(0, cuda_options());
  INFO("on " << cuda.name());
  visit(cuda);
#else
  for (const char* isa : {"portable", "avx2", "avx512"}) {
    if (!processor_has(isa)) continue;
    Cpu cpu(2, isa);
    INFO("on " << isa);
    visit(cpu);
  }
#endif
}

}  // namespace gcmc
