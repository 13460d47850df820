// Splits by a rule, and folds: who is held out, in which order ties are, and what is refused.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/train/folds.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

/// Entry k is of user `users[k]`, and of an item of its own; its time is times[k].
Ratings of_users(const std::vector<Index>& users, std::vector<double> times = {}) {
  Ratings ratings;
  ratings.levels = {1, 2};
  for (std::size_t k = 0; k < users.size(); ++k) {
    ratings.item_ids.push_back(std::to_string(k));
    ratings.entries.push_back({users[k], static_cast<Index>(k), 0});
  }
  for (Index u = 0; u <= *std::max_element(users.begin(), users.end()); ++u)
    ratings.user_ids.push_back(std::to_string(u));
  ratings.times = std::move(times);
  return ratings;
}

/// The entries' numbers, in the part's order.
std::vector<Index> numbers(std::span<const Rating> part) {
  std::vector<Index> result;
  for (const Rating& rating : part) result.push_back(rating.item);
  return result;
}

using Numbers = std::vector<Index>;

/// 60 ratings of 7 users, some times of which are the same.
Ratings timed() {
  std::vector<Index> users;
  std::vector<double> times;
  for (Index k = 0; k < 60; ++k) {
    users.push_back(k * k % 7);
    times.push_back(k * 37 % 20);
  }
  return of_users(users, times);
}

/// By two permutations, the second of which is of what the first has left.
std::array<Numbers, 3> by_permutations(Index count, const SplitOptions& options) {
  constexpr std::uint32_t test_stream = 0x53504C54, valid_stream = 0x53504C56;
  const auto share = [](double ratio, std::size_t n) {
    return static_cast<std::size_t>(std::floor(ratio * static_cast<double>(n) + 0.5));
  };
  std::vector<Offset> all = permutation(count, options.test_seed, test_stream);
  std::size_t tested = share(options.test_ratio, all.size());
  if (options.folds > 0) {
    const Offset begin = Offset{count} * (options.fold - 1) / options.folds;
    tested = static_cast<std::size_t>(Offset{count} * options.fold / options.folds - begin);
    std::rotate(all.begin(), all.begin() + begin, all.end());
  }
  std::array<Numbers, 3> parts;  // training, validation, test
  for (std::size_t k = 0; k < tested; ++k) parts[2].push_back(static_cast<Index>(all[k]));
  const std::vector<Offset> known(all.begin() + static_cast<std::ptrdiff_t>(tested), all.end());
  const std::vector<Offset> order = permutation(static_cast<Offset>(known.size()), options.valid_seed, valid_stream);
  const std::size_t validated = share(options.valid_ratio, known.size());
  for (std::size_t k = 0; k < order.size(); ++k)
    parts[k < validated ? 1 : 0].push_back(static_cast<Index>(known[static_cast<std::size_t>(order[k])]));
  return parts;
}

constexpr auto each_rule = {SplitRule::random, SplitRule::time, SplitRule::time_per_user, SplitRule::leave_out};

/// Of a few steps each.
Options three_folds() {
  Options options;
  options.model = {.units = 20, .output = 8};
  options.train = {.seed = 4, .max_iterations = 3};
  options.run.threads = 1;
  options.run.folds = 3;
  return options;
}

}  // namespace

TEST_CASE("a split by time tests the last ratings, and validates the last of the others", "[splits]") {
  const Ratings ratings = of_users({0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const Split parts(ratings, {.test_ratio = 0.2, .valid_ratio = 0.25, .rule = SplitRule::time});
  CHECK(numbers(parts.test()) == Numbers{0, 1});
  CHECK(numbers(parts.valid()) == Numbers{2, 3});
  CHECK(numbers(parts.train()) == Numbers{4, 5, 6, 7, 8, 9});
}

TEST_CASE("of ratings with one time the later line is the later rating", "[splits]") {
  const Ratings ratings = of_users({0, 0, 1, 1, 0, 0}, {5, 5, 5, 5, 5, 5});
  const Split parts(ratings, {.test_ratio = 0.34, .valid_ratio = 0, .rule = SplitRule::time});
  CHECK(numbers(parts.test()) == Numbers{4, 5});
  CHECK(numbers(Split(ratings, {.valid_ratio = 0, .rule = SplitRule::leave_out}).test()) == Numbers{3, 5});
}

TEST_CASE("by user, each user's last are tested, and one rating stays to train on", "[splits]") {
  const Ratings ratings = of_users({0, 0, 0, 0, 1, 1, 2}, {1, 4, 3, 2, 7, 6, 5});
  const Split leave_one(ratings, {.valid_ratio = 0.1, .rule = SplitRule::leave_out, .left_out = 1});
  CHECK(numbers(leave_one.test()) == Numbers{1, 4});
  CHECK(numbers(leave_one.valid()) == Numbers{2});
  CHECK(numbers(leave_one.train()) == Numbers{0, 3, 5, 6});
  const Split leave_two(ratings, {.valid_ratio = 0, .rule = SplitRule::leave_out, .left_out = 2});
  CHECK(numbers(leave_two.test()) == Numbers{1, 2, 4});
  CHECK(leave_two.valid().empty());
  const Split half(ratings, {.test_ratio = 0.5, .valid_ratio = 0.5, .rule = SplitRule::time_per_user});
  CHECK(numbers(half.test()) == Numbers{1, 2, 4});
  CHECK(numbers(half.valid()) == Numbers{3});
  CHECK(numbers(Split(ratings, {.test_ratio = 0.99, .valid_ratio = 0.99, .rule = SplitRule::time_per_user}).train()) ==
        Numbers{0, 5, 6});
}

TEST_CASE("without times, or where one is not known, the seed draws what is left out of each user", "[splits]") {
  const bool some = GENERATE(false, true);
  std::vector<Index> users(40, 0);
  users.resize(60, 1);
  std::vector<double> times;
  if (some) {
    times.assign(60, 1);
    times[7] = std::numeric_limits<double>::quiet_NaN();
  }
  const Ratings ratings = of_users(users, times);
  SplitOptions options{.valid_ratio = 0, .test_seed = 1, .rule = SplitRule::leave_out, .left_out = 3};
  const Numbers first = numbers(Split(ratings, options).test());
  CHECK(first == numbers(Split(ratings, options).test()));
  CHECK(std::count_if(first.begin(), first.end(), [](Index k) { return k < 40; }) == 3);
  CHECK(first.size() == 6);
  options.test_seed = 2;
  CHECK(first != numbers(Split(ratings, options).test()));
  options.rule = SplitRule::time;
  CHECK(error_of([&] { Split(ratings, options); }) ==
        (some ? "split: by time, but entry 7 has none" : "split: by time, but the ratings have no times"));
}

TEST_CASE("a time that is missing in the test part changes nothing of the others' split", "[splits]") {
  std::vector<double> times(20);
  for (std::size_t k = 0; k < 20; ++k) times[k] = static_cast<double>(k * 7 % 20);
  times[18] = std::numeric_limits<double>::quiet_NaN();
  Ratings ratings = of_users(std::vector<Index>(20, 0), times);
  ratings.test_begin = 17;
  const SplitOptions options{.valid_ratio = 0.1, .rule = SplitRule::leave_out, .left_out = 2};
  const Split whole(ratings, options), searched(without_test(ratings, options), options);
  CHECK(numbers(whole.valid()) == numbers(searched.valid()));
  CHECK(numbers(whole.train()) == numbers(searched.train()));
}

TEST_CASE("whatever the rule, no rating is lost or in two parts, and the same options give the same parts",
          "[splits]") {
  const Ratings ratings = timed();
  for (const SplitRule rule : each_rule) {
    const SplitOptions options{.test_ratio = 0.3, .valid_ratio = 0.3, .rule = rule, .left_out = 2};
    const Split parts(ratings, options), again(ratings, options);
    std::set<Index> all;
    for (const auto part : {parts.train(), parts.valid(), parts.test()}) {
      CHECK_FALSE(part.empty());
      for (const Index number : numbers(part)) CHECK(all.insert(number).second);
    }
    CHECK(all.size() == 60);
    CHECK(numbers(parts.train()) == numbers(again.train()));
    CHECK(numbers(parts.valid()) == numbers(again.valid()));
  }
}

TEST_CASE("a search sees the training and validation parts of any rule", "[splits]") {
  for (const SplitRule rule : each_rule) {
    for (const bool with_times : {true, false}) {
      if (!with_times && (rule == SplitRule::time || rule == SplitRule::time_per_user)) continue;
      Ratings ratings = timed();
      if (!with_times) ratings.times.clear();
      const SplitOptions options{
          .test_ratio = 0.3, .valid_ratio = 0.3, .test_seed = 5, .valid_seed = 6, .rule = rule, .left_out = 2};
      const Split whole(ratings, options), parts(without_test(ratings, options), options);
      CHECK(numbers(parts.train()) == numbers(whole.train()));
      CHECK(numbers(parts.valid()) == numbers(whole.valid()));
      CHECK(parts.test().empty());
    }
  }
}

TEST_CASE("a random split is two permutations, of ratings as of positions", "[splits]") {
  const Index count = GENERATE(1, 2, 3, 10, 127, 128, 129, 1000, 40000);
  const Ratings ratings = of_users(std::vector<Index>(static_cast<std::size_t>(count), 0));
  for (SplitOptions options : {SplitOptions{.test_seed = 1, .valid_seed = 2},
                               {.test_ratio = 0, .valid_ratio = 0},
                               {.test_ratio = 0.45, .valid_ratio = 0, .test_seed = 3},
                               {.test_ratio = 0, .valid_ratio = 0.45, .valid_seed = 4},
                               {.valid_ratio = 0.3, .test_seed = 5, .folds = 3, .fold = 2}}) {
    const std::array<Numbers, 3> wanted = by_permutations(count, options);
    if (wanted[0].empty() || options.folds > count) continue;
    const Split parts(ratings, options);
    CHECK(std::array{numbers(parts.train()), numbers(parts.valid()), numbers(parts.test())} == wanted);
    const SplitPositions positions(ratings, options);
    Numbers order(positions.order.begin(), positions.order.end()), all = wanted[0];
    for (const std::size_t part : {1, 2}) all.insert(all.end(), wanted[part].begin(), wanted[part].end());
    CHECK(order == all);
    CHECK(positions.train == static_cast<Offset>(wanted[0].size()));
    CHECK(positions.test_begin == static_cast<Offset>(wanted[0].size() + wanted[1].size()));
  }
  CHECK(error_of([&] { Split(Ratings{}, {}); }) ==
        "split: no rating is left to train on: 0 ratings, 0 in test and 0 in validation");
}

TEST_CASE("a set's own parts stay in their order", "[splits]") {
  Ratings ratings = of_users(std::vector<Index>(10, 0));
  ratings.test_begin = 7;
  ratings.valid_begin = 5;
  const Split parts(ratings, {});
  CHECK(numbers(parts.train()) == Numbers{0, 1, 2, 3, 4});
  CHECK(numbers(parts.valid()) == Numbers{5, 6});
  CHECK(numbers(parts.test()) == Numbers{7, 8, 9});
}

TEST_CASE("folds are disjoint, and together all ratings", "[splits]") {
  const Ratings ratings = timed();
  const Index folds = GENERATE(2, 7, 60);
  std::set<Index> tested;
  for (Index fold = 1; fold <= folds; ++fold) {
    const Split parts(ratings, {.test_seed = 3, .folds = folds, .fold = fold});
    CHECK(std::abs(60.0 / folds - static_cast<double>(parts.test().size())) < 1);
    for (const Index number : numbers(parts.test())) CHECK(tested.insert(number).second);
  }
  CHECK(tested.size() == 60);
  Ratings own = ratings;
  own.test_begin = 50;
  CHECK(error_of([&] { Split(own, {.folds = 3, .fold = 1}); }) ==
        "split: fold 1 of 3, but the ratings have a test part of their own");
  CHECK(error_of([&] { Split(ratings, {.folds = 3, .fold = 0}); }) ==
        "split: fold 0 of 3: set fold from 1 on (train_folds trains them all)");
  CHECK(error_of([&] { Split(ratings, {.folds = 61, .fold = 1}); }) ==
        "split: 61 folds of 60 ratings, some of which would test nothing: ask for at most as many folds as ratings");
}

TEST_CASE("a split by time needs a time for each rating", "[splits]") {
  const Ratings ratings = of_users({0, 0, 1, 1}, {1, 2, 3});
  CHECK(error_of([&] { Split(ratings, {.rule = SplitRule::time}); }) == "split: 3 times for 4 entries");
}

TEST_CASE("the names of splits", "[splits]") {
  CHECK(split_rule("time") == SplitRule::time);
  CHECK(split_rule("time-per-user") == SplitRule::time_per_user);
  CHECK(split_rule("leave-12-out") == SplitRule::leave_out);
  CHECK(left_out("leave-12-out") == 12);
  for (const char* other : {"leave-0-out", "leave--out", "leave-1x-out", "leave-out", "leave-99999999999-out",
                            "leave-K-out", "leave-99999999999999999999999-out"})
    CHECK(left_out(other) == 0);
  Options options;
  for (const char* name : {"", "u3", "random", "time", "leave-1-out"}) {
    set_option(options, "split", name);
    validate(options);
  }
  CHECK(error_of([&] { set_option(options, "split", "leave-0-out"); }) ==
        "option split: 'leave-0-out' is not one of empty, u1, u2, u3, u4, u5, ua, ub, random, time, time-per-user, "
        "leave-K-out");
}

TEST_CASE("folds go with neither seeds nor a split", "[splits]") {
  const auto error = [](const char* split, Index seeds, Index folds, Index fold) {
    Options options;
    options.run.split = split;
    options.run.folds = folds;
    options.run.fold = fold;
    options.train.seeds = seeds;
    return error_of([&] { validate(options); });
  };
  CHECK(error("random", 1, 5, 5) == "no error");
  CHECK(error("time", 1, 5, 0) == "split time and folds both say what is tested: leave out one of them");
  CHECK(error("", 3, 5, 0) == "folds and seeds are both for several trainings: leave out one of them");
  CHECK(holds(error("", 1, 1, 0), "at least 2 folds"));
  CHECK(holds(error("", 1, 5, 6), "folds 5, fold 6"));
}

TEST_CASE("times are read where they are asked for, and must be there where they are needed", "[splits]") {
  const ScratchFolder folder;
  const auto times_in = [&](const std::string& text, Times times) {
    write_bytes(folder / "file", text);
    return read_rating_file(folder / "file", "set", {.times = times}).times;
  };
  const auto error = [&](const std::string& text) {
    const std::string message = error_of([&] { times_in(text, Times::needed); });
    return holds(message, folder / "") ? message.substr((folder / "").size()) : message;
  };
  const std::string timed = "user,item,rating,time\na,x,1,20\nb,y,2,10\n";
  CHECK(times_in(timed, Times::passed_over).empty());
  CHECK(times_in(timed, Times::kept) == std::vector<double>{20, 10});
  CHECK(times_in("user,item,rating\na,x,1\n", Times::kept).empty());
  // The rating that counts keeps its time; days and seconds are in order.
  CHECK(times_in("user,item,rating,time\na,x,1,20\nb,y,2,10\na,x,2,5\n", Times::needed) == std::vector<double>{20, 10});
  const std::vector<double> days =
      times_in("user,item,rating,date\na,x,1,2005-09-06\nb,y,2,2005-09-05T23:59:59\n", Times::needed);
  CHECK(days[1] < days[0]);
  CHECK(std::isnan(times_in("user,item,rating,time\na,x,1,20\nb,y,2,never\n", Times::kept)[1]));
  CHECK(error("user,item,rating\na,x,1\n") ==
        "file: no column is known as the time, by which the ratings are to be split: name it, as in columns time=NAME");
  CHECK(holds(error("user,item,rating,time\na,x,1,20\nb,y,2,never\n"),
              "file:3: the time is 'never', seconds or a date such as 2005-09-06 was expected"));
}

TEST_CASE("each fold's options train it again, and its figures are in the whole's", "[splits]") {
  const Ratings ratings = generate_ratings({.users = 150, .items = 120, .ratings = 5000});
  const Options options = three_folds();
  std::vector<Options> folds;
  for (Index fold = 1; fold <= 3; ++fold) folds.push_back(fold_options(options, fold));
  const FoldsResult result = train_folds(folds, [&](const Options&) -> const Ratings& { return ratings; });
  REQUIRE(result.metrics.folds.size() == 3);
  const TrainResult second = train(ratings, result.options[1]);
  CHECK(second.metrics.best_test_rmse == result.metrics.folds[1].best_test_rmse);
  CHECK(second.model.split.at("test") == "fold 2 of 3");
  const auto json = nlohmann::json::parse(metrics_json(result.metrics));
  CHECK(json["folds"] == 3);
  CHECK(json["mean_test_rmse"].get<double>() == Approx(result.metrics.mean_test_rmse()));
  CHECK(json["test_rmse_deviation"].get<double>() > 0);
  CHECK(json["members"][2]["best_test_rmse"] == result.metrics.folds[2].best_test_rmse);
  const Options ready = fold_options(options, 2, true);
  CHECK(ready.run.split == "u2");
  CHECK(ready.run.folds == 0);
}

TEST_CASE("a stopped cross-validation keeps the folds that are done", "[splits]") {
  const Ratings ratings = generate_ratings({.users = 150, .items = 120, .ratings = 5000});
  const Options options = three_folds();
  std::stop_source stop;
  const auto at_fold = [&](const Progress& progress) {
    CHECK(progress.models == 3);
    if (progress.model == 2) stop.request_stop();
  };
  const FoldsResult result = train_folds(
      {fold_options(options, 1), fold_options(options, 2), fold_options(options, 3)},
      [&](const Options&) -> const Ratings& { return ratings; }, at_fold, stop.get_token());
  REQUIRE(result.metrics.folds.size() == 1);
  CHECK(result.metrics.folds[0].stopped);
  CHECK(result.metrics.planned == 3);
}
