// Random orthogonal matrices, for decoder bases that start orthogonal.
#include "gcmc/parameters.hpp"

#include <Eigen/QR>
#include <numbers>

namespace gcmc {

std::vector<double> random_orthogonal(Index n, Random& random) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  RowMajor gaussian(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {  // Box and Muller
      const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));
      gaussian(i, j) = radius * std::cos(2.0 * std::numbers::pi * random.uniform());
    }
  const Eigen::HouseholderQR<RowMajor> qr(gaussian);
  RowMajor q = qr.householderQ();
  for (Index j = 0; j < n; ++j)  // makes the distribution uniform over orthogonal matrices (Mezzadri 2007)
    if (qr.matrixQR()(j, j) < 0) q.col(j) = -q.col(j);
  return {q.data(), q.data() + q.size()};
}

}  // namespace gcmc
