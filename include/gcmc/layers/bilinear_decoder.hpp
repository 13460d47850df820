// The bilinear decoder: scores each rating level of a (user, item) pair, and its gradient.
#pragma once

#include "gcmc/layers/graph.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/ratings/metrics.hpp"

namespace gcmc {

/// logit_r(i, j) = sum over s of a_sr z_i^T P_s z_j; p = softmax(logit); prediction = sum over r of value_r p_r
/// (van den Berg, Kipf and Welling 2017, eq. 4 and 5, with the weight sharing of section 2.4).
///   P  B x D x D    a  B x R    z_i, z_j  D
/// Work O(users B D^2 + pairs B D). No array has the size of the pairs.
template <Backend B, class T>
class BilinearDecoder {
 public:
  BilinearDecoder(B& backend, Parameters<B, T>& parameters, int basis, int coefficients, Index users, Index bases,
                  Index output, const std::vector<double>& levels, double smoothing)
      : backend_(&backend),
        parameters_(&parameters),
        basis_(basis),
        coefficients_(coefficients),
        bases_(bases),
        smoothing_(static_cast<T>(smoothing)),
        user_basis_(backend, users, bases * row_stride<T>(output)),
        user_basis_gradient_(backend, users, bases * row_stride<T>(output)),
        values_(backend, std::vector<T>(levels.begin(), levels.end())),
        sums_(backend, 1) {}

  /// Loss and all gradients for the pairs, whose mean (smoothed) cross-entropy is the loss. Overwrites du, dv and the
  /// gradients of P and a.
  void forward_backward(MatrixView<const T> u, MatrixView<const T> v, const Pairs& pairs, MatrixView<T> du,
                        MatrixView<T> dv) {
    project(u);
    backend_->run(Decode<T>{pairs.adjacency, pairs.chunk_begin, pairs.chunks, bases_, user_basis_.const_view(), v,
                            parameters_->values(coefficients_).data, values_.data(), pairs.count,
                            user_basis_gradient_.view(), dv, parameters_->gradient(coefficients_).data, sums_.data(),
                            pairs.by_item, smoothing_});
    const BlockMatrix<T> p = parameters_->values(basis_);
    backend_->run(MultiplyTransposed<T>{u, user_basis_gradient_.const_view(), parameters_->gradient(basis_)});
    backend_->run(Multiply<T>{user_basis_gradient_.const_view(), p, true, true, du, nullptr, false});
  }

  /// Sums over the pairs; where the arrays are given, each entry's prediction and [levels] probabilities too.
  void predict(MatrixView<const T> u, MatrixView<const T> v, const Pairs& pairs, T* predictions = nullptr,
               T* probabilities = nullptr) {
    project(u);
    backend_->run(Predict<T>{pairs.adjacency, pairs.chunk_begin, pairs.chunks, bases_, user_basis_.const_view(), v,
                             parameters_->values(coefficients_).data, values_.data(), sums_.data(), predictions,
                             probabilities});
  }

  /// Of the last call. Waits for it. After forward_backward, absolute error and hits are 0.
  Metrics metrics() const {
    const DecodeSums sums = sums_.front();
    return {static_cast<Offset>(sums.count), sums.squared_error, sums.absolute_error, sums.cross_entropy,
            static_cast<Offset>(sums.correct)};
  }

 private:
  /// user_basis = (U P_0 | ... | U P_{B-1}).
  void project(MatrixView<const T> u) {
    backend_->run(Multiply<T>{u, parameters_->values(basis_), false, false, user_basis_.view(), nullptr, false});
  }

  B* backend_;
  Parameters<B, T>* parameters_;
  int basis_, coefficients_;
  Index bases_;
  T smoothing_;
  Matrix<B, T> user_basis_, user_basis_gradient_;
  Buffer<B, T> values_;
  Buffer<B, DecodeSums> sums_;
};

}  // namespace gcmc
