// The checks that strangers run on a backend of theirs: they pass for those of the library, and find each operation
// that does nothing.
#include <algorithm>

#include "backends.hpp"
#include "gcmc/testing/conformance.hpp"

namespace gcmc::testing {
namespace {

/// The oracle, but for one operation, which does nothing.
struct Losing : Reference {
  std::string lost;
#define GCMC_LOSE(Struct, kernel)            \
  void run(const Struct& op) {               \
    if (lost != #Struct) Reference::run(op); \
  }
  GCMC_INDEX_OPERATIONS(GCMC_LOSE)
#undef GCMC_LOSE
#define GCMC_LOSE(Struct, kernel)            \
  template <class T>                         \
  void run(const Struct<T>& op) {            \
    if (lost != #Struct) Reference::run(op); \
  }
  GCMC_OPERATIONS(GCMC_LOSE)
#undef GCMC_LOSE
};

/// The oracle, whose product is off in its last element by a few roundings too many.
class Inexact : public Reference {
 public:
  using Reference::run;
  template <class T>
  void run(const Multiply<T>& op) {
    Reference::run(op);
    if (op.c.rows == 0) return;
    T& last = op.c.row(op.c.rows - 1)[op.c.columns - 1];
    last += static_cast<T>(1000 * roundoff<T>) * (std::fabs(last) + 1);
  }
};

TEMPLATE_TEST_CASE("the library's backends and the oracle conform", "[conformance]", float, double) {
  Reference reference;
  CHECK(conformance<TestType>(reference) == std::vector<std::string>{});
  for_each_backend([](auto& backend) { CHECK(conformance<TestType>(backend) == std::vector<std::string>{}); });
}

TEMPLATE_TEST_CASE("an operation that does nothing is found and named", "[conformance]", float, double) {
#define GCMC_NAME(Struct, kernel) #Struct,
  for (const std::string name : {GCMC_INDEX_OPERATIONS(GCMC_NAME) GCMC_OPERATIONS(GCMC_NAME)}) {
#undef GCMC_NAME
    INFO(name);
    Losing backend;
    backend.lost = name;
    const std::vector<std::string> failures = conformance<TestType>(backend);  // one may make another fail
    CHECK(std::any_of(failures.begin(), failures.end(),
                      [&](const auto& line) { return line.starts_with(name + " of "); }));
  }
}

TEMPLATE_TEST_CASE("a result beyond its rounding is found, with the numbers", "[conformance]", float, double) {
  Inexact backend;
  const std::vector<std::string> failures = conformance<TestType>(backend);
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].find("Multiply of ") == 0);
  CHECK(failures[0].find(": expected ") != std::string::npos);
}

}  // namespace
}  // namespace gcmc::testing
