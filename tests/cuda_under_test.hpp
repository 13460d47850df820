// The options of the Cuda backend under test.
#pragma once

#include <cstdlib>
#include <string>

#include "gcmc/cuda.hpp"

namespace gcmc {

/// GCMC_TEST_SPMM=csr_alg3 in the environment: cuSPARSE's path of the graph convolution.
inline CudaOptions cuda_options() {
  const char* spmm = std::getenv("GCMC_TEST_SPMM");
  return {.spmm = spmm && std::string(spmm) == "csr_alg3" ? CudaSpmm::csr_alg3 : CudaSpmm::own};
}

}  // namespace gcmc
