// Fills the table of kernels of one instruction set. Included last by each isa_*.cpp.
#pragma once

#include "cross_kernels.hpp"
#include "decoder_kernels.hpp"
#include "dense_backward.hpp"
#include "dense_kernels.hpp"
#include "graph_kernels.hpp"
#include "index_kernels.hpp"
#include "predict_kernels.hpp"
#include "update_kernels.hpp"

namespace gcmc {
namespace {

template <class T>
constexpr CpuKernels<T> kernels_of() {
  return {&build_table<T>, &aggregate<T>,           &aggregate_backward<T>,
          &multiply<T>,    &multiply_transposed<T>, &column_sums<T>,
          &activate<T>,    &dense_backward<T>,      &decode<T>,
          &predict<T>,     &degree_scale<T>,        &square_sum<T>,
          &update<T>,      &record_step<T>};
}

constexpr CpuIsa make_isa(const char* name) {
  return {name, {&draw_mask, &select_sources, &split_edges}, kernels_of<float>(), kernels_of<double>()};
}

}  // namespace
}  // namespace gcmc
