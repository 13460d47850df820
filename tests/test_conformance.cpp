// The checks that strangers run on a backend of theirs: they pass for those of the library, and find each operation
// that does nothing.
#include <algorithm>

#include "backends.hpp"
#include "gcmc/testing/conformance.hpp"

namespace gcmc::testing {
namespace {

/// The oracle, but for one operation that does nothing.
template <class Lost>
class Without : public Reference {
 public:
  using Reference::run;
  void run(const Lost&) {}
};

template <class T, class Lost>
void require_found(const std::string& name) {
  INFO(name);
  Without<Lost> backend;
  const std::vector<std::string> failures = conformance<T>(backend);  // a table is read by Aggregate alone: two fail
  CHECK(
      std::any_of(failures.begin(), failures.end(), [&](const auto& line) { return line.starts_with(name + " of "); }));
}

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
#define GCMC_FIND(Struct, kernel) require_found<TestType, Struct>(#Struct);
  GCMC_INDEX_OPERATIONS(GCMC_FIND)
#undef GCMC_FIND
#define GCMC_FIND(Struct, kernel) require_found<TestType, Struct<TestType>>(#Struct);
  GCMC_OPERATIONS(GCMC_FIND)
#undef GCMC_FIND
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
