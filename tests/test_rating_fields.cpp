// The fields of tables of ratings as people have them: ids, times, values, and what stands for none.
#include <algorithm>
#include <cmath>
#include <map>

#include "catch.hpp"
#include "read_table.hpp"

using namespace gcmc;
using namespace gcmc::testing;

TEST_CASE("ids are the same whatever stands around them and however they are encoded", "[files]") {
  const Outcome outcome =
      read("user,item,rating\n 17,13 ,2\n17 ,\t14,3\n\" 17 \",\"15\" ,4\nJos\xE9,13,1\nJos\xC3\xA9,14,1\n");
  CHECK(outcome.ratings.user_ids == Lines{"17", "Jos\xC3\xA9"});
  CHECK(outcome.ratings.item_ids == Lines{"13", "14", "15"});
  CHECK(outcome.report.trimmed_ids == 5);
  CHECK(outcome.report.latin1_ids == 1);
}

TEST_CASE("in a file of ids each line is one, whatever it holds, unless a header names the column", "[files]") {
  const auto ids = [](const std::string& text, const ReadOptions& options = {}) {
    const ScratchFolder folder;
    write_bytes(folder / "file", text);
    return read_ids(folder / "file", item_side, options);
  };
  CHECK(ids("Toy Story\nHeat, The\n\"p,001\"\na\tb\n") == Lines{"Toy Story", "Heat, The", "p,001", "a\tb"});
  CHECK(ids("7\n8;9\n10::11\n") == Lines{"7", "8;9", "10::11"});
  CHECK(ids("title,item\nToy Story,1\nHeat,2\n") == Lines{"1", "2"});
  CHECK(ids("a,1\nb,2\n", {.columns = "item=2"}) == Lines{"1", "2"});
  CHECK(ids("1,a\n2,b\n", {.separator = ","}) == Lines{"1", "2"});
}

TEST_CASE("times are seconds, or dates whose order is theirs in UTC; what may be two dates is none", "[files]") {
  const auto time = [](const std::string& field) {
    const Outcome outcome = read("user;item;rating;date\n1;1;5;" + field + "\n1;2;4;1\n", {.times = Times::kept});
    CHECK(outcome.error == "no error");
    CHECK(outcome.report.notes.size() == static_cast<std::size_t>(outcome.report.unread_times));
    return outcome.ratings.times.empty() ? 0.0 : outcome.ratings.times[0];
  };
  CHECK(time("881250949") == 881250949);
  for (const char* same : {"2005-09-06", "2005/9/6", "6.9.2005", "06.09.2005 00:00", "2005-09-06T02:00:00+02:00",
                           "2005-09-05 20:00:00.5 -0400", "2005-09-06 12:00:00 AM", "2005-09-06 UTC"})
    CHECK(time(same) == 20050906000000);
  CHECK(time("2005-09-06 11:59:58 pm") == 20050906235958);
  CHECK(time("2005-09-06T23:59Z") == 20050906235900);
  CHECK(time("2005-12-31 23:30-01:00") == 20060101003000);
  CHECK(time("2004-02-29") == 20040229000000);
  for (const char* none : {"12/31/2019", "31/12/2019", "12/31/19", "01-02-2005", "31.12.19", "2005-13-01", "2005-02-29",
                           "2005-09-06 25:00", "Feb 1, 2024", "2005-09", "20050-09-06"})
    CHECK(std::isnan(time(none)));
}

TEST_CASE("what stands for not rated is left out and counted, by number or by text", "[files]") {
  const std::string text = "user,item,rating\n1,1,-1\n1,2,6\n2,1,-1.0\n2,2,7\n3,1,8\n";
  const Outcome told = read(text, {.not_rated = "-1"});
  CHECK(entries_of(told.ratings) == Lines{"1 2 6", "2 2 7", "3 1 8"});
  CHECK(told.report.not_rated == 2);
  CHECK(told.report.notes.empty());
  CHECK(read("1,1,NA\n1,2,6\n", {.not_rated = "NA"}).ratings.entries.size() == 1);
  CHECK(read("1,1,0\n", {.not_rated = "0"}).error == "file: no ratings, 1 lines stand for not rated");
}

TEST_CASE("a value far off the others is pointed out, and one that is a grade is not", "[files]") {
  const auto notes = [](const Lines& values) {
    std::string text = "user,item,rating\n";
    for (std::size_t k = 0; k < values.size(); ++k) text += std::to_string(k) + ",1," + values[k] + "\n";
    const ReadReport report = read(text).report;
    return report.notes.empty() ? "" : report.notes.front();
  };
  CHECK(
      notes({"-1", "5", "6", "7"}) ==
      "1 of the ratings are -1, the others from 5 to 7: if that stands for not rated, say so (not_rated -1) and these "
      "are left out");
  CHECK(notes({"-1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}).starts_with("1 of the ratings are -1"));
  CHECK(notes({"0", "0", "1", "2", "3"}).starts_with("2 of the ratings are 0"));
  CHECK(notes({"99", "-4.5", "3.25", "8"}).starts_with("1 of the ratings are 99"));
  CHECK(notes({"1", "2", "3", "55"}).starts_with("1 of the ratings are 55"));
  CHECK(notes({"0", "1", "2", "3", "4", "5"}).empty());
  CHECK(notes({"0.5", "1", "4.5", "5"}).empty());
  CHECK(notes({"1", "2", "4", "8", "16"}).empty());
  CHECK(
      notes({"1", "1", "1"}) ==
      "all 3 ratings are 1: there is nothing to learn from them, and every prediction will be 1 (purchases, clicks and "
      "the like are not ratings)");
}

TEST_CASE("a rating may have a sign", "[files]") {
  CHECK(entries_of(read("1,a,+2\n1,b,-2\n1,c,+2.5\n1,d,+1234567890\n", {.columns = "rating=3"}).ratings) ==
        Lines{"1 a 2", "1 b -2", "1 c 2.5", "1 d 1234567890"});
  for (const char* wrong : {"+", "+-2", "++2", "-+2"})
    CHECK(read("1,a,3\n1,b," + std::string(wrong) + "\n").error ==
          "file:2: the rating is '" + std::string(wrong) +
              "', a finite number such as 4 or 3.5 was expected (bad_lines skip passes over such lines)");
}

TEST_CASE("commas that may be of thousands are pointed out", "[files]") {
  const auto notes = [](const std::string& ratings) {
    const Lines told = read("user;item;rating\n" + ratings).report.notes;
    return std::count_if(told.begin(), told.end(),
                         [](const auto& note) { return note.find("thousands") != note.npos; });
  };
  CHECK(notes("1;1;86,405\n1;2;1,205\n2;1;12\n") == 1);
  CHECK(notes("1;1;3,5\n1;2;1,205\n") == 0);
  CHECK(notes("1;1;3.5\n1;2;4\n") == 0);
}

TEST_CASE("values that are too many become levels by quantiles, by their logarithm or by edges", "[files]") {
  std::string text;
  for (int k = 1; k <= 1000; ++k) text += std::to_string(k) + ",1," + std::to_string(k) + ".5\n";
  const auto levels = [&](const std::string& how) {
    const Outcome outcome = read(text, {.rating_levels = how});
    CHECK(outcome.error == "no error");
    return outcome.ratings.levels;
  };
  CHECK(levels("quantiles:4") == std::vector<double>{126, 376, 626, 876});
  CHECK(levels("100,500") == std::vector<double>{50.5, 300, 750.5});
  CHECK(levels("edges:-5,100.5") == std::vector<double>{50.5, 550.5});
  CHECK(levels("log").size() == 10);
  CHECK(levels("log:3")[0] < 10);
  CHECK(read("1,1,4\n1,2,4\n1,3,5\n", {.rating_levels = "quantiles:9"}).ratings.levels == std::vector<double>{4, 5});
  CHECK(
      read("1,1,1\n1,2,2\n1,3,3\n", {.rating_levels = "9,10"}).report.notes ==
      Lines{"all ratings, from 1 to 3, are in one level of rating_levels '9,10': there is nothing to learn from them"});
  CHECK(read("1,1,1\n1,2,2\n1,3,3\n", {.rating_levels = "3"}).report.notes.empty());
  for (const auto& [how, error] :
       std::map<std::string, std::string>{{"quantiles:1", "a number of bins from 2 to 255 was expected"},
                                          {"deciles", "quantiles:K, log:K, or edges such as 1,10,100 were expected"},
                                          {"3,2", "the edges must ascend"}})
    CHECK(read(text, {.rating_levels = how}).error == "rating_levels '" + how + "': " + error);
  CHECK(read("1,1,0\n1,2,3\n", {.rating_levels = "log:2"}).error ==
        "rating_levels 'log:2': the lowest rating is 0, numbers above 0 were expected");
}
