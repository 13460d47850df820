// The CPU kernels for any processor: 16-byte vectors (SSE2, NEON).
#define GCMC_VECTOR_BYTES 16
#include "isa.hpp"

namespace gcmc {
const CpuIsa isa_portable = make_isa("portable");
}
