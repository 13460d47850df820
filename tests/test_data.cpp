// Data files in every format that is read: what they become, and the one clear error that a wrong one gives.
#include <filesystem>

#include "catch.hpp"
#include "data_folder.hpp"
#include "error_of.hpp"

using namespace gcmc;

namespace {

std::vector<double> row(const SideFeatures& features, std::size_t node) {
  const auto begin = features.values.begin() + static_cast<std::ptrdiff_t>(node) * features.columns;
  return {begin, begin + features.columns};
}

using Row = std::vector<double>;

Row one_hot(std::size_t size, std::size_t position) {
  Row values(size, 0.0);
  values[position] = 1;
  return values;
}

Row operator+(Row left, const Row& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const std::string flags_of_comedy = "|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0";
const Files small_100k = {
    {"u.data", "10\t7\t3\t881250949\n9\t7\t5\t881250950\n9\t20\t1\t881250951\n"},
    {"u.user", "9|24|M|writer|85711\n10|48|F|artist|T8H1N\n11|60|M|writer|0\n"},
    {"u.occupation", "artist\nnone\nwriter\n"},
    {"u.item", "7|Caf\xE9 (1995)|01-Jan-1995||http://x" + flags_of_comedy + "\n20|B||" + "|" + flags_of_comedy + "\n"}};

Files changed(Files files, const std::string& name, const std::string& text) {
  files[name] = text;
  return files;
}

}  // namespace

TEST_CASE("ml-100k's files give ratings in file order and nodes in numeric order of id", "[data]") {
  const Ratings ratings = read(small_100k).ratings;
  CHECK(ratings.name == "set");
  CHECK(ratings.user_ids == Lines{"9", "10"});
  CHECK(ratings.item_ids == Lines{"7", "20"});
  CHECK(ratings.levels == std::vector<double>{1, 3, 5});
  CHECK(entries_of(ratings) == Lines{"10 7 3.0", "9 7 5.0", "9 20 1.0"});
  CHECK_FALSE(ratings.has_fixed_test());
}

TEST_CASE("ml-100k's features are age, gender, occupation; genres and release year", "[data]") {
  const Ratings ratings = read(small_100k).ratings;
  CHECK(ratings.user_features.names ==
        Lines{"age", "is_male", "occupation artist", "occupation none", "occupation writer"});
  CHECK(row(ratings.user_features, 0) == Row{24.0 / 60, 1, 0, 0, 1});  // the oldest is 60, though without ratings
  CHECK(row(ratings.user_features, 1) == Row{48.0 / 60, 0, 1, 0, 0});
  CHECK(ratings.item_features.columns == 20);
  CHECK(ratings.item_features.names[5] == "genre Comedy");
  CHECK(ratings.item_features.names[19] == "year");
  CHECK(row(ratings.item_features, 0) == one_hot(19, 5) + Row{0.5});
  CHECK(row(ratings.item_features, 1) == one_hot(19, 5) + Row{0});
}

TEST_CASE("ml-100k's own splits are its base files, then its test files", "[data]") {
  Files files = small_100k;
  files["u1.base"] = "9\t7\t5\t0\n9\t20\t1\t0\n";
  files["u1.test"] = "10\t7\t3\t0\n";
  files["ua.base"] = "10\t7\t3\t0\n";
  files["ua.test"] = "9\t7\t5\t0\n9\t20\t1\t0\n";
  for (const char* split : {"", "u1"}) {
    const Ratings ratings = read(files, split).ratings;
    CHECK(ratings.test_begin == 2);
    CHECK(entries_of(ratings) == Lines{"9 7 5.0", "9 20 1.0", "10 7 3.0"});
  }
  CHECK(read(files, "ua").ratings.test_begin == 1);
  CHECK(read(files, "random").ratings.test_begin == -1);
  CHECK(read(files, "leave-1-out").ratings.test_begin == -1);
  CHECK(read(files, "u2").error == "u2.base: not there, nor with .gz at its end");
  CHECK(read(files, "u6").error ==
        "there is no split 'u6': use u1, u2, u3, u4, u5, ua or ub (ml-100k alone), or a rule such as random or time");
  CHECK(read({{"ratings.csv", "user,item,rating\n1,1,1\n"}}, "u1").error.find("split 'u1' belongs to ml-100k") !=
        std::string::npos);
}

TEST_CASE("ml-1m's files give its ratings and features", "[data]") {
  const Ratings ratings =
      read({{"ratings.dat", "2::1193::5::978300760\r\n1::1193::4::0\r\n1::3::2.5::0"},
            {"users.dat", "1::F::1::10::48067\n2::M::56::0::70072\n3::M::18::20::x\n"},
            {"movies.dat",
             "3::Star: A::B (1950) (2000)::Drama|Children's\n1193::Cl\xE9o::Animation\n5::C (1999)::War\n"}})
          .ratings;
  CHECK(entries_of(ratings) == Lines{"2 1193 5.0", "1 1193 4.0", "1 3 2.5"});
  CHECK(ratings.user_features.columns == 29);
  CHECK(row(ratings.user_features, 0) == Row{0} + one_hot(7, 0) + one_hot(21, 10));
  CHECK(row(ratings.user_features, 1) == Row{1} + one_hot(7, 6) + one_hot(21, 0));
  CHECK(ratings.user_features.names[7] == "age 56");
  CHECK(ratings.item_features.names == Lines{"genre Animation", "genre Children", "genre Drama", "genre War", "year"});
  CHECK(row(ratings.item_features, 0) == Row{0, 1, 1, 0, 1});  // (2000 - 1985) / 15
  CHECK(row(ratings.item_features, 1) == Row{1, 0, 0, 0, 0});
}

TEST_CASE("files of features that are not there give no features", "[data]") {
  const Ratings dat = read({{"ratings.dat", "1::2::3::4\n"}}).ratings;
  CHECK(dat.user_features.columns == 0);
  CHECK(dat.item_features.columns == 0);
  CHECK(read({{"u.data", "1\t2\t3\t4\n"}}).ratings.user_features.columns == 0);
}

TEST_CASE("ratings.csv is read by its header's names, in any order and letter case", "[data]") {
  const char* text =
      GENERATE("userId,movieId,rating,timestamp\n10,7,3.5,1\n9,7,4,2\n", "USER,Item,Rating\n10,7,3.5\n9,7,4\n",
               "note,rating,item,user\r\nx,3.5,7,10\r\n,4.0,7,9\r\n", "\xEF\xBB\xBFuser,item,rating\n10,7,3.5\n9,7,4",
               "\"user\",\"item\",\"rating\"\n\"10\",7,\"3.5\"\n\n9,\"7\",4\n\n");
  const Outcome outcome = read({{"ratings.csv", text}});
  CHECK(outcome.error == "no error");
  CHECK(entries_of(outcome.ratings) == Lines{"10 7 3.5", "9 7 4.0"});
  CHECK(outcome.ratings.user_ids == Lines{"9", "10"});
}

TEST_CASE("ids of ratings.csv may be any text, quoted where they hold commas, quotes or spaces", "[data]") {
  const Ratings ratings =
      read({{"ratings.csv", "user,item,rating\n\"Smith, \"\"J\"\"\",b c,1\n10,\xC3\xA9,2\n9,b c,1\n"}}).ratings;
  CHECK(ratings.user_ids == Lines{"10", "9", "Smith, \"J\""});  // not all are numbers: in order of text
  CHECK(ratings.item_ids == Lines{"b c", "\xC3\xA9"});
}

TEST_CASE("whole-number ids of any size are in order of value", "[data]") {
  const Ratings ratings = read({{"ratings.csv",
                                 "user,item,rating\n100000000000000000000,1,1\n-5,1,1\n99999999999999999999,1,1\n007,1,"
                                 "1\n7,1,1\n-10,1,1\n0,1,1\n"
                                 "5000000,1,1\n"}})
                              .ratings;
  CHECK(ratings.user_ids ==
        Lines{"-10", "-5", "0", "007", "7", "5000000", "99999999999999999999", "100000000000000000000"});
}

TEST_CASE("of a pair that is rated twice the last rating counts, in every format", "[data]") {
  const auto [name, text] = GENERATE(table<std::string, std::string>({
      {"ratings.csv", "user,item,rating\n1,2,3\n1,3,5\n1,2,4\n"},
      {"ratings.dat", "1::2::3::7\n1::3::5::7\n1::2::4::8\n"},
      {"u.data", "1\t2\t3\t7\n1\t3\t5\t7\n1\t2\t4\t8\n"},
  }));
  CHECK(entries_of(read({{name, text}}).ratings) == Lines{"1 3 5.0", "1 2 4.0"});
}

TEST_CASE("movies.csv is not used, and a note says how it would be", "[data]") {
  const Outcome outcome = read({{"ratings.csv", "userId,movieId,rating\n1,30,3\n1,4,5\n1,5,5\n"},
                                {"movies.csv", "movieId,title,genres\n4,A (1999),Drama\n"}});
  CHECK(outcome.ratings.item_features.empty());
  REQUIRE(outcome.report.notes.size() == 1);
  CHECK(outcome.report.notes.front().find("movies.csv is not used: name it as item_features") != std::string::npos);
}

TEST_CASE("a gzipped file reads as the plain one does", "[data]") {
  std::string text;
  for (int k = 0; k < 30000; ++k) text += std::to_string(k % 700) + "::" + std::to_string(k % 899) + "::4::0\n";
  const Ratings plain = read({{"ratings.dat", text}}).ratings;
  CHECK(plain.entries.size() == 30000);
  CHECK(read({{"ratings.dat.gz", gzipped(text)}}).ratings.entries == plain.entries);
}

TEST_CASE("a cut or damaged gzip file is an error", "[data]") {
  const std::string whole = gzipped("1::2::3::0\n4::5::1::0\n");
  CHECK(read({{"ratings.dat.gz", whole}}).error == "no error");
  for (std::size_t size = 11; size < whole.size(); ++size)
    CHECK(read({{"ratings.dat.gz", whole.substr(0, size)}}).error != "no error");
  std::string damaged = whole;
  damaged[20] ^= 1;
  CHECK(read({{"ratings.dat.gz", damaged}}).error.find("ratings.dat.gz") == 0);
}

TEST_CASE("lines longer than the read buffer are whole", "[data]") {
  const std::string long_id(3 << 20, 'x');
  const Ratings ratings = read({{"ratings.csv", "user,item,rating\n1," + long_id + ",3\n2,y,4\n"}}).ratings;
  CHECK(ratings.item_ids == Lines{long_id, "y"});
}

TEST_CASE("255 distinct rating values are read and 256 are refused", "[data]") {
  std::string text = "user,item,rating\n";
  for (int k = 0; k < 255; ++k) text += "1," + std::to_string(k) + "," + std::to_string(k) + ".25\n";
  CHECK(read({{"ratings.csv", text}}).ratings.levels.size() == 255);
  CHECK(
      read({{"ratings.csv", text + "1,1,-3\n"}}).error ==
      "ratings.csv:257: a 256th distinct rating value, at most 255 distinct values in all was expected: rating_levels "
      "makes levels of more, such as quantiles:10, log:10 or edges like 1,10,100");
}

TEST_CASE("0 and -0 are one level", "[data]") {
  CHECK(read({{"ratings.csv", "user,item,rating\n1,1,0\n1,2,-0.0\n"}}).ratings.levels.size() == 1);
}

TEST_CASE("a wrong line gives its file, its number, and what was expected", "[data]") {
  const auto [name, text, error] = GENERATE(table<std::string, std::string, std::string>({
      {"u.data", "1\t2\t3\t4\n1\t2\t3\n", "u.data:2: 3 columns, 4 separated by tabs was expected"},
      {"u.data", "1 2 3 4\n", "u.data:1: 1 column, 4 separated by tabs was expected"},
      {"u.data", "1\tx\t3\t4\n",
       "u.data:1: the item id is 'x', a whole number from 0 to 9223372036854775807 was expected"},
      {"u.data", "1\t2\tnan\t4\n", "u.data:1: the rating is 'nan', a finite number such as 4 or 3.5 was expected"},
      {"u.data", "\n1\t2\t3z\t4\n", "u.data:2: the rating is '3z', a finite number such as 4 or 3.5 was expected"},
      {"u.data", "", "u.data: no ratings, at least one was expected"},
      {"ratings.dat", "1::2::3::4\n1::2::1e999::4\n",
       "ratings.dat:2: the rating is '1e999', a finite number such as 4 or 3.5 was expected"},
      {"ratings.dat", "1::2::3::4::5\n", "ratings.dat:1: 5 columns, 4 separated by :: was expected"},
      {"ratings.dat", "1::-2::3::4\n",
       "ratings.dat:1: the item id is '-2', a whole number from 0 to 9223372036854775807 was expected"},
      {"ratings.dat", "1::2::3::4\n1::2::1e30::4\n",
       "ratings.dat:2: a rating further from 0 than 1e12: divide all ratings by the same number"},
      {"ratings.csv", "user,item,rating\n1,2,3\n1,3,-2e12\n",
       "ratings.csv:3: a rating further from 0 than 1e12: divide all ratings by the same number"},
      {"ratings.csv", "", "ratings.csv: no ratings, at least one was expected"},
      {"ratings.csv", "user,item,rating\n", "ratings.csv: no ratings, at least one was expected"},
      {"ratings.csv", "user,item\n1,2\n",
       "ratings.csv:1: the header is 'user,item' (separated by ,), in which no column is known as the rating: name it, "
       "as in columns rating=NAME"},
      {"ratings.csv", "user,item,rating,movieId\n1,2,3,4\n",
       "ratings.csv:1: columns 2 and 4, 'item' and 'movieid', mean the same: say which is the item, as in columns "
       "item=4"},
      {"ratings.csv", "user,item,rating\n1,2,3\n1,2\n",
       "ratings.csv:3: 2 columns, 3 as in the header was expected (bad_lines skip passes over such lines)"},
      {"ratings.csv", "user,item,rating\n1,,3\n",
       "ratings.csv:2: the item id is empty, some text was expected (bad_lines skip passes over such lines)"},
      {"ratings.csv", "user,item,rating\n1,2,\n",
       "ratings.csv:2: the rating is '', a finite number such as 4 or 3.5 was expected (bad_lines skip passes over "
       "such lines)"},
      {"ratings.csv", "user,item,rating\n1,2,inf\n",
       "ratings.csv:2: the rating is 'inf', a finite number such as 4 or 3.5 was expected (bad_lines skip passes over "
       "such lines)"},
      {"ratings.csv", "user,item,rating\n1,\"2,3\n4,5,6\n",
       "ratings.csv:2: a quote that is never closed, its end was expected"},
      {"ratings.csv", "user,item,rating\n1,\"2\"3,3\n",
       "ratings.csv:2: text behind a closing quote, the separator or the end of the line was expected (bad_lines skip "
       "passes over such lines)"},
      {"ratings.csv", "user,item,rating\n1,2\"3,3\n",
       "ratings.csv:2: a quote inside the field '2\"3', quotes around the whole field was expected (bad_lines skip "
       "passes over such lines)"},
      {"ratings.csv", "user,item,rating\n1,\"a\nb\",3\n",
       "ratings.csv:2: the item id 'a?b' holds a line break or a zero byte, text on one line was expected (of a "
       "record that a quote stretches over 2 lines) (bad_lines skip passes over such lines)"},
  }));
  CHECK(read({{name, text}}).error == error);
}

TEST_CASE("a wrong user or item file gives its file, its number, and what was expected", "[data]") {
  const auto [name, text, error] = GENERATE(table<std::string, std::string, std::string>({
      {"u.user", "9|24|M|writer|8\n",
       "u.user: user '10' has ratings but no line here, one line for each user was expected"},
      {"u.user", "9|24|M|writer\n", "u.user:1: 4 columns, 5 separated by | was expected"},
      {"u.user", "9|24|X|writer|8\n", "u.user:1: the gender is 'X', M or F was expected"},
      {"u.user", "9|24|M|painter|8\n",
       "u.user:1: the occupation is 'painter', one of those in u.occupation was expected"},
      {"u.user", "9|-2|M|writer|8\n", "u.user:1: the age is '-2', a whole number from 0 to 150 was expected"},
      {"u.user", "9|24|M|writer|8\n9|24|M|writer|8\n",
       "u.user:2: a second line for user '9', one line for each was expected"},
      {"u.item", "7|A|1995||" + flags_of_comedy + "\n",
       "u.item: item '20' has ratings but no line here, one line for each item was expected"},
      {"u.item", "7|A|Jan-95||" + flags_of_comedy + "\n",
       "u.item:1: the release date is 'Jan-95', nothing or a date such as 01-Jan-1995 was expected"},
      {"u.item", "7|A|||x|2" + flags_of_comedy.substr(2) + "\n",
       "u.item:1: a genre flag is '2', a whole number from 0 to 1 was expected"},
  }));
  CHECK(read(changed(small_100k, name, text)).error == error);
}

TEST_CASE("wrong users.dat and movies.dat give clear errors", "[data]") {
  const auto error = [&](const std::string& name, const std::string& text) {
    return read({{"ratings.dat", "1::2::3::4\n"}, {name, text}}).error;
  };
  CHECK(error("users.dat", "1::F::2::1::0\n") ==
        "users.dat:1: the age is '2', 1, 18, 25, 35, 45, 50 or 56 was expected");
  CHECK(error("users.dat", "1::F::1::21::0\n") ==
        "users.dat:1: the occupation is '21', a whole number from 0 to 20 was expected");
  CHECK(error("movies.dat", "2::A (1999)\n") ==
        "movies.dat:1: fewer than 3 columns, id::title (year)::genres was expected");
  CHECK(error("movies.dat", "3::A::Drama\n") ==
        "movies.dat: item '2' has ratings but no line here, one line for each item was expected");
}
