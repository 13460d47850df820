// What lies around a backend's operations: memory that checks what it is given, and a backend of float alone.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/backend/memory.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/layers/parameters.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/testing/reference.hpp"
#include "gcmc/train/train.hpp"

namespace gcmc {
namespace {

template <class Op>
inline constexpr bool of_double = false;
template <template <class> class Op>
inline constexpr bool of_double<Op<double>> = true;

/// The oracle, as if it had never heard of double.
class FloatAlone : private testing::Reference {
 public:
  using Reference::allocate, Reference::release, Reference::copy_to_device, Reference::copy_to_host, Reference::copy;
  std::string name() const { return "float-alone"; }
  template <Operation Op>
  requires(!of_double<Op>) void run(const Op& op) { Reference::run(op); }
};
static_assert(Backend<FloatAlone, float> && !Backend<FloatAlone, double>);

}  // namespace

TEST_CASE("an array and a matrix take a value for each element, no more and no fewer", "[memory]") {
  testing::Reference backend;
  Buffer<testing::Reference, float> buffer(backend, 5);
  CHECK(error_of([&] { buffer.set(std::vector<float>(4)); }) == "buffer: 4 values for 5 elements");
  CHECK(error_of([&] { buffer.set(std::vector<float>(6)); }) == "buffer: 6 values for 5 elements");
  Matrix<testing::Reference, double> matrix(backend, 3, 4);
  CHECK(error_of([&] { matrix.set(std::vector<double>(11)); }) == "matrix: 11 values for 3 x 4 elements");
  CHECK(error_of([&] { matrix.set(std::vector<double>(48)); }) == "matrix: 48 values for 3 x 4 elements");
  matrix.set(std::vector<double>(12, 2));
  CHECK(matrix.get() == std::vector<double>(12, 2));
}

TEST_CASE("a large array is zero when it is made, aligned, and copied whole, also where memory was used before",
          "[memory][cpu]") {
  Cpu cpu(3);
  constexpr Offset size = (Offset{40} << 20) / 4 + 7;
  for (int round = 0; round < 2; ++round) {
    Buffer<Cpu, float> buffer(cpu, size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % row_alignment == 0);
    std::vector<float> values = buffer.get();
    CHECK(std::count(values.begin(), values.end(), 0.0f) == size);
    for (Offset i = 0; i < size; ++i) values[static_cast<std::size_t>(i)] = static_cast<float>(i % 8191) + 1;
    buffer.set(values);
    CHECK(std::equal(values.begin(), values.end(), buffer.data()));
    CHECK(buffer.get() == values);
  }
}

TEST_CASE("a large table's first values are one sequence, row by row, on any number of threads", "[memory][cpu]") {
  constexpr Index rows = 30011, columns = 37;
  std::vector<double> expected;
  Random random(5, 1);
  const double bound = std::sqrt(6.0 / (rows + columns));
  for (Index i = 0; i < rows * columns; ++i) expected.push_back((2 * random.uniform() - 1) * bound);
  for (const int threads : {1, 2, 3}) {
    Cpu cpu(threads);
    Parameters<Cpu, double> parameters;
    parameters.add({.name = "bias", .rows = 1, .columns = 3});
    const int table =
        parameters.add({.name = "table", .rows = rows, .columns = columns, .fan_in = rows, .fan_out = columns});
    parameters.allocate(cpu);
    parameters.initialize(5);
    INFO(threads << " threads");
    CHECK(parameters.get(table) == expected);
    CHECK(parameters.get(0) == std::vector<double>(3));
  }
}

TEST_CASE("a backend of float alone trains in float, and refuses double", "[backend]") {
  FloatAlone backend;
  const Ratings ratings = generate_ratings({.users = 20, .items = 15, .ratings = 150});
  Options options;
  options.model.units = 10;
  options.model.output = 4;
  options.train.max_iterations = 2;
  CHECK(train(backend, ratings, options).metrics.iterations == 2);
  options.model.precision = Precision::float64;
  CHECK(error_of([&] { train(backend, ratings, options); }) ==
        "precision double is not for float-alone, which computes in float alone");
}

}  // namespace gcmc
