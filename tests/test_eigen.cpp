// Eigen's view of the library's matrices: what Eigen computes is what the kernels compute.
#include "catch.hpp"
#include "gcmc/backend/memory.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/eigen.hpp"

using namespace gcmc;

namespace {

Matrix<Cpu, double> random_matrix(Cpu& cpu, Index rows, Index columns, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> values(static_cast<std::size_t>(rows) * columns);
  for (double& value : values) value = random.uniform() - 0.5;
  Matrix<Cpu, double> matrix(cpu, rows, columns);
  matrix.set(values);
  return matrix;
}

}  // namespace

TEST_CASE("a product by Eigen is the product by the kernels", "[eigen]") {
  Cpu cpu(1);
  const auto a = random_matrix(cpu, 13, 7, 1), b = random_matrix(cpu, 7, 21, 2);
  const Matrix<Cpu, double> c(cpu, 13, 21);
  cpu.run(Multiply<double>{.a = a.const_view(), .b = b.as_block(), .c = c.view()});
  const Eigen::MatrixXd expected = as_eigen(a.const_view()) * as_eigen(b.const_view());
  CHECK((expected - as_eigen(c.const_view())).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("what Eigen writes lies in the matrix, and not in its padding", "[eigen]") {
  Cpu cpu(1);
  const Matrix<Cpu, float> matrix(cpu, 3, 5);
  as_eigen(matrix.view()).setConstant(2);
  CHECK(matrix.get() == std::vector<float>(15, 2.0f));
  CHECK(matrix.view().row(0)[5] == 0);
  CHECK(as_eigen(matrix.const_view()).sum() == 30);
}
