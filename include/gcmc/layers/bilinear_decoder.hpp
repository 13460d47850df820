// The bilinear decoder: scores each rating level of a (user, item) pair, and its gradient.
#pragma once

#include <string>
#include <vector>

#include "gcmc/layers/graph.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/ratings/metrics.hpp"

namespace gcmc {

struct DecoderOptions {
  Index bases = 2, output = 0;    ///< B, D
  bool orthogonal_basis = false;  ///< P_s start orthogonal, times 1.1, instead of uniform
  double label_smoothing = 0;     ///< of level_weight
};

inline std::vector<ParameterPiece> decoder_pieces(const std::string& name, const DecoderOptions& options,
                                                  Index levels) {
  return {{.name = name + ".basis",
           .blocks = options.bases,
           .rows = options.output,
           .columns = options.output,
           .fan_in = options.output,
           .fan_out = options.output,
           .axes = 3,
           .orthogonal = options.orthogonal_basis},
          {.name = name + ".coefficients",
           .rows = options.bases,
           .columns = levels,
           .fan_in = options.bases,
           .fan_out = levels}};
}

/// logit_r(i, j) = sum over s of a_sr z_i^T P_s z_j; p = softmax(logit); prediction = sum over r of value_r p_r
/// (van den Berg, Kipf and Welling 2017, eq. 4 and 5, with the weight sharing of section 2.4).
///   P  B x D x D    a  B x R    z_i, z_j  D
/// Work O(users B D^2 + pairs B D). No array has the size of the pairs.
template <class B, class T>
requires Backend<B, T>
class BilinearDecoder {
 public:
  /// Adds name.basis (P) and name.coefficients (a) to the parameters. `levels` are the rating values, ascending.
  BilinearDecoder(B& backend, Parameters<B, T>& parameters, const std::string& name, const DecoderOptions& options,
                  Index users, const std::vector<double>& levels)
      : backend_(&backend),
        parameters_(&parameters),
        basis_(parameters.add(decoder_pieces(name, options, static_cast<Index>(levels.size())))),
        coefficients_(basis_ + 1),
        bases_(options.bases),
        smoothing_(static_cast<T>(options.label_smoothing)),
        user_basis_(backend, users, bases_ * row_stride<T>(options.output)),
        user_basis_gradient_(backend, users, bases_ * row_stride<T>(options.output)),
        values_(backend, std::vector<T>(levels.begin(), levels.end())),
        sums_(backend, 1) {}

  /// Loss and all gradients for the pairs, whose mean (smoothed) cross-entropy is the loss. Overwrites du, dv and the
  /// gradients of P and a.
  void forward_backward(MatrixView<const T> u, MatrixView<const T> v, const Pairs& pairs, MatrixView<T> du,
                        MatrixView<T> dv) {
    project(u);
    backend_->run(Decode<T>{.pairs = pairs.adjacency,
                            .chunk_begin = pairs.chunk_begin,
                            .chunks = pairs.chunks,
                            .bases = bases_,
                            .user_basis = user_basis_.const_view(),
                            .items = v,
                            .coefficients = parameters_->values(coefficients_).data,
                            .values = values_.data(),
                            .count = pairs.count,
                            .user_basis_gradient = user_basis_gradient_.view(),
                            .item_gradient = dv,
                            .coefficient_gradient = parameters_->gradient(coefficients_).data,
                            .sums = sums_.data(),
                            .smoothing = smoothing_,
                            .hints = {.by_item = pairs.by_item}});
    backend_->run(
        MultiplyTransposed<T>{.a = u, .b = user_basis_gradient_.const_view(), .c = parameters_->gradient(basis_)});
    backend_->run(Multiply<T>{.a = user_basis_gradient_.const_view(),
                              .b = parameters_->values(basis_),
                              .transpose = true,
                              .sum_blocks = true,
                              .c = du});
  }

  /// Sums over the pairs; where the arrays are given, each entry's prediction and [levels] probabilities too.
  void predict(MatrixView<const T> u, MatrixView<const T> v, const Pairs& pairs, T* predictions = nullptr,
               T* probabilities = nullptr) {
    project(u);
    backend_->run(Predict<T>{.pairs = pairs.adjacency,
                             .chunk_begin = pairs.chunk_begin,
                             .chunks = pairs.chunks,
                             .bases = bases_,
                             .user_basis = user_basis_.const_view(),
                             .items = v,
                             .coefficients = parameters_->values(coefficients_).data,
                             .values = values_.data(),
                             .sums = sums_.data(),
                             .predictions = predictions,
                             .probabilities = probabilities});
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
    backend_->run(Multiply<T>{.a = u, .b = parameters_->values(basis_), .c = user_basis_.view()});
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
