// The learning rate over a run, and when it stops.
#include <cmath>
#include <numbers>

#include "catch.hpp"
#include "gcmc/train/schedule.hpp"

namespace {

using namespace gcmc;

TrainOptions small_options(Schedule schedule) {
  TrainOptions options;
  options.schedule = schedule;
  options.max_iterations = 100;
  options.learning_rate = 0.08;
  options.min_learning_rate = 0.03;
  options.decay_factor = 0.5;
  options.decay_patience = 2;
  options.early_stopping_patience = 4;
  return options;
}

}  // namespace

TEST_CASE("a constant rate stays, and never stops", "[schedule]") {
  RateSchedule schedule(small_options(Schedule::constant));
  for (Offset t = 1; t <= 50; ++t) {
    schedule.observe(1.0, t);
    CHECK(schedule.rate(t) == 0.08);
  }
  CHECK_FALSE(schedule.stopped());
}

TEST_CASE("a cosine goes from the rate to the lowest, half of the way at half of the steps", "[schedule]") {
  const TrainOptions options = small_options(Schedule::cosine);
  RateSchedule schedule(options);
  CHECK(schedule.rate(1) == Approx(0.08));
  CHECK(schedule.rate(51) == Approx(0.055));
  CHECK(schedule.rate(101) == Approx(0.03));
  for (Offset t = 1; t <= 100; ++t) {
    schedule.observe(1.0, t);
    CHECK(schedule.rate(t + 1) < schedule.rate(t));
    CHECK(schedule.rate(t) ==
          Approx(0.03 + 0.05 * (1 + std::cos(std::numbers::pi * static_cast<double>(t - 1) / 100)) / 2));
  }
  CHECK_FALSE(schedule.stopped());
}

TEST_CASE("a cosine from below the lowest rate stays where it is", "[schedule]") {
  TrainOptions options = small_options(Schedule::cosine);
  options.learning_rate = 0.01;
  const RateSchedule schedule(options);
  for (const Offset t : {1, 40, 100}) CHECK(schedule.rate(t) == 0.01);
}

TEST_CASE("the rate rises in the warm-up, and a cosine begins after it", "[schedule]") {
  TrainOptions options = small_options(Schedule::cosine);
  options.warm_up = 20;
  RateSchedule schedule(options);
  CHECK(schedule.rate(1) == Approx(0.08 / 20));
  CHECK(schedule.rate(10) == Approx(0.04));
  CHECK(schedule.rate(20) == Approx(0.08));
  CHECK(schedule.rate(21) == Approx(0.08));
  CHECK(schedule.rate(61) == Approx(0.055));
  CHECK(schedule.rate(101) == Approx(0.03));
  const double seventh = schedule.rate(7);
  schedule.plan(60);
  CHECK(schedule.rate(7) == seventh);
  CHECK(schedule.rate(41) == Approx(0.055));
  options.schedule = Schedule::plateau;
  CHECK(RateSchedule(options).rate(5) == Approx(0.02));
  CHECK(RateSchedule(options).rate(30) == 0.08);
}

TEST_CASE("on a plateau the rate falls after the patience, to the lowest, and then the run stops", "[schedule]") {
  RateSchedule schedule(small_options(Schedule::plateau));
  CHECK(schedule.observe(1.0, 1));
  // (without improvement) -> rate: 1, 2, 3 -> half; 1, 2, 3 -> the lowest; 1 .. 5 -> stop.
  const double rates[] = {0.08, 0.08, 0.04, 0.04, 0.04, 0.03, 0.03, 0.03, 0.03, 0.03};
  Offset t = 2;
  for (const double rate : rates) {
    CHECK_FALSE(schedule.observe(1.0, t));
    CHECK(schedule.rate(++t) == rate);
    CHECK_FALSE(schedule.stopped());
  }
  CHECK_FALSE(schedule.observe(1.0, t));
  CHECK(schedule.stopped());
  CHECK(schedule.best() == 1.0);
  CHECK(schedule.best_iteration() == 1);
}

TEST_CASE("where the interval is automatic, the patience is counted in steps", "[schedule]") {
  TrainOptions options = small_options(Schedule::plateau);
  options.decay_patience = 20;
  options.early_stopping_patience = 45;
  options.valid_interval = automatic_interval;
  RateSchedule schedule(options, 10);
  schedule.observe(1.0, 10);
  schedule.observe(1.0, 20);
  schedule.observe(1.0, 30);
  CHECK(schedule.rate(31) == 0.08);
  schedule.observe(1.0, 40);  // 30 steps after the best
  CHECK(schedule.rate(41) == 0.04);
  for (const Offset t : {50, 60, 70}) schedule.observe(1.0, t);
  CHECK(schedule.rate(71) == 0.03);
  for (const Offset t : {80, 90, 100, 110}) schedule.observe(1.0, t);
  CHECK_FALSE(schedule.stopped());
  schedule.observe(1.0, 120);  // 50 steps after the last decay
  CHECK(schedule.stopped());

  options.valid_interval = 10;  // of the user: validations count
  RateSchedule counting(options, 10);
  for (Offset t = 10; t <= 210; t += 10) counting.observe(1.0, t);
  CHECK(counting.rate(211) == 0.08);
  counting.observe(1.0, 220);
  CHECK(counting.rate(221) == 0.04);
}

TEST_CASE("an improvement starts the patience anew, an equal error does not", "[schedule]") {
  RateSchedule schedule(small_options(Schedule::plateau));
  CHECK(std::isinf(schedule.best()));
  CHECK(schedule.observe(1.0, 1));
  CHECK_FALSE(schedule.observe(1.0, 2));
  CHECK_FALSE(schedule.observe(1.1, 3));
  CHECK(schedule.observe(0.9, 4));
  CHECK(schedule.best_iteration() == 4);
  CHECK_FALSE(schedule.observe(0.9, 5));
  CHECK_FALSE(schedule.observe(0.9, 6));
  CHECK(schedule.rate(7) == 0.08);
  CHECK_FALSE(schedule.observe(0.9, 7));
  CHECK(schedule.rate(8) == 0.04);
}
