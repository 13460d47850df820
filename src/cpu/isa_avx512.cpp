// The CPU kernels for AVX-512 (F, BW, DQ, VL).
#define GCMC_VECTOR_BYTES 64
#include "isa.hpp"

namespace gcmc {
const CpuIsa isa_avx512 = make_isa("avx512");
}
