// Tables in parts, and what else a folder of data may hold.
#include <filesystem>

#include "catch.hpp"
#include "data_folder.hpp"
#include "error_of.hpp"

using namespace gcmc;

TEST_CASE("files in a folder are parts of one table", "[data]") {
  const Lines whole = entries_of(read({{"all.csv", "user,item,rating\na,x,1\nb,y,2\na,y,3\n"}}).ratings);
  const auto parts = [](const Files& files) {
    const Outcome outcome = read(files);
    return outcome.error == "no error" ? entries_of(outcome.ratings) : Lines{outcome.error};
  };
  CHECK(whole == Lines{"a x 1.0", "b y 2.0", "a y 3.0"});
  CHECK(parts({{"p-0", "user,item,rating\na,x,1\n"}, {"p-1", "user,item,rating\nb,y,2\na,y,3"}}) == whole);
  CHECK(parts({{"p-0", "rating;item;user\n1;x;a\n"}, {"p-1", "2;y;b\n3;y;a\n"}}) == whole);  // one header
  CHECK(parts({{"p-0", "rating,item,user\n1,x,a\n"}, {"p-1", "user,item,rating\nb,y,2\na,y,3\n"}}) == whole);
  CHECK(parts({{"p-0", "a,x,1\n"}, {"p-1", "b,y,2\na,y,3\n"}, {"_SUCCESS", ""}, {".mark", "?"}}) == whole);
  CHECK(parts({{"p-0", ""}, {"p-1", "rating,item,user\n1,x,a\n"}, {"p-2", "2,y,b\n3,y,a\n"}}) == whole);
  CHECK(parts({{"ratings.csv", "user,item,rating\na,x,1\n"},
               {"since.csv", "user,item,rating\nb,y,2\na,y,3\n"},
               {"README", "no part"}}) == whole);
  CHECK(parts({{"p-0", "user,item,rating\na,x,1\n"}, {"p-1", "b,y,2\na,y\n"}}) ==
        Lines{"p-1:2: 2 columns, 3 as in the header was expected (bad_lines skip passes over such lines)"});
}

TEST_CASE("parts of a wide table have its items, and users of their own", "[data]") {
  const auto wide = [](const Files& files) {
    const ScratchFolder folder;
    for (const auto& [name, text] : files) write_bytes(folder / name, text);
    return entries_of(read_ratings(folder / "", "set", {}, {.layout = TableLayout::wide}, nullptr));
  };
  CHECK(wide({{"p-0", "4,2\n,5\n"}, {"p-1", "1,\n"}}) == Lines{"1 1 4.0", "1 2 2.0", "2 2 5.0", "3 1 1.0"});
  CHECK(wide({{"p-0", "user,x,y\na,4,2\n"}, {"p-1", "b,,5\n"}, {"p-2", "user,z\na,3\n"}}) ==
        Lines{"a x 4.0", "a y 2.0", "b y 5.0", "a z 3.0"});
}

TEST_CASE("a list of graphs is no part of the ratings beside it", "[data]") {
  const ScratchFolder folder;
  write_bytes(folder / "p-0", "1,7,4\n2,8,5\n");
  write_bytes(folder / "a.csv", "1,2,3\n");
  write_bytes(folder / "b.csv", "2,1,3\n");
  const ReadOptions options{.user_graph = folder / "a.csv" + "," + folder / "b.csv"};
  CHECK(read_ratings(folder / "", "set", {}, options, nullptr).entries.size() == 2);
}

TEST_CASE("folders of several known sets are no parts", "[data]") {
  const ScratchFolder folder;
  for (const std::string set : {"ml-100k", "ml-1m"}) std::filesystem::create_directory(folder / set);
  write_bytes(folder / "ml-100k/u.data", "1\t1\t5\t0\n");
  CHECK(read_ratings(folder / "", "mine").entries.size() == 1);
  write_bytes(folder / "ml-100k/ratings.csv", "2\t1\t4\t0\n");  // of the same set
  CHECK(read_ratings(folder / "", "mine").entries.size() == 2);
  write_bytes(folder / "ml-1m/ratings.dat", "1::1::5::0\n");
  CHECK(error_of([&] { read_ratings(folder / "", "mine"); }) == folder / "" + ": holds several data sets, " +
                                                                    (folder / "ml-100k") + " and " +
                                                                    (folder / "ml-1m") + ": name one of these folders");
}

TEST_CASE("parts repeat a header of unknown names", "[data]") {
  const ScratchFolder folder;
  ReadOptions options;
  options.columns = "user=1,item=2,rating=3";
  write_bytes(folder / "p-0", "who,what,how\na,x,1\n");
  write_bytes(folder / "p-1", "who,what,how\nb,y,2\n");
  CHECK(entries_of(read_ratings(folder / "", "", {}, options)) == Lines{"a x 1.0", "b y 2.0"});
}

TEST_CASE("a known set is found wherever it lies in a folder", "[data]") {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "a/b");
  write_bytes(folder / "a/b/ratings.dat", "1::2::3::4\n");
  write_bytes(folder / "a/README", "of the set");
  const Ratings ratings = read_ratings(folder / "", "");
  CHECK(ratings.name == "b");
  CHECK(entries_of(ratings) == Lines{"1 2 3.0"});
  ReadOptions options;
  options.test_ratings = folder / "a/test.csv";
  write_bytes(folder / "a/b/ratings.csv", "user,item,rating\na,x,1\nb,x,2\n");
  std::filesystem::remove(folder / "a/b/ratings.dat");
  write_bytes(options.test_ratings, "user,item,rating\nb,y,2\n");
  CHECK(entries_of(read_ratings(folder / "", "", {}, options)) == Lines{"a x 1.0", "b x 2.0", "b y 2.0"});
}

TEST_CASE("a folder without known files says which were looked for", "[data]") {
  CHECK(read({{"other.txt", "1"}}).error.find("no ratings here: u.data, ratings.dat or ratings.csv") !=
        std::string::npos);
  CHECK_THROWS_AS(read_ratings("/nowhere/at/all", "x"), Error);
}
