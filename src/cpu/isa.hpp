// Fills the table of kernels of one instruction set. Included last by each isa_*.cpp.
#pragma once

#include "add_scaled.hpp"
#include "cross_kernels.hpp"
#include "decoder_kernels.hpp"
#include "dense_backward.hpp"
#include "dense_kernels.hpp"
#include "draw_kernels.hpp"
#include "graph_kernels.hpp"
#include "index_kernels.hpp"
#include "pair_dots.hpp"
#include "predict_kernels.hpp"
#include "sparse_product.hpp"
#include "update_kernels.hpp"

namespace gcmc {
namespace {

#define GCMC_KERNEL(Struct, kernel) .kernel = &kernel<T>,
template <class T>
constexpr CpuKernels<T> kernels_of() {
  return {GCMC_OPERATIONS(GCMC_KERNEL)};
}
#undef GCMC_KERNEL

#define GCMC_KERNEL(Struct, kernel) .kernel = &kernel,
constexpr CpuIsa make_isa(const char* name) {
  return {name, {GCMC_INDEX_OPERATIONS(GCMC_KERNEL)}, kernels_of<float>(), kernels_of<double>()};
}
#undef GCMC_KERNEL

}  // namespace
}  // namespace gcmc
