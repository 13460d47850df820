// The graph convolution's products by Eigen: one sparse matrix a level, every edge, dropped or not.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include "benchmarks.hpp"
#include "gcmc/layers/model_layers.hpp"

namespace gcmc::benchmarks {
namespace {

using Sparse = Eigen::SparseMatrix<float, Eigen::RowMajor>;
using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// H_r = A_r W_r and dW_r = A_r^T dH_r for every level and both sides, with A_r and its transpose stored.
class EigenConvolutions {
 public:
  EigenConvolutions(const Shape& shape, const Case& options) {
    const auto levels = static_cast<Index>(shape.ratings.levels.size());
    const ConvolutionShape sizes(convolution_options(options.options().model), levels);
    const Index users = shape.ratings.users(), items = shape.ratings.items();
    for (Index r = 0; r < levels; ++r) {
      to_users_.push_back(level(shape.split.train(), static_cast<Level>(r), users, items));
      to_items_.push_back(to_users_.back().transpose());
    }
    user_rows_ = Dense::Random(users, sizes.width);
    item_rows_ = Dense::Random(items, sizes.width);
    user_sums_ = Dense::Zero(users, sizes.width);
    item_sums_ = Dense::Zero(items, sizes.width);
  }

  /// One direction of both sides. Forward and backward are the same products, of tables and of gradients.
  void run() {
    for (const Sparse& a : to_users_) user_sums_.noalias() = a * item_rows_;
    for (const Sparse& a : to_items_) item_sums_.noalias() = a * user_rows_;
    benchmark::DoNotOptimize(user_sums_.data());
    benchmark::DoNotOptimize(item_sums_.data());
  }

 private:
  static Sparse level(std::span<const Rating> ratings, Level wanted, Index users, Index items) {
    std::vector<Eigen::Triplet<float>> edges;
    for (const Rating& rating : ratings)
      if (rating.level == wanted) edges.emplace_back(rating.user, rating.item, 0.01f);
    Sparse matrix(users, items);
    matrix.setFromTriplets(edges.begin(), edges.end());
    return matrix;
  }

  std::vector<Sparse> to_users_, to_items_;
  Dense user_rows_, item_rows_, user_sums_, item_sums_;
};

void run(benchmark::State& state, Laboratory& laboratory, const Case& options) {
  auto& convolutions = laboratory.experiment<EigenConvolutions>("eigen/" + options.name(), options);
  Eigen::setNbThreads(options.threads);
  for (auto _ : state) convolutions.run();
  const double edges = 2.0 * static_cast<double>(laboratory.shape(options.shape).split.train().size());
  state.counters["edges"] = edges;
}

}  // namespace

void register_eigen(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes)
    for (const Aggregation aggregation : {Aggregation::stack, Aggregation::sum})
      for (const int threads : thread_counts()) {
#ifndef EIGEN_HAS_OPENMP
        if (threads > 1) continue;
#endif
        if (aggregation == Aggregation::sum && shape != "ml-1m") continue;
        const Case options{shape, aggregation, "dgl", 1.0, threads};
        benchmark::RegisterBenchmark(("baseline/eigen_sparse_dense/" + options.name()).c_str(),
                                     [=](benchmark::State& state) { run(state, *laboratory, options); })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      }
}

}  // namespace gcmc::benchmarks
