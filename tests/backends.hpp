// The backends that the tests of whole models run on.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <optional>
#include <string>

#include "cuda_under_test.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"

namespace gcmc {

/// visit(backend): Cpu for every instruction set that this processor has; in the tests of CUDA, Cuda alone.
template <class Visit>
void for_each_backend(const Visit& visit) {
#ifdef GCMC_TEST_CUDA
  Cuda cuda(0, cuda_options());
  INFO("on " << cuda.name());
  visit(cuda);
#else
  for (const char* isa : {"portable", "avx2", "avx512"}) {
    std::optional<Cpu> cpu;
    try {
      cpu.emplace(2, isa);
    } catch (const Error& error) {
      if (std::string(error.what()).find("processor") == std::string::npos) throw;
      WARN(isa << ": skipped (" << error.what() << ")");
      continue;
    }
    INFO("on " << isa);
    visit(*cpu);
  }
#endif
}

}  // namespace gcmc
