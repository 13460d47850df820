// Tables of ratings as people have them: what is understood of each, and what is refused.
#include "catch.hpp"
#include "data_files.hpp"
#include "error_of.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/ratings/split.hpp"
#include "read_table.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;
using namespace gcmc::testing;

namespace {

/// "user=NAME item=NAME ...", as they were understood.
std::string columns_of(const ReadReport& report) {
  std::string text = report.separator + (report.header ? "" : " no header");
  for (const ReadReport::Column& column : report.columns) text += " " + column.role + "=" + column.name;
  return text;
}

}  // namespace

TEST_CASE("the layouts of well-known sets are read without options", "[files]") {
  const auto [text, columns] = GENERATE(table<std::string, std::string>({
      {"userId,movieId,rating,timestamp\n9,7,5,881250949\n10,7,3.5,881250950\n",
       ", user=userId item=movieId rating=rating time=timestamp"},
      {"\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"9\";\"7\";\"5\"\n\"10\";\"7\";\"3.5\"\n",
       "; user=User-ID item=ISBN rating=Book-Rating"},
      {"user_id,book_id,rating\n9,7,5\n10,7,3.5\n", ", user=user_id item=book_id rating=rating"},
      {"reviewerID,asin,overall,unixReviewTime,reviewTime\n9,7,5.0,1393545600,\"02 28, 2014\"\n10,7,3.5,1393545600,x\n",
       ", user=reviewerID item=asin rating=overall time=unixReviewTime"},
      {"9,7,5.0,1393545600\n10,7,3.5,1383955200\n",
       ", no header user=column 1 item=column 2 rating=column 3 time=column 4"},
      {"user_id,anime_id,rating\n9,7,5\n10,7,3.5\n", ", user=user_id item=anime_id rating=rating"},
      {"review_id,user_id,business_id,stars,text,date\nx,9,7,5,\"so, well\n\"\"good\"\"\",2012-05-05\n"
       "y,10,7,3.5,,2012-05-06\n",
       ", user=user_id item=business_id rating=stars time=date"},
      {"user_id,book_id,is_read,rating,is_reviewed\n9,7,1,5,1\n10,7,1,3.5,0\n",
       ", user=user_id item=book_id rating=rating"},
      {"user_id:token\titem_id:token\trating:float\ttimestamp:float\n9\t7\t5\t0\n10\t7\t3.5\t1\n",
       "tab user=user_id:token item=item_id:token rating=rating:float time=timestamp:float"},
      {"9 7 5\n10 7 3.5\n10 7 3.5\n", "blanks no header user=column 1 item=column 2 rating=column 3"},
      {"u v r\n9 7 5\n10 7 3.5\n", "blanks user=u item=v rating=r"},
      {"  9   7  5\n 10   7  3.5 \n", "blanks no header user=column 1 item=column 2 rating=column 3"},
      {"9::7::5::881250949\n10::7::3.5::881250950\n",
       ":: no header user=column 1 item=column 2 rating=column 3 time=column 4"},
      {"9|7|5\n10|7|3.5\n", "| no header user=column 1 item=column 2 rating=column 3"},
      {"9;7;5,0\n10;7;3,5\n", "; no header user=column 1 item=column 2 rating=column 3"},
      {"9 7 5,0\n10 7 3,5\n", "blanks no header user=column 1 item=column 2 rating=column 3"},
      {"\xEF\xBB\xBFRATING,User ID,Item-Id\r\n5,9,7\r\n\r\n3.5,10,7", ", user=User ID item=Item-Id rating=RATING"},
      {",userId,itemId,rating\n0,9,7,5\n1,10,7,3.5\n", ", user=userId item=itemId rating=rating"},
      {"\"user\" \"item\" \"rating\"\n\"9\" \"7\" 5\n\"10\" \"7\" 3.5\n", "blanks user=user item=item rating=rating"},
  }));
  const Outcome outcome = read(text);
  CHECK(outcome.error == "no error");
  CHECK(entries_of(outcome.ratings) == Lines{"9 7 5", "10 7 3.5"});
  CHECK(columns_of(outcome.report) == columns);
}

TEST_CASE("columns are told by name or position, and the form by options", "[files]") {
  const auto read_told = [](const std::string& text, const ReadOptions& options) {
    const Outcome outcome = read(text, options);
    CHECK(outcome.error == "no error");
    return entries_of(outcome.ratings);
  };
  CHECK(read_told("who,what,how\na,b,3\n", {.columns = "user=who,item=What,rating=how"}) == Lines{"a b 3"});
  CHECK(read_told("7,9,5.0,1393545600\n", {.columns = "item=1,user=2"}) == Lines{"9 7 5"});
  CHECK(read_told("user,item,rating,mine\na,b,3,1\n", {.columns = "rating=mine"}) == Lines{"a b 1"});
  CHECK(read_told("user,item,rating,movieId\na,b,3,c\n", {.columns = "item=4"}) == Lines{"a c 3"});
  CHECK(read_told("a,b,c,d,e,f,g,h,3,x\n", {.columns = "user=2,item=1,rating=9"}) == Lines{"b a 3"});
  CHECK(read_told("a^b^4\n", {.separator = "^"}) == Lines{"a b 4"});
}

TEST_CASE("a table that is not understood is refused in a sentence that helps", "[files]") {
  const auto [text, columns, error] = GENERATE(table<std::string, std::string, std::string>({
      {"who,what,how\na,b,3\n", "",
       "file:1: the header is 'who,what,how' (separated by ,), in which no column is known as the user: name it, as in "
       "columns user=NAME"},
      {"user,item,rating\na,b,3\n", "user=who",
       "file:1: the header 'user,item,rating' has no column 'who' for the user"},
      {"a,b,3\n", "user=4", "file:1: there is no header, so that the user's column '4' has to be a number from 1 to 3"},
      {"1,2\n3,4\n", "",
       "file:1: 2 columns and no header (separator ,), so that the rating's column is not known: name it, as in "
       "columns "
       "rating=3"},
      {"a,b,3\n", "person=1",
       "columns: 'person=1' is not a column's use and its name or position, such as user=User-ID or user=1, each once: "
       "the uses are user, item, rating, time"},
      {"1,9,9,9,9,9,9,9,9,9\n", "",
       "file:1: 10 columns and no header: a line for each rating, with its user, item and rating, was expected; of a "
       "table with a line a user, layout is wide; else say which columns they are, as in columns "
       "user=1,item=2,rating=3"},
      {std::string("\xFF\xFEu\0s\0", 6), "", "file: this is UTF-16, text in UTF-8 was expected"},
      {std::string("PAR1\x15\0", 6), "",
       "file: this is Parquet, a table of text was expected: python3 -c \"import pandas; "
       "pandas.read_parquet('FILE').to_csv('ratings.csv', index=False)\" writes one"},
      {"PAR1,b\n", "",
       "file:1: the header is 'PAR1,b' (separated by ,), in which no column is known as the user: name it, as in "
       "columns user=NAME"},
      {std::string("PK\3\4\0\0", 6), "", "file: this is not text, a table was expected"},
      {"{\"user\": 1, \"item\": 2, \"rating\": 3}\n", "",
       "file: this is JSON, a table was expected: python3 -c \"import pandas; pandas.read_json('FILE', "
       "lines=True).to_csv('ratings.csv', index=False)\" writes one of a JSON object a line"},
      {"user,item,rating\r1,2,3\r1,3,4\r", "",
       "file: its lines end with CR alone, LF or CR LF was expected: tr '\\r' '\\n' < FILE > ratings.csv mends them"},
      {"196,242,881250949\n186,302,891717742\n", "",
       "file:1: '881250949' in column 3, where the rating would be, looks like a time: say where the ratings are, as "
       "in columns rating=3 (purchases, clicks and the like are not ratings)"},
      {"", "", "file: no ratings, at least one was expected"},
  }));
  CHECK(read(text, {.columns = columns}).error == error);
  CHECK(read("a,b,20260101\na,c,20260102\n", {.columns = "rating=3"}).error == "no error");
  CHECK(read("a,b,.12345678\na,c,3.14159265\n").error == "no error");
  CHECK(read("a,b,3\r").error == "no error");
  CHECK(read("a,b,3\n", {.separator = "long"}).error == "separator 'long' is not one character, ::, tab or blanks");
  CHECK(read("a,b,3\n", {.decimal = "x"}).error == "decimal 'x' is not . or ,");
}

TEST_CASE("a pair file gives the ids that training has, by name in any order", "[files]") {
  const auto pairs = [](const std::string& text) {
    const ScratchFolder folder;
    write_bytes(folder / "file", text);
    Lines lines;
    for (const IdPair& pair : read_id_pairs(folder / "file")) lines.push_back(pair.user + " " + pair.item);
    return lines;
  };
  for (const char* text : {"17,a b\n9,Jos\xC3\xA9\n", "itemId,userId\na b,17\nJos\xE9,9\n",
                           "Response_ID,userId,itemId\n1, 17 ,a b\n2,9,\"Jos\xE9\"\n",
                           "\"User-ID\";\"ISBN\"\n\"17\";\"a b\"\n\"9\";\"Jos\xE9\"\n", "17\ta b\r\n9\tJos\xE9\r\n",
                           "user,item,note\n17,a b,more\n\n9,Jos\xE9\n"})
    CHECK(pairs(text) == Lines{"17 a b", "9 Jos\xC3\xA9"});
  CHECK(pairs("").empty());
  CHECK(pairs("user1,item3\n") == Lines{"user1 item3"});
  const auto error = [&](const std::string& text) {
    const std::string message = error_of([&] { pairs(text); });
    return message.substr(message.find("file:"));
  };
  CHECK(error("user,film\n1,2\n") ==
        "file:1: the header is 'user,film' (separated by ,), in which no column is known as the item: name it, as in "
        "columns item=NAME");
  CHECK(error("1,2\n3\n") == "file:2: 1 column, at least 2 was expected");
  CHECK(error("user,item\n1,Heat, The\n") == "file:2: 3 columns, 2 as in the header was expected");
  CHECK(error("1,2\n3,\n") == "file:2: the item id is empty, some text was expected");
}

TEST_CASE("a first line whose quotes go on in the next is no form to go by", "[files]") {
  const ScratchFolder folder;
  write_bytes(folder / "pairs", "anna,\"Dune\npart two\"\nben,Solaris\n");
  CHECK(error_of([&] { read_id_pairs(folder / "pairs"); }).find("holds a line break") != std::string::npos);
  for (const char* text : {"\"an\nna\",Dune,3\nben,Solaris,4\n", "\"", "\"a", "\"a\"b", "a\"b,c"}) {
    write_bytes(folder / "pairs", text);
    CHECK(error_of([&] { read_id_pairs(folder / "pairs"); }) != "no error");
    CHECK(read(text).error != "no error");
  }
}

TEST_CASE("bad lines are refused, or passed over, counted, and the first ten kept", "[files]") {
  std::string text = "user,item,rating\n1,1,5\n";
  for (const char* line : {"1,2,", "1,3,NaN", "1,4", ",5,3", "1,\"6\"x,3", "1,7,inf", "1,8,4,4"})
    text += std::string(line) + "\n";
  for (int k = 0; k < 5; ++k) text += "1,9,bad\n";
  text += "2,1,4\n";
  CHECK(read(text).error ==
        "file:3: the rating is '', a finite number such as 4 or 3.5 was expected (bad_lines skip passes over such "
        "lines)");
  const Outcome skipped = read(text, {.bad_lines = BadLines::skip});
  CHECK(entries_of(skipped.ratings) == Lines{"1 1 5", "2 1 4"});
  CHECK(skipped.report.bad_lines == 12);
  CHECK(skipped.report.lines == 14);
  REQUIRE(skipped.report.first_bad_lines.size() == 10);
  CHECK(skipped.report.first_bad_lines[2].find("file:5: 2 columns, 3 as in the header was expected") !=
        std::string::npos);
  // A quote that swallows the rest of the file is not one line.
  CHECK(read("user,item,rating\n1,\"2,3\n4,5,6\n", {.bad_lines = BadLines::skip}).error ==
        "file:2: a quote that is never closed, its end was expected");
  const Outcome stretched = read("1\t2\t3\n\"a\t2\t3\n4\t5\t2\n6\t7\"b\t5\n8\t9\t3\n", {.bad_lines = BadLines::skip});
  CHECK(entries_of(stretched.ratings) == Lines{"1 2 3", "8 9 3"});
  CHECK(stretched.report.bad_lines == 3);
  REQUIRE(stretched.report.first_bad_lines.size() == 1);
  CHECK(stretched.report.first_bad_lines[0].ends_with("(of a record that a quote stretches over 3 lines)"));
}

TEST_CASE("of the ratings of a pair one counts, by time where there is one", "[files]") {
  const std::string plain = "user,item,rating\n1,1,5\n1,2,4\n1,1,3\n1,1,4\n";
  const std::string timed = "user,item,rating,time\n1,1,5,30\n1,2,4,9\n1,1,3,10\n1,1,4,20\n";
  const std::string dated =
      "user,item,rating,date\n1,1,5,2005-09-06\n1,2,4,2005-01-01\n1,1,3,2004-12-31\n1,1,4,2005-08-07T10:11:12Z\n";
  const auto rating = [](const std::string& text, Duplicates rule) {
    const Outcome outcome = read(text, {.duplicates = rule});
    CHECK(outcome.report.duplicates == 2);
    REQUIRE(outcome.ratings.entries.size() == 2);
    for (const Rating& entry : outcome.ratings.entries)
      if (entry.item == 0) return outcome.ratings.levels[entry.level];
    return 0.0;
  };
  CHECK(rating(plain, Duplicates::last) == 4);
  CHECK(rating(plain, Duplicates::first) == 5);
  CHECK(rating(plain, Duplicates::mean) == 4);
  for (const std::string& text : {timed, dated}) {
    CHECK(rating(text, Duplicates::last) == 5);
    CHECK(rating(text, Duplicates::first) == 3);
  }
  CHECK(read(plain, {.duplicates = Duplicates::error}).error ==
        "user '1' rates item '1' twice, one rating of each pair was expected: duplicates says which of them counts");
}

TEST_CASE("files of validation and test ratings are parts of their own, and no pair is in two", "[files]") {
  const ScratchFolder folder;
  write_bytes(folder / "train", "1,1,5\n1,2,4\n2,1,3\n2,2,1\n");
  write_bytes(folder / "valid", "user;item;rating\n1;2;4\n1;3;2\n");
  write_bytes(folder / "test", "rating,item,user\n3,1,2\n2,3,1\n");
  ReadReport report;
  const Ratings ratings = read_rating_file(
      folder / "train", "", {.test_ratings = folder / "test", .valid_ratings = folder / "valid"}, &report);
  CHECK(ratings.name == "train");
  CHECK(entries_of(ratings) == Lines{"1 1 5", "2 2 1", "1 2 4", "2 1 3", "1 3 2"});
  CHECK(ratings.valid_begin == 2);
  CHECK(ratings.test_begin == 3);
  CHECK(report.held_out == 3);
  const Ratings validated = read_rating_file(folder / "train", "", {.valid_ratings = folder / "valid"});
  CHECK(validated.valid_begin >= 0);
  CHECK(validated.test_begin == static_cast<Offset>(validated.entries.size()));
  const Split split(validated, {});
  CHECK(split.test().empty());
  CHECK(static_cast<Offset>(split.train().size()) == validated.valid_begin);
}

TEST_CASE("parts without ratings are refused, and those of strangers alone are pointed out", "[files]") {
  const ScratchFolder folder;
  write_bytes(folder / "train", "user,item,rating\n1,a,5\n1,b,4\n2,a,3\n");
  const auto notes = [&](const std::string& test, bool valid = false) {
    write_bytes(folder / "part", "user,item,rating\n" + test);
    ReadOptions options;
    (valid ? options.valid_ratings : options.test_ratings) = folder / "part";
    ReadReport report;
    read_rating_file(folder / "train", "", options, &report);
    return report.notes;
  };
  CHECK(error_of([&] { notes(""); }) == folder / "part" + ": no ratings, at least one was expected");
  CHECK(error_of([&] { notes("", true); }) == folder / "part" + ": no ratings, at least one was expected");
  const std::string doubt =
      " ratings is of a user and an item that training has: are their ids written in the same way?";
  CHECK(notes("u1,a,5\nu2,b,4\n") == Lines{"none of the 2 test" + doubt});
  CHECK(notes("1,c,5\n3,b,4\n", true) == Lines{"none of the 2 validation" + doubt});
  CHECK(notes("u1,a,5\n2,b,4\n").empty());
  CHECK(notes("u1,a,5\n2,b,4\n", true).empty());
}

TEST_CASE("a newcomer's ratings are those of one", "[files]") {
  const auto ratings = [](const std::string& text, Side rated = item_side) {
    const ScratchFolder folder;
    write_bytes(folder / "file", text);
    Lines lines;
    const std::string error = error_of([&] {
      for (const IdRating& rating : read_own_ratings(folder / "file", rated))
        lines.push_back(rating.id + " " + number_text(rating.value));
    });
    return error == "no error" ? lines : Lines{error.substr((folder / "").size())};
  };
  CHECK(ratings("a,5\nb,4\n") == Lines{"a 5", "b 4"});
  CHECK(ratings("a,5,881250949\nb,4,881250950\n") == Lines{"a 5", "b 4"});
  CHECK(ratings("user,item,rating\n1,a,5\n1,b,4\n") == Lines{"a 5", "b 4"});
  CHECK(ratings("user,item,rating\n,a,5\n ,b,4\n") == Lines{"a 5", "b 4"});
  CHECK(ratings("user,item,rating\n1,a,5\n2,b,4\n") ==
        Lines{"file:3: a rating of the user '2' beside those of '1', one user was expected"});
  CHECK(ratings("user,item,rating\n1,a,5\n2,a,4\n", user_side) == Lines{"1 5", "2 4"});
  CHECK(ratings("user,item,rating\n1,a,5\n2,b,4\n", user_side) ==
        Lines{"file:3: a rating of the item 'b' beside those of 'a', one item was expected"});
}

TEST_CASE("a column has one use", "[files]") {
  CHECK(read("a,b,c\n1,2,3\n", {.columns = "user=b,item=c,rating=b"})
            .error.ends_with("columns: 'b' is both the user and the rating"));
}

TEST_CASE("positions told of a table without a header are not those of a test file with one", "[files]") {
  const ScratchFolder folder;
  write_bytes(folder / "train", "i1,u1,5\ni2,u1,3\ni1,u2,4\n");
  write_bytes(folder / "named", "user,item,rating\nu2,i2,3\n");
  write_bytes(folder / "same", "i2,u2,3\n");
  for (const char* test : {"named", "same"}) {
    const Ratings ratings =
        read_rating_file(folder / "train", "", {.columns = "item=1,user=2", .test_ratings = folder / test});
    CHECK(entries_of(ratings) == Lines{"u1 i1 5", "u1 i2 3", "u2 i1 4", "u2 i2 3"});
  }
}

TEST_CASE("a header's columns of a pair are found by name in any order", "[files]") {
  const auto found = find_pair_columns({"rating", "movieId", "User-ID"});
  REQUIRE(found);
  CHECK(found->user == 2);
  CHECK(found->item == 1);
  CHECK(!find_pair_columns({"1", "50"}));
  CHECK(!find_pair_columns({"user", "50"}));
  CHECK(error_of([] { find_pair_columns({"user", "userId", "item"}); }).find("mean the same") != std::string::npos);
}

TEST_CASE("wide tables and Netflix' blocks are read by their layout", "[files]") {
  const Outcome jester = read("2,99,-4.5,3\n1,7,99,99\n3,1,2,3\n", {.layout = TableLayout::wide, .not_rated = "99"});
  CHECK(entries_of(jester.ratings) == Lines{"1 2 -4.5", "1 3 3", "2 1 7", "3 1 1", "3 2 2", "3 3 3"});
  CHECK(jester.report.not_rated == 3);
  REQUIRE(jester.report.notes.size() == 1);
  CHECK(jester.report.notes.front() == "the first column counts the ratings of its line, and is passed over");
  CHECK(entries_of(read("user\tDune\tSolaris\nanna\t4\t\nben\t\t5\n", {.layout = TableLayout::wide}).ratings) ==
        Lines{"anna Dune 4", "ben Solaris 5"});
  CHECK(entries_of(read("4,2\n,5\n", {.layout = TableLayout::wide}).ratings) == Lines{"1 1 4", "1 2 2", "2 2 5"});
  CHECK(read("1,2,3\n4,5\n", {.layout = TableLayout::wide}).error ==
        "file:2: 2 columns, 3 as in the first line was expected (bad_lines skip passes over such lines)");
  const Lines numbered{"7 10 4", "7 30 5", "8 20 3"};
  const auto wide = [](const std::string& text, const ReadOptions& more = {}) {
    ReadOptions options = more;
    options.layout = TableLayout::wide;
    return read(text, options);
  };
  for (const char* corner : {"", "userId", "client"}) {
    CAPTURE(corner);
    const Outcome pivot = wide(corner + std::string(",10,20,30\n7,4,,5\n8,,3,\n"));
    CHECK(entries_of(pivot.ratings) == numbered);
    CHECK(pivot.report.notes.size() == 1);  // that the first line is one of ids
  }
  CHECK(entries_of(wide("userId,1,2,3\n7,4,,5\n", {.columns = "user=1"}).ratings) == Lines{"7 1 4", "7 3 5"});
  CHECK(entries_of(wide("Kunde,1,2,3\nx,4,,5\n", {.columns = "user=Kunde"}).ratings) == Lines{"x 1 4", "x 3 5"});
  CHECK(entries_of(wide("101,102,Dune\n4,,5\n").ratings) == Lines{"1 101 4", "1 Dune 5"});  // no column of users
  CHECK(entries_of(wide("7,10,20\n8,2,3\n").ratings).size() == 6);  // ratings, as far as one can tell
  CHECK(entries_of(wide(",10,20\n8,2,3\n", {.no_header = true}).ratings).size() == 5);
  CHECK(entries_of(wide("user,Am\xE9lie\nx,4\n").ratings) == Lines{"x Am\xC3\xA9lie 4"});
  const ReadOptions netflix{.layout = TableLayout::netflix};
  CHECK(entries_of(read("1:\n30878,4,2005-12-26\n8,1,2005-09-05\n2:\n8,5,2005-01-01\n", netflix).ratings) ==
        Lines{"30878 1 4", "8 1 1", "8 2 5"});
  CHECK(
      read("5,4,2005-12-26\n", netflix).error.starts_with("file:1: a rating above the first item, a line such as 1:"));
}

TEST_CASE("no small file takes much memory or time, unless it may", "[files]") {
  const auto error = [](const std::string& text, const ReadOptions& options = {}) { return read(text, options).error; };
  const std::string commas = gzipped_run(',', 64 << 20);
  CHECK(commas.size() < 500000);
  CHECK(error(commas) == "file: a file of " + std::to_string(commas.size()) +
                             " bytes takes more than 70 MB of memory, which is refused: if it is as you want it, raise "
                             "data_limit");
  CHECK(error(gzipped_run('\n', 16 << 20)).find("is compressed more than 128 times") != std::string::npos);
  CHECK(error(gzipped_run('\n', 16 << 20), {.data_limit = 100}).find("damaged gzip data") != std::string::npos);
  std::string users = "user,item,rating\n";
  for (int k = 0; k < 100000; ++k) users += std::to_string(5000000 + k) + "," + std::to_string(5000000 + k) + ",5\n";
  CHECK(error(users) == "no error");
  CHECK(error(users, {.data_limit = 20}).find("takes more than 20 MB") != std::string::npos);
  CHECK(error("user,item,rating\n1," + std::string(30 << 20, 'x') + ",5\n", {.data_limit = 40})
            .find("takes more than 40 MB") != std::string::npos);
}

TEST_CASE("features that would take much more memory than their file are left out, or refused where they are needed",
          "[files]") {
  const ScratchFolder folder;
  std::string csv = "user,item,rating\n", movies = "movieId,title,genres\n", dat, movies_dat;
  for (int k = 0; k < 9000; ++k) {
    const std::string id = std::to_string(k), genre = "g" + std::to_string(k % 1000);
    csv += "1," + id + "," + std::to_string(k % 5) + "\n";
    movies += id + ",A," + genre + "\n";
    dat += "1::" + id + "::4::0\n";
    movies_dat += id + "::A::" + genre + "\n";
  }
  write_bytes(folder / "ratings.csv", csv);
  write_bytes(folder / "movies.csv", movies);
  ReadReport report;
  std::string wide = "item_id:token,numbers:float_seq\n0,";
  for (int k = 0; k < 1000; ++k) wide += "1 ";
  for (int k = 1; k < 9000; ++k) wide += "\n" + std::to_string(k) + ",0";
  write_bytes(folder / "wide", wide);
  CHECK(read_ratings(folder / "", "set", {}, {.item_features = folder / "wide"}, &report).item_features.empty());
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].find("takes more than 64 MB of memory") != std::string::npos);
  CHECK(read_ratings(folder / "", "set", {}, {.item_features = folder / "movies.csv"}).item_features.sparse.columns ==
        1000);
  write_bytes(folder / "ratings.dat", dat);
  write_bytes(folder / "movies.dat", movies_dat);
  CHECK(error_of([&] { read_ratings(folder / "", "set"); }).find("takes more than") != std::string::npos);
}
