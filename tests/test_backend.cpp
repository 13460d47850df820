// What lies around a backend's operations: memory that checks what it is given, and a backend of float alone.
#include "catch.hpp"
#include "gcmc/backend/memory.hpp"

#include "error_of.hpp"
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
