// What a set of ratings holds: counts, degrees, times, as numbers, JSON and a picture.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "drawing.hpp"
#include "error_of.hpp"
#include "gcmc/files/data_report.hpp"
#include "gcmc/ratings/generator.hpp"

using namespace gcmc;

namespace {

/// User 0 has 1 rating, 1 has 2, 2 has 5; item k has those of users that reach so far.
Ratings stairs() {
  Ratings ratings;
  ratings.name = "stairs <&>";
  ratings.user_ids = {"a", "b", "c"};
  ratings.item_ids = {"0", "1", "2", "3", "4"};
  ratings.levels = {1, 2, 5};
  for (const auto& [user, count] : {std::pair(0, 1), std::pair(1, 2), std::pair(2, 5)})
    for (Index item = 0; item < count; ++item) ratings.entries.push_back({user, item, static_cast<Level>(item % 2)});
  return ratings;
}

}  // namespace

TEST_CASE("statistics count levels, degrees and times", "[statistics]") {
  Ratings ratings = stairs();
  ratings.times.assign(8, std::numeric_limits<double>::quiet_NaN());
  ratings.times[2] = 30;
  ratings.times[5] = 10;
  ratings.test_begin = 6;
  const RatingStatistics s = statistics_of(ratings);
  CHECK(s.ratings == 8);
  CHECK(s.density == Approx(8 / 15.0));
  CHECK(s.level_counts == std::vector<Offset>{5, 3, 0});
  CHECK(s.mean == Approx(11 / 8.0));
  CHECK(s.deviation == Approx(std::sqrt(15) / 8));
  CHECK(s.user.least == 1);
  CHECK(s.user.most == 5);
  CHECK(s.user.median == 2);
  CHECK(s.user.mean == Approx(8 / 3.0));
  CHECK(s.user.single == 1);
  REQUIRE(s.user.bins.size() == 3);
  CHECK(s.user.bins[2].first == 4);
  CHECK(s.user.bins[2].last == 7);
  CHECK(s.user.bins[2].nodes == 1);
  CHECK(s.item.median == 1);
  CHECK(s.item.single == 3);
  CHECK(s.timed == 2);
  CHECK(s.first_time == 10);
  CHECK(s.last_time == 30);
  CHECK(s.own_test == 2);
  CHECK(s.own_valid == -1);
  CHECK(statistics_of(Ratings{}).ratings == 0);
  Ratings two = stairs();
  two.user_ids.pop_back();
  two.entries.resize(3);
  CHECK(statistics_of(two).user.median == 1.5);
}

TEST_CASE("the bins of degrees hold every node once", "[statistics]") {
  const RatingStatistics s = statistics_of(generate_ratings({.users = 200, .items = 150, .ratings = 4000}));
  for (const DegreeStatistics* side : {&s.user, &s.item}) {
    Offset nodes = 0, next = side->bins.front().first;
    for (const auto& bin : side->bins) {
      CHECK(bin.first == next);
      next = bin.last + 1;
      nodes += bin.nodes;
    }
    CHECK(nodes == (side == &s.user ? 200 : 150));
    CHECK(next > side->most);
  }
}

TEST_CASE("times are shown as what they were read from", "[statistics]") {
  CHECK(time_text(893286638) == "1998-04-22 23:10:38");
  CHECK(time_text(893286638000.0) == "1998-04-22 23:10:38");
  CHECK(time_text(20050906000000.0) == "2005-09-06");
  CHECK(time_text(20110501123000.0) == "2011-05-01 12:30:00");
  CHECK(time_text(17) == "17");
  CHECK(time_text(-1.5) == "-1.5");
  CHECK(time_text(1e300) == "1e+300");
}

TEST_CASE("statistics are JSON for programs and a drawing for people", "[statistics]") {
  ReadReport read;
  read.lines = 9;
  read.bad_lines = 1;
  read.notes = {"a note\x1b"};
  const RatingStatistics s = statistics_of(stairs());
  const auto json = nlohmann::json::parse(data_json(s, read));
  CHECK(json["users"] == 3);
  CHECK(json["levels"][1]["value"] == 2);
  CHECK(json["levels"][1]["ratings"] == 3);
  CHECK(json["ratings_of_a_user"]["histogram"][0]["nodes"] == 1);
  CHECK(json["first_time"].is_null());
  CHECK(json["own_test_ratings"].is_null());
  CHECK(json["reading"]["bad_lines"] == 1);
  CHECK(json["notes"][0] == "a note\\x1b");
  check_well_formed(data_svg(s));
  CHECK(holds(data_svg(s), "stairs &lt;&amp;&gt;"));
  RatingStatistics fine = s;
  fine.levels = {0, 0.001, 0.0123, 2.345, 1000};
  fine.level_counts.assign(5, 1);
  for (const char* label : {">0<", ">0.001<", ">0.012<", ">2.35<", ">1000<"}) CHECK(holds(data_svg(fine), label));
  RatingStatistics large = s;
  large.levels.clear();
  large.level_counts.assign(255, Offset{1} << 40);
  for (int k = 0; k < 255; ++k) large.levels.push_back(k / 7.0);
  check_well_formed(data_svg(large));
  check_well_formed(data_svg(statistics_of(Ratings{})));
}
