// Matrices in host memory as Eigen sees them, for who goes on with Eigen. The only header that needs it: a program that
// includes it finds Eigen 3.3 or later itself; the library links none.
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// A map of the matrix's columns, without their padding; nothing is copied. Row-major; rows begin `stride` elements
/// apart. Writing through it keeps the padding zero. The memory must be the host's, as Cpu's is, and outlive the map.
template <class T>
auto as_eigen(MatrixView<T> view) {
  using Matrix = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Mapped = std::conditional_t<std::is_const_v<T>, const Matrix, Matrix>;
  return Eigen::Map<Mapped, Eigen::Unaligned, Eigen::OuterStride<>>(view.data, view.rows, view.columns,
                                                                    Eigen::OuterStride<>(view.stride));
}

}  // namespace gcmc
