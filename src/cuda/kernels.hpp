// The operations as the .cu files implement them, float and double each.
#pragma once

#include "context.hpp"

namespace gcmc::kernels {

#define GCMC_RUN(Struct, kernel) void run(CudaContext& context, const Struct& op);
GCMC_INDEX_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

#define GCMC_RUN(Struct, kernel) \
  template <class T>             \
  void run(CudaContext& context, const Struct<T>& op);
GCMC_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

}  // namespace gcmc::kernels
