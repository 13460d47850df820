// Operations on the flat parameter buffer, every backend against the oracle: gradient norm, the record of a step, Adam,
// SGD and averages, at once and deferred.
#include <algorithm>

#include "compare.hpp"
#include "gcmc/testing/update_cases.hpp"

namespace gcmc::testing {
namespace {

TEMPLATE_TEST_CASE("the gradient's norm passes over rows that are not stored, and notes those that are", "[operations]",
                   float, double) {
  Draw draw(31);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const auto c = random_square_sum<TestType>(draw);
    INFO("case " << repeat << ": " << c.layout.parts.size() << " parts, " << c.layout.size << " elements");
    check_on_all([&](auto& backend) { return square_sum(backend, c); }, square_sum_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("a step's record holds the clip factor and the rates without bias", "[operations]", float, double) {
  Draw draw(32);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const auto c = random_record<TestType>(draw);
    INFO("case " << repeat << ": step " << c.op.step << ", clip " << c.op.clip << ", square sum " << c.square_sum);
    check_on_all([&](auto& backend) { return record_step(backend, c); }, record_step_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("rows go through all the steps that they have not seen, with a gradient in one of them",
                   "[operations]", float, double) {
  Draw draw(33);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const bool adam = draw.chance(0.7);
    const UpdateCase<TestType> c = random_update<TestType>(draw, adam);
    INFO("case " << repeat << ": Adam " << adam << ", average " << !c.average.empty() << ", " << c.layout.parts.size()
                 << " parts, " << c.layout.size << " elements, step " << c.step << ", listed " << c.rows.size());
    check_on_all([&](auto& backend) { return update(backend, c); }, update_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("bits do not depend on when a row is brought up", "[operations]", float, double) {
  using T = TestType;
  Cpu cpu(2);
  Draw draw(34);
  for (int repeat = 0; repeat < 20; ++repeat) {
    UpdateCase<T> c = random_update<T>(draw, true);
    c.rows.clear();
    c.step = 1000;
    c.waiting = random_waiting(draw, c.layout, c.step, c.ring);
    const Outcome at_once = update(cpu, c);
    UpdateCase<T> gradual = c;
    Outcome stepwise;
    for (Index step = c.step - c.ring; step <= c.step; ++step) {
      gradual.step = step;
      // Rows that are ahead of this step, and parts that take part in the last alone, wait.
      UpdateCase<T> now = gradual;
      for (std::size_t part = 0; part < now.layout.parts.size(); ++part)
        if (now.waiting.applied[part].empty() && step < c.step) now.layout.parts[part].rows = 0;
      stepwise = update(cpu, now);
      const auto back = [](std::vector<T>& to, const std::vector<double>& from) {
        std::transform(from.begin(), from.end(), to.begin(), [](double x) { return static_cast<T>(x); });
      };
      back(gradual.values, stepwise[0]);
      back(gradual.first, stepwise[1]);
      back(gradual.second, stepwise[2]);
      back(gradual.average, stepwise[3]);
      for (std::size_t part = 0; part < gradual.layout.parts.size(); ++part)
        std::transform(stepwise[4 + 2 * part].begin(), stepwise[4 + 2 * part].end(),
                       gradual.waiting.applied[part].begin(), [](double x) { return static_cast<Index>(x); });
    }
    INFO("case " << repeat);
    REQUIRE(at_once == stepwise);
  }
}

}  // namespace
}  // namespace gcmc::testing
