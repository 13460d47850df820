// Ratings are checked for every disagreement of their numbers, and split without loss, overlap or surprise.
#include <algorithm>
#include <limits>
#include <tuple>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/ratings/split.hpp"

using namespace gcmc;

namespace {

std::vector<std::string> ids(Index count) {
  std::vector<std::string> names;
  for (Index k = 0; k < count; ++k) names.push_back(std::to_string(k));
  return names;
}

/// `count` different ratings: entry k is of user k / 10 and item k % 10.
Ratings numbered(Index count) {
  Ratings ratings;
  ratings.user_ids = ids((count + 9) / 10);
  ratings.item_ids = ids(10);
  ratings.levels = {1, 2, 3};
  for (Index k = 0; k < count; ++k) ratings.entries.push_back({k / 10, k % 10, static_cast<Level>(k % 3)});
  return ratings;
}

Offset number_of(const Rating& rating) { return 10 * Offset{rating.user} + rating.item; }

std::vector<Offset> numbers_of(std::span<const Rating> part) {
  std::vector<Offset> numbers;
  for (const Rating& rating : part) numbers.push_back(number_of(rating));
  return numbers;
}

std::vector<Offset> sorted_union(const Split& parts) {
  std::vector<Offset> all;
  for (const auto part : {parts.train(), parts.valid(), parts.test()})
    for (const Offset number : numbers_of(part)) all.push_back(number);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Offset> first_numbers(Offset count) {
  std::vector<Offset> numbers;
  for (Offset k = 0; k < count; ++k) numbers.push_back(k);
  return numbers;
}

}  // namespace

TEST_CASE("validate names what is wrong with ratings, and where", "[ratings]") {
  Ratings ratings = numbered(25);
  ratings.item_features = {2, std::vector<double>(20, 0.5), {"a", "b"}};
  REQUIRE_NOTHROW(validate(ratings));
  const auto error = [&] { return error_of([&] { validate(ratings); }); };

  SECTION("user") {
    ratings.entries[7].user = 3;
    CHECK(error() == "ratings: entry 7 has user 3, but there are 3");
  }
  SECTION("negative item") {
    ratings.entries[0].item = -1;
    CHECK(error() == "ratings: entry 0 has item -1, but there are 10");
  }
  SECTION("level") {
    ratings.entries[24].level = 3;
    CHECK(error() == "ratings: entry 24 has level 3, but there are 3");
  }
  SECTION("levels that do not ascend") {
    ratings.levels = {1, 3, 3};
    CHECK(error() == "ratings: levels must ascend, but level 1 is 3.000000 and level 2 is 3.000000");
  }
  SECTION("a level that is no number") {
    ratings.levels[1] = std::numeric_limits<double>::quiet_NaN();
    CHECK(error() == "ratings: level 1 is not a finite number");
  }
  SECTION("a level whose square a float may not hold") {
    ratings.levels = {-1e12, 1, 1e12};
    CHECK(error() == "no error");
    ratings.levels[0] = -1.001e12;
    CHECK(error() == "ratings: level 0 is further from 0 than 1e12");
  }
  SECTION("too many levels") {
    ratings.levels.clear();
    for (int r = 0; r < 255; ++r) ratings.levels.push_back(r);
    CHECK(error() == "no error");
    ratings.levels.push_back(255);
    CHECK(error() == "ratings: 256 levels, at most 255 are possible");
  }
  SECTION("test_begin") {
    ratings.test_begin = 25;
    CHECK(error() == "no error");
    ratings.test_begin = 26;
    CHECK(error() == "ratings: test_begin is 26, but there are 25 entries");
    ratings.test_begin = -2;
    CHECK(error() == "ratings: test_begin is -2, but there are 25 entries");
  }
  SECTION("features of another size") {
    ratings.item_features.values.pop_back();
    CHECK(error() == "ratings: item features: 19 values for 10 nodes and 2 columns");
  }
  SECTION("feature names of another number") {
    ratings.item_features.names = {"a"};
    CHECK(error() == "ratings: item features: 1 names for 2 columns");
  }
  SECTION("features without columns") {
    ratings.user_features.values = {1};
    CHECK(error() == "ratings: user features: 1 values for 3 nodes and 0 columns");
  }
  SECTION("ids that a model's files could not hold") {
    ratings.user_ids[1] = "";
    CHECK(error() == "ratings: user 1 has an empty id");
    ratings.user_ids[1] = "two\nlines";
    CHECK(error() == "ratings: user 1 has an id that is not one line: two\\x0alines");
    ratings.user_ids[1] = ratings.user_ids[2];
    CHECK(error() == "ratings: user 2 has the id of another: " + ratings.user_ids[2]);
    ratings.user_ids = {"b", "c", "a"};  // in any order
    CHECK(error() == "no error");
    ratings.item_ids = ids(11);
    ratings.item_ids.erase(ratings.item_ids.begin());
    std::swap(ratings.item_ids[0], ratings.item_ids[9]);
    CHECK(error() == "no error");
    ratings.item_ids[9] = ratings.item_ids[4];
    CHECK(error() == "ratings: item 9 has the id of another: " + ratings.item_ids[4]);
  }
  SECTION("a title or a name that could not be saved") {
    ratings.item_titles = std::vector<std::string>(10);
    CHECK(error() == "no error");
    ratings.item_titles[3] = "two\rlines";
    CHECK(error() == "ratings: the title of item 3 is not one line");
    ratings.item_titles.clear();
    ratings.name = "\xFF";
    CHECK(error() == "ratings: their name is not UTF-8");
  }
  SECTION("a feature that is no number") {
    ratings.item_features.values[5] = std::numeric_limits<double>::infinity();
    CHECK(error() == "ratings: item features: row 2, column 1 is not a finite number");
  }
}

TEST_CASE("a builder refuses numbers that it has not given out, and a pair that is rated twice", "[ratings]") {
  RatingsBuilder numbers;
  const Index anna = numbers.number_user("anna"), alien = numbers.number_item("Alien");
  CHECK(error_of([&] { numbers.add(1001, alien, 4); }) ==
        "user number 1001, but 1 were given out: an id that is a number is given as text");
  CHECK(error_of([&] { numbers.add(anna, 1, 4); }).starts_with("item number 1, but 1 were given out"));
  CHECK(error_of([&] { numbers.add(-1, alien, 4); }).starts_with("user number -1, "));
  numbers.add(anna, alien, 4);
  CHECK(numbers.finish("mine").entries.size() == 1);

  RatingsBuilder texts;
  for (const char* user : {"9", "10"})
    for (const char* item : {"b", "a", "c"}) texts.add(user, item, 3);
  texts.add("9", "a", 4);
  CHECK(error_of([&] { texts.finish("mine"); }) ==
        "ratings: user 9 rates item a twice: of each pair one rating is needed");
}

TEST_CASE("sparse features are checked: rows, columns, values and encodings", "[ratings]") {
  const SideFeatures right{.columns = 1,
                           .values = {1, 2, 3},
                           .names = {"a"},
                           .sparse = {.columns = 2, .begin = {0, 1, 1, 3}, .column = {1, 0, 1}, .value = {1, 2, 3}},
                           .encodings = {{.name = "a", .means = {0.0}, .deviations = {1.0}},
                                         {.name = "b", .kind = FeatureKind::category, .categories = {"x", "y"}}}};
  const auto error = [&](const std::function<void(SideFeatures&)>& change) {
    SideFeatures features = right;
    change(features);
    return error_of([&] { validate_features(features, 3, "user"); });
  };
  CHECK(error([](auto&) {}) == "no error");
  CHECK(error([](auto& f) { f.sparse.begin.pop_back(); }) ==
        "ratings: user features: 3 row ends, 3 columns and 3 values of sparse rows for 3 nodes");
  CHECK(error([](auto& f) { f.sparse.value.pop_back(); }) ==
        "ratings: user features: 4 row ends, 3 columns and 2 values of sparse rows for 3 nodes");
  CHECK(error([](auto& f) {
          f.sparse.begin = {0, 2, 1, 3};
        }) == "ratings: user features: sparse rows do not ascend from 0 to 3 entries");
  CHECK(error([](auto& f) { f.sparse.column[0] = 2; }) ==
        "ratings: user features: sparse row 0 has column 2, which is not one of 2 or does not ascend");
  CHECK(error([](auto& f) { f.sparse.column[2] = 0; }) ==
        "ratings: user features: sparse row 2 has column 0, which is not one of 2 or does not ascend");
  CHECK(error([](auto& f) { f.sparse.value[1] = std::numeric_limits<float>::quiet_NaN(); }) ==
        "ratings: user features: row 2, sparse column 0 is not a finite number");
  CHECK(error([](auto& f) { f.encodings.pop_back(); }) ==
        "ratings: user features: the encodings describe 1 dense and 0 sparse columns, not 1 and 2");
  CHECK(error([](auto& f) { f.encodings[0].deviations = {0}; }) ==
        "ratings: user features: the encoding of 'a' has a mean or a deviation that is none");
  CHECK(error([](auto& f) { f.encodings[1].kind = FeatureKind::number; }) ==
        "ratings: user features: the encoding of 'b' has not what a number has");
}

TEST_CASE("a level without a rating is legal", "[ratings]") {
  Ratings ratings = numbered(5);
  ratings.levels = {1, 2, 3, 4, 5};
  CHECK_NOTHROW(validate(ratings));
}

TEST_CASE("a random split holds every rating once, in parts of the rounded sizes", "[ratings]") {
  const auto [count, test_ratio, valid_ratio, test, valid] = GENERATE(table<Index, double, double, int, int>({
      {100, 0.1, 0.1, 10, 9},  // 9 of 90
      {95, 0.1, 0.1, 10, 9},   // 9.5 rounds up, 8.5 rounds up
      {94, 0.1, 0.1, 9, 9},    // 9.4 rounds down, 8.5 rounds up
      {7, 0.5, 0.5, 4, 2},     // 3.5 rounds up, 1.5 rounds up
      {30, 0.0, 0.0, 0, 0},
      {1, 0.1, 0.1, 0, 0},
  }));
  const Split parts(numbered(count), {test_ratio, valid_ratio, 5, 5});
  CHECK(parts.test().size() == static_cast<std::size_t>(test));
  CHECK(parts.valid().size() == static_cast<std::size_t>(valid));
  CHECK(sorted_union(parts) == first_numbers(count));
}

TEST_CASE("a split keeps each rating's level", "[ratings]") {
  const Split parts(numbered(50), {0.2, 0.2, 9, 9});
  for (const auto part : {parts.train(), parts.valid(), parts.test()})
    for (const Rating& rating : part) CHECK(rating.level == number_of(rating) % 3);
}

TEST_CASE("a seed decides the split, and another seed gives another", "[ratings]") {
  const Ratings ratings = numbered(200);
  const Split one = Split(ratings, {0.1, 0.1, 1, 1}), again = Split(ratings, {0.1, 0.1, 1, 1}),
              other = Split(ratings, {0.1, 0.1, 2, 2});
  CHECK(numbers_of(one.test()) == numbers_of(again.test()));
  CHECK(numbers_of(one.valid()) == numbers_of(again.valid()));
  CHECK(numbers_of(one.train()) == numbers_of(again.train()));
  CHECK(numbers_of(one.test()) != numbers_of(other.test()));
  CHECK(numbers_of(one.valid()) != numbers_of(other.valid()));
}

TEST_CASE("the validation ratio does not change the test part", "[ratings]") {
  const Ratings ratings = numbered(200);
  CHECK(numbers_of(Split(ratings, {0.1, 0.1, 1, 1}).test()) == numbers_of(Split(ratings, {0.1, 0.5, 1, 1}).test()));
}

TEST_CASE("the data set's own test split stays as it is, in order", "[ratings]") {
  Ratings ratings = numbered(100);
  ratings.test_begin = 80;
  const Split parts(ratings, {0.7, 0.1, 3, 3});
  CHECK(numbers_of(parts.test()) == numbers_of(std::span(ratings.entries).subspan(80)));
  CHECK(parts.valid().size() == 8);
  CHECK(sorted_union(parts) == first_numbers(100));
  std::vector<Offset> valid = numbers_of(parts.valid());
  std::sort(valid.begin(), valid.end());
  CHECK(valid != first_numbers(8));  // drawn, not cut from the front
}

TEST_CASE("the two seeds draw the two parts", "[ratings]") {
  const Ratings ratings = numbered(200);
  const Split one = Split(ratings, {0.1, 0.1, 1, 1}), other = Split(ratings, {0.1, 0.1, 1, 2});
  CHECK(numbers_of(one.test()) == numbers_of(other.test()));
  CHECK(numbers_of(one.valid()) != numbers_of(other.valid()));
  CHECK(numbers_of(Split(ratings, {0.1, 0.1, 2, 1}).test()) != numbers_of(one.test()));
}

TEST_CASE("without its test part, a set is trained and validated on the same ratings", "[ratings]") {
  Ratings ratings = numbered(200);
  ratings.test_begin = GENERATE(-1, 150);
  const Split whole(ratings, {0.2, 0.1, 3, 4});
  const Ratings kept = without_test(ratings, {.test_ratio = 0.2, .test_seed = 3});
  const Split parts(kept, {GENERATE(0.0, 0.2, 0.5), 0.1, 9, 4});
  CHECK(numbers_of(parts.train()) == numbers_of(whole.train()));
  CHECK(numbers_of(parts.valid()) == numbers_of(whole.valid()));
  CHECK(parts.test().empty());
  CHECK(kept.entries.size() + whole.test().size() == ratings.entries.size());
}

TEST_CASE("test and validation are drawn evenly over the ratings", "[ratings]") {
  const Split parts(numbered(10000), {0.2, 0.25, 11, 11});
  for (const auto part : {parts.test(), parts.valid(), parts.train()}) {
    double mean = 0;
    for (const Offset number : numbers_of(part)) mean += static_cast<double>(number) / static_cast<double>(part.size());
    // A uniform draw of 2000 of 0 .. 9999 has a mean with standard deviation below 65.
    CHECK(std::abs(mean - 4999.5) < 5 * 65);
  }
}

TEST_CASE("a split that cannot be made says why", "[ratings]") {
  const Ratings ratings = numbered(3);
  CHECK(error_of([&] {
          Split(ratings, {1.0, 0.1, 1, 1});
        }) == "split: test_ratio is 1.000000, a number in [0, 1) is needed");
  CHECK(error_of([&] {
          Split(ratings, {0.1, -0.1, 1, 1});
        }) == "split: valid_ratio is -0.100000, a number in [0, 1) is needed");
  CHECK(error_of([&] {
          Split(ratings, {std::numeric_limits<double>::quiet_NaN(), 0.1, 1, 1});
        }).find("split: test_ratio") == 0);
  CHECK(error_of([&] {
          Split(ratings, {0.9, 0.0, 1, 1});
        }) == "split: no rating is left to train on: 3 ratings, 3 in test and 0 in validation");
  Ratings all_test = numbered(3);
  all_test.test_begin = 0;
  CHECK(error_of([&] { Split(all_test, {0.1, 0.1, 1, 1}); }).find("no rating is left") != std::string::npos);
  all_test.test_begin = 4;
  CHECK(error_of([&] { Split(all_test, {0.1, 0.1, 1, 1}); }) == "split: test_begin is 4, but there are 3 entries");
}
