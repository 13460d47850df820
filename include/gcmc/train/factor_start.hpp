// First values of a model's parameters that know what a matrix factorization knows.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "gcmc/layers/graph.hpp"
#include "gcmc/layers/model.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/ratings/factorization.hpp"

namespace gcmc {

/// X with (A + ridge diag(A)) X = B for a symmetric A, n x n, with no negative eigenvalue, and B, n x m, both
/// row-major; B becomes X. Rows of zeros count as the identity's. By Cholesky's factorisation; cost n^3 / 6 + n^2 m.
inline void solve_ridge(std::vector<double>& a, std::vector<double>& b, Offset n, double ridge) {
  const Offset m = n > 0 ? static_cast<Offset>(b.size()) / n : 0;
  const auto at = [&](Offset i, Offset j) -> double& { return a[static_cast<std::size_t>(i * n + j)]; };
  const auto right = [&](Offset i, Offset j) -> double& { return b[static_cast<std::size_t>(i * m + j)]; };
  for (Offset i = 0; i < n; ++i) at(i, i) = at(i, i) > 0 ? at(i, i) * (1 + ridge) : 1;
  for (Offset i = 0; i < n; ++i) {  // A = L L^T, L in place of the lower half
    for (Offset j = 0; j <= i; ++j) {
      double sum = at(i, j);
      for (Offset k = 0; k < j; ++k) sum -= at(i, k) * at(j, k);
      at(i, j) = i == j ? std::sqrt(sum) : sum / at(j, j);
    }
    for (Offset c = 0; c < m; ++c) {  // L Y = B
      for (Offset k = 0; k < i; ++k) right(i, c) -= at(i, k) * right(k, c);
      right(i, c) /= at(i, i);
    }
  }
  for (Offset i = n - 1; i >= 0; --i)  // L^T X = Y
    for (Offset c = 0; c < m; ++c) {
      for (Offset k = i + 1; k < n; ++k) right(i, c) -= at(k, i) * right(k, c);
      right(i, c) /= at(i, i);
    }
}

/// Gives a model of stacked levels the first values with which it repeats a factorization as nearly as it can:
///   tables    each block's row of a node is its factors (in the implicit block times its bias), its bias and a
///             constant, so that a block's hidden units are means (or, normalised symmetrically, sums) over the
///             level's neighbours;
///   dense     the ridge regression, weighted by ratings, of (p, b, 1) of a user and (q, 1, c) of an item on the hidden
///             units, so that z_i^T z_j is p_i q_j + b_i + c_j;
///   decoder   P_1 = I and P_2, which picks 1 * 1; the coefficients a_sr are those of a linear discriminant of the
///             levels on z_i^T z_j: normal of the level's mean m_r and a variance v for all, so that the logit of level
///             r is m_r / v z_i^T z_j + log(share of r) - m_r^2 / (2 v); a level without a rating has the mean of the
///             nearest with one;
///   features  the layer above them is 0.
/// What is wider than the factors keeps the values drawn. Two encodings, and O(nodes hidden^2 + hidden^3 + ratings D).
template <class B, class T>
requires Backend<B, T>
class FactorStart {
 public:
  /// `train`: the ratings that `graph` is of, which the factors were fitted on. All must outlive it. Throws InputError
  /// if the model's widths leave no room for a factor.
  FactorStart(B& backend, Model<B, T>& model, const Graph<B, T>& graph, const Ratings& ratings,
              std::span<const Rating> train, const Factors& factors)
      : backend_(&backend),
        model_(&model),
        graph_(&graph),
        ratings_(&ratings),
        train_(train),
        factors_(&factors),
        shape_(model.layers().convolution, model.layers().sizes.levels),
        output_(model.options().output),
        values_(model.parameters().get()) {
    require(shape_.width > extra && output_ > extra, [&] {
      return "a start from factors needs " + std::to_string(extra + 1) +
             " units a level and in the embeddings: raise gcn_agg_units or gcn_out_units";
    });
    for (const Side side : {user_side, item_side})
      count_[side].resize(static_cast<std::size_t>(model.layers().sizes.nodes[side]));
    for (const Rating& rating : train) {
      ++count_[user_side][static_cast<std::size_t>(rating.user)];
      ++count_[item_side][static_cast<std::size_t>(rating.item)];
    }
  }

  /// Of factors for the model's embeddings. Throws InputError for a model whose first values this cannot give.
  static Index rank(const ModelOptions& model) {
    require_form_for_factors(model);
    return std::max(model.output - extra, 1);
  }

  void run() {
    const ModelLayers& layers = model_->layers();
    for (const Side side : {user_side, item_side}) {
      fill_table(side);
      if (layers.has_features(side)) std::ranges::fill(values_.at(layers.features_name(side) + ".dense"), T{});
    }
    encode();
    for (const Side side : {user_side, item_side}) fit_dense(side);
    encode();
    fit_decoder();
    model_->parameters().set(values_);
  }

 private:
  static constexpr Index extra = 2;  ///< columns beside the factors: the bias, and the constant or the other's bias
  static constexpr T table_constant = static_cast<T>(0.3);  ///< of the size of factors
  static constexpr double ridge = 0.3;                      ///< chosen on validation ratings of ml-1m
  /// Of the scores' variance, what is within levels: .43 to .56 of MovieLens' sets. Where users or items have very few
  /// ratings, factors repeat these, and levels would seem sure.
  static constexpr double least_within = 0.4;

  void encode() {
    model_->parameters().set(values_);
    model_->encode(graph_->messages());
  }

  void fill_table(Side sending) {
    std::vector<T>& table = values_.at(model_->layers().encoder_name(sending) + ".weight");
    const auto nodes = static_cast<Index>(count_[sending].size());
    const bool symmetric = graph_->normalization() == Normalization::symmetric;
    const Index used = std::min(factors_->rank, shape_.width - extra);
    T* row = table.data();
    for (Index block = 0; block < shape_.tables; ++block)
      for (Index node = 0; node < nodes; ++node, row += shape_.width) {
        const auto count = static_cast<double>(count_[sending][static_cast<std::size_t>(node)]);
        const T scale = static_cast<T>(symmetric ? std::sqrt(count) : 1);
        const T bias = static_cast<T>(factors_->bias[sending][static_cast<std::size_t>(node)]);
        const T of_block = block == model_->layers().sizes.levels ? bias : T{1};  // the implicit one sums biases
        for (Index c = 0; c < used; ++c) row[c] = scale * of_block * static_cast<T>(factors_->of(sending, node)[c]);
        row[shape_.width - 2] = scale * bias;
        row[shape_.width - 1] = scale * table_constant;
      }
  }

  Index constant_column(Side side) const { return side == user_side ? output_ - 1 : output_ - 2; }

  /// What a node's embedding should be.
  void target(Side side, Index node, std::vector<double>& row) const {
    for (Index c = 0; c < std::min(factors_->rank, output_ - extra); ++c) row[c] = factors_->of(side, node)[c];
    row[constant_column(other(side))] = factors_->bias[side][static_cast<std::size_t>(node)];
    row[constant_column(side)] = 1;
  }

  void fit_dense(Side side) {
    const MatrixView<const T> hidden = model_->hidden(side);
    const Offset units = hidden.columns, size = units + 1;  // the last one is the bias
    std::vector<double> a(static_cast<std::size_t>(size * size)), b(static_cast<std::size_t>(size * output_));
    std::vector<double> row(static_cast<std::size_t>(output_));
    std::vector<T> roots(static_cast<std::size_t>(hidden.rows)), targets;
    for (Index node = 0; node < hidden.rows; ++node) {
      const auto count = static_cast<double>(count_[side][static_cast<std::size_t>(node)]);
      roots[static_cast<std::size_t>(node)] = static_cast<T>(std::sqrt(count));
      target(side, node, row);
      for (Index c = 0; c < output_; ++c) {
        targets.push_back(static_cast<T>(std::sqrt(count) * row[c]));
        b[units * output_ + c] += count * row[c];
      }
    }
    const Buffer<B, T> root(*backend_, roots);
    Matrix<B, T> weighted(*backend_, hidden.rows, hidden.columns), goal(*backend_, hidden.rows, output_);
    Matrix<B, T> gram(*backend_, hidden.columns, hidden.columns), cross(*backend_, hidden.columns, output_);
    goal.set(targets);
    backend_->run(AddScaled<T>{.a = hidden, .row_scale = root.data(), .c = weighted.view()});
    backend_->run(MultiplyTransposed<T>{.a = weighted.const_view(), .b = weighted.const_view(), .c = gram.as_block()});
    backend_->run(MultiplyTransposed<T>{.a = weighted.const_view(), .b = goal.const_view(), .c = cross.as_block()});

    const std::vector<T> squares = gram.get(), products = cross.get();
    std::copy(products.begin(), products.end(), b.begin());
    for (Offset i = 0; i < units; ++i) {
      std::copy_n(squares.begin() + i * units, units, a.begin() + i * size);
      a[i * size + units] = a[units * size + i] = b[i * output_ + constant_column(side)];
    }
    a[units * size + units] = b[units * output_ + constant_column(side)];
    solve_ridge(a, b, size, ridge);

    const std::string name = model_->layers().dense_name(side);
    std::vector<T>&weight = values_.at(name + ".weight"), &bias = values_.at(name + ".bias");
    for (std::size_t k = 0; k < weight.size(); ++k) weight[k] = static_cast<T>(b[k]);
    for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = static_cast<T>(b[weight.size() + c]);
  }

  /// Of the levels with a count, the one whose value is nearest.
  std::size_t nearest_counted(std::size_t level, const std::vector<double>& count) const {
    const auto distance = [&](std::size_t r) { return std::abs(ratings_->levels[r] - ratings_->levels[level]); };
    std::size_t nearest = train_.front().level;
    for (std::size_t r = 0; r < count.size(); ++r)
      if (count[r] > 0 && distance(r) < distance(nearest)) nearest = r;
    return nearest;
  }

  void fit_decoder() {
    const std::vector<T> user = model_->embedding(user_side).get(), item = model_->embedding(item_side).get();
    const std::size_t levels = ratings_->levels.size();
    std::vector<double> count(levels), sum(levels), mean(levels), constant(levels);
    double squares = 0, total = 0;
    for (const Rating& rating : train_) {
      const T *p = user.data() + Offset{rating.user} * output_, *q = item.data() + Offset{rating.item} * output_;
      const double score = static_cast<double>(std::inner_product(p, p + output_, q, T{}));
      ++count[rating.level];
      sum[rating.level] += score;
      squares += score * score;
    }
    const auto all = static_cast<double>(train_.size());
    total = squares - std::pow(std::accumulate(sum.begin(), sum.end(), 0.0), 2) / all;
    for (std::size_t r = 0; r < levels; ++r) {
      mean[r] = sum[r] / std::max(count[r], 1.0);
      squares -= count[r] * mean[r] * mean[r];
    }
    for (std::size_t r = 0; r < levels; ++r)
      if (count[r] == 0) mean[r] = mean[nearest_counted(r, count)];
    const double variance = std::max({squares, least_within * total, 1e-6 * all}) / all;
    for (std::size_t r = 0; r < levels; ++r)
      constant[r] = std::log(std::max(count[r], 0.5) / all) - mean[r] * mean[r] / (2 * variance);
    const auto average = [&](const std::vector<double>& of) {
      return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(levels);
    };
    const double average_mean = average(mean), average_constant = average(constant);  // which change no probability

    std::vector<T>& basis = values_.at(model_->layers().decoder_name() + ".basis");
    std::vector<T>& coefficients = values_.at(model_->layers().decoder_name() + ".coefficients");
    std::ranges::fill(coefficients, T{});
    const Offset second = Offset{output_} * output_;
    std::fill_n(basis.begin(), 2 * second, T{});
    for (Offset c = 0; c < output_; ++c) basis[c * output_ + c] = 1;
    basis[second + Offset{constant_column(user_side)} * output_ + constant_column(item_side)] = 1;
    for (std::size_t r = 0; r < levels; ++r) {
      coefficients[r] = static_cast<T>((mean[r] - average_mean) / variance);
      coefficients[levels + r] = static_cast<T>(constant[r] - average_constant);
    }
  }

  B* backend_;
  Model<B, T>* model_;
  const Graph<B, T>* graph_;
  const Ratings* ratings_;
  std::span<const Rating> train_;
  const Factors* factors_;
  ConvolutionShape shape_;
  Index output_;
  std::map<std::string, std::vector<T>> values_;
  std::array<std::vector<Offset>, 2> count_;  ///< by side: a node's ratings
};

}  // namespace gcmc
