// The CPU kernels for AVX2 and FMA.
#define GCMC_VECTOR_BYTES 32
#include "isa.hpp"

namespace gcmc {
const CpuIsa isa_avx2 = make_isa("avx2");
}
