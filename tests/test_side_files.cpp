// Features and graphs of a user's own: what is understood of each column, what is made of it, and that no such file is
// the end of a training.
#include <cmath>
#include <map>

#include "catch.hpp"
#include "data_samples.hpp"
#include "error_of.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/train/train.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

using Lines = std::vector<std::string>;
using Row = std::vector<double>;

struct Outcome {
  Ratings ratings;
  ReadReport report;

  /// The notes without the folder's name.
  Lines notes(const ScratchFolder& folder) const {
    Lines lines;
    for (std::string note : report.notes) {
      if (note.starts_with(folder / "")) note.erase(0, (folder / "").size());
      lines.push_back(note);
    }
    return lines;
  }
};

const std::string four_users = "user,item,rating\nann,x,3\nben,x,4\ncem,y,5\ndee,y,3\n";

/// The ratings in the folder's ratings.csv, with features and graphs in other files of it.
Outcome read(const ScratchFolder& folder, const ReadOptions& options) {
  Outcome outcome;
  outcome.ratings = read_rating_file(folder / "ratings.csv", "set", options, &outcome.report);
  validate(outcome.ratings);
  return outcome;
}

/// The same of these users' features alone.
Outcome read_users(const ScratchFolder& folder, const std::string& features, const std::string& ratings = four_users) {
  write_bytes(folder / "ratings.csv", ratings);
  write_bytes(folder / "users", features);
  return read(folder, {.user_features = folder / "users"});
}

/// "name=kind:columns", with "-" for what is not used.
std::string columns_of(const ReadReport::SideFile& file) {
  std::string text;
  for (const auto& column : file.columns)
    text += (text.empty() ? "" : " ") + column.name + "=" + (column.kind == "not used" ? "-" : column.kind) +
            (column.made > 0 ? ":" + std::to_string(column.made) : "");
  return text;
}

Row dense_row(const SideFeatures& features, std::size_t node) {
  const auto columns = static_cast<std::size_t>(features.columns);
  const auto* begin = features.values.data() + node * columns;
  return {begin, begin + columns};
}

/// The sparse columns of a node with their values.
std::map<Index, float> sparse_row(const SideFeatures& features, std::size_t node) {
  std::map<Index, float> row;
  for (Offset e = features.sparse.begin.at(node); e < features.sparse.begin.at(node + 1); ++e)
    row[features.sparse.column[static_cast<std::size_t>(e)]] = features.sparse.value[static_cast<std::size_t>(e)];
  return row;
}

}  // namespace

TEST_CASE("columns of features are numbers, dates, categories or lists by what is in them", "[side_files]") {
  const ScratchFolder folder;
  const Outcome outcome = read_users(folder,
                                     "age;user;city;likes;joined;homepage\n"
                                     "20;ann;Rome;a|b;1999-01-01;http://a\n"
                                     "40;ben;Oslo;b;2001-01-01;http://b\n"
                                     ";cem;Rome;;2003-01-01;http://c\n"
                                     "60;dee;Oslo;a|c|c;2001-01-01;http://d\n");
  const SideFeatures& features = outcome.ratings.user_features;
  REQUIRE(outcome.report.side_files.size() == 1);
  CHECK(outcome.report.side_files[0].form == "header, separator ;");
  CHECK(columns_of(outcome.report.side_files[0]) ==
        "age=number:1 user=id city=category:2 likes=list:3 joined=date:1 homepage=-");
  CHECK(outcome.report.side_files[0].columns.back().remark == "4 distinct values in 4 fields");
  CHECK(features.names == Lines{"age", "joined"});
  const double deviation = std::sqrt(800.0 / 3);
  CHECK(dense_row(features, 0)[0] == Approx(-20 / deviation));
  CHECK(dense_row(features, 2)[0] == 0);  // missing
  CHECK(dense_row(features, 2)[1] == Approx(std::sqrt(2.0)));
  CHECK(sparse_row(features, 0) == std::map<Index, float>{{1, 1}, {2, 1}, {3, 1}});  // Rome; a, b
  CHECK(sparse_row(features, 2) == std::map<Index, float>{{1, 1}});
  CHECK(sparse_row(features, 3) == std::map<Index, float>{{0, 1}, {2, 1}, {4, 1}});  // Oslo; a, c
  REQUIRE(features.encodings.size() == 4);
  CHECK(features.encodings[0].means == Row{40});
  CHECK(features.encodings[1].categories == Lines{"Oslo", "Rome"});
  CHECK(outcome.ratings.item_features.empty());
}

TEST_CASE("ml-100k's u.user and u.item are feature files like any other", "[side_files]") {
  const ScratchFolder folder;
  std::string ratings = "user,item,rating\n", users, items;
  const char* jobs[] = {"writer", "none", "other"};
  for (int k = 1; k <= 12; ++k) {
    const std::string id = std::to_string(k);
    ratings += id + "," + id + ",3\n" + id + "," + std::to_string(k % 12 + 1) + ",4\n";
    users += id + "|" + std::to_string(20 + k) + "|" + (k % 2 ? "M" : "F") + "|" + jobs[k % 3] + "|" +
             (k == 5 ? std::string("T8H1N") : std::to_string(85700 + k)) + "\n";
    items += id + "|Caf\xE9 " + id + " (1995)|" + (k == 7 ? "" : "0" + std::to_string(k % 3 + 1) + "-Jan-1995") +
             "||http://us.imdb.com/M/?(199" + std::to_string(k % 10) + ")" + id +
             (k % 2 ? genre_flags : "|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n");
  }
  write_bytes(folder / "ratings.csv", ratings);
  write_bytes(folder / "u.user", users);
  write_bytes(folder / "u.item", items);
  const Outcome outcome = read(folder, {.user_features = folder / "u.user", .item_features = folder / "u.item"});
  REQUIRE(outcome.report.side_files.size() == 2);
  CHECK(outcome.report.side_files[0].form == "no header, separator |");
  CHECK(columns_of(outcome.report.side_files[0]) ==
        "column 1=id column 2=number:1 column 3=category:2 column 4=category:3 column 5=-");
  const std::string of_items = columns_of(outcome.report.side_files[1]);
  CHECK(of_items.starts_with("column 1=id column 2=- column 3=date:1 column 4=- column 5=- column 6=- "));
  CHECK(holds(of_items, "column 9=number:1"));
  CHECK(outcome.ratings.user_features.columns == 1);
  CHECK(outcome.ratings.item_features.columns == 3);  // the date, and two flags that differ
  CHECK(outcome.report.notes.empty());
}

TEST_CASE("movies.csv gives genres, and years of its titles; quotes may hold commas, quotes and line breaks",
          "[side_files]") {
  const ScratchFolder folder;
  write_bytes(folder / "ratings.csv", "userId,movieId,rating\n1,30,3\n1,4,5\n2,5,5\n");
  write_bytes(folder / "movies.csv",
              "movieId,title,genres\r\n4,\"Day, \"\"The\"\"\r\n of (1970)\",Children|Drama\r\n30,Then (1990-1999),"
              "Drama\r\n5,\"Now (1980)\",Children\r\n");
  const Outcome outcome = read(folder, {.item_features = folder / "movies.csv"});
  REQUIRE(outcome.report.side_files.size() == 1);
  CHECK(columns_of(outcome.report.side_files[0]) == "movieId=id title=date:1 genres=list:2");
  CHECK(sparse_row(outcome.ratings.item_features, 0) == std::map<Index, float>{{0, 1}, {1, 1}});
  CHECK(dense_row(outcome.ratings.item_features, 1)[0] == 0);  // 1980, the mean
}

TEST_CASE("of two columns that may be the id, the one that says id is; a wrong line costs its own title alone",
          "[side_files]") {
  const ScratchFolder folder;
  write_bytes(folder / "ratings.csv", "userId,movieId,rating\n1,30,3\n1,4,5\n2,5,5\n");
  write_bytes(folder / "items.csv", "movie,movie_id,title,kind\nm,4,Day,a\nn,5,No,w,b\no,30,Then,b\n");
  const Outcome outcome = read(folder, {.item_features = folder / "items.csv"});
  REQUIRE(outcome.report.side_files.size() == 1);
  CHECK(columns_of(outcome.report.side_files[0]).starts_with("movie=category:2 movie_id=id"));
  CHECK(outcome.ratings.item_titles == std::vector<std::string>{"Then", "Day", ""});
}

TEST_CASE("RecBole's types are believed, and its files come with the .inter that they lie beside", "[side_files]") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "tiny");
  write_bytes(folder / "tiny/tiny.inter",
              "user_id:token\titem_id:token\trating:float\n1\tx\t3\n2\tx\t4\n3\ty\t5\n4\ty\t3\n");
  write_bytes(folder / "tiny/tiny.user",
              "user_id:token\tband:token\tage:float\tplace:float_seq\n1\t7\t20\t0.5 1\n2\t7\t30\t1.5 3\n"
              "3\t8\t?\t2.5 5\n4\t8\t40\t3.5 7\n");
  write_bytes(folder / "tiny/tiny.item", "item_id:token\tclass:token_seq\nx\tred big\ny\tred blue big blue\n");
  write_bytes(folder / "tiny/tiny.net", "source_id:token\ttarget_id:token\n1\t2\n2\t3\n2\t4\n9\t1\n3\t3\n1\t2\n");
  for (const std::string& path : {folder / "tiny", folder / "tiny/tiny.inter"}) {
    INFO(path);
    ReadReport report;
    const Ratings ratings = std::filesystem::is_directory(path) ? read_ratings(path, "", {}, {}, &report)
                                                                : read_rating_file(path, "", {}, &report);
    validate(ratings);
    CHECK(ratings.name == "tiny");
    REQUIRE(report.side_files.size() == 3);
    CHECK(columns_of(report.side_files[0]) == "user_id=id band=category:2 age=number:1 place=number:2");
    CHECK(report.side_files[0].columns[2].remark == "1 fields are none, and count as missing");
    CHECK(columns_of(report.side_files[1]) == "source_id=source:4 target_id=target");
    CHECK(columns_of(report.side_files[2]) == "item_id=id class=words:3");
    CHECK(ratings.user_features.columns == 3);
    CHECK(ratings.user_features.sparse.columns == 2 + 4);
    CHECK(sparse_row(ratings.user_features, 0) == std::map<Index, float>{{0, 1}, {3, 1}});
    CHECK(sparse_row(ratings.user_features, 1) == std::map<Index, float>{{0, 1}, {4, 0.5F}, {5, 0.5F}});
    CHECK(sparse_row(ratings.user_features, 3) == std::map<Index, float>{{1, 1}});
    CHECK(sparse_row(ratings.item_features, 0) == std::map<Index, float>{{0, 1}, {2, 1}});
    CHECK(report.notes.size() == 3);
  }
  CHECK(columns_of([&] {
          ReadReport report;
          write_bytes(folder / "other", "user_id:token\tage:token\n1\t20\n2\t20\n3\t30\n4\t30\n");
          (void)read_ratings(folder / "tiny", "", {}, {.user_features = folder / "other"}, &report);
          return report.side_files.front();
        }()) == "user_id=id age=category:2");
}

TEST_CASE("a header is found by names, by unknown ids, and by text above numbers", "[side_files]") {
  const ScratchFolder folder;
  const auto form = [&](const std::string& text) {
    const Outcome outcome = read_users(folder, text);
    return outcome.report.side_files.empty() ? outcome.report.notes.at(0) : outcome.report.side_files[0].form;
  };
  CHECK(form("userId,age\nann,1\nben,2\n") == "header, separator ,");
  CHECK(form("wer,alter\nann,1\nben,2\n") == "header, separator ,");
  CHECK(form("wer,2020,alter\nann,3,1\nben,4,2\n") == "header, separator ,");
  CHECK(form("wer,ort\nann,a\nben,a\ncem,b\ndee,b\n") == "header, separator ,");
  CHECK(form("ann,1\nben,2\n") == "no header, separator ,");
  CHECK(form("zoe,1\nben,2\nann,3\n") == "no header, separator ,");
  CHECK(form("ann,user\nben,user\ncem,boss\ndee,boss\n") == "no header, separator ,");
}

TEST_CASE("rows that are missing, unknown, twice there or wrong are counted", "[side_files]") {
  const ScratchFolder folder;
  const Outcome outcome = read_users(folder, "user,age\nann,1\nben,2\nzoe,3\nben,4\ncem\ncem,\n");
  CHECK(outcome.notes(folder) == Lines{"users: 1 of 4 users have no line: their features are zeros",
                                       "users: 1 lines are of users without ratings, and passed over",
                                       "users: 1 lines are of users that have one already, and passed over",
                                       "users: 1 lines are wrong, and passed over: " + (folder / "users") +
                                           ":6: 1 column, 2 as in the header was expected"});
  CHECK(dense_row(outcome.ratings.user_features, 1) == Row{1});
  CHECK(dense_row(outcome.ratings.user_features, 3) == Row{0});
}

TEST_CASE("a file of features that cannot be used is left out, and a note says why", "[side_files]") {
  const ScratchFolder folder;
  const auto note = [&](const std::string& text) {
    const Outcome outcome = read_users(folder, text);
    CHECK(outcome.ratings.entries.size() == 4);
    CHECK(outcome.ratings.user_features.empty());
    CHECK(outcome.report.side_files.empty());
    REQUIRE(outcome.report.notes.size() == 1);
    CHECK(holds(outcome.report.notes[0], ": this file of features is left out"));
    return outcome.notes(folder).front();
  };
  CHECK(holds(note(""), "users: there is no line in it"));
  CHECK(
      holds(note("user,age\n1,2\n3,4\n"), "no line is of a user that has ratings: it has '1', the ratings have 'ann'"));
  CHECK(holds(note("ann\nben\n"), "no column besides the user's can be used"));
  CHECK(holds(note("user,name\nann,A\nben,B\n"), "no column besides the user's can be used"));
  CHECK(holds(note(std::string("a\0b\n", 4)), "this is not text"));
  CHECK(holds(note("\x1F\x8B\x08 no gzip"), "users"));
  write_bytes(folder / "ratings.csv", four_users);
  const Outcome outcome = read(folder, {.item_features = folder / "nowhere", .user_graph = folder / "."});
  CHECK(outcome.report.notes.size() == 2);
  CHECK(outcome.ratings.user_features.empty());
  CHECK(outcome.ratings.item_features.empty());
}

TEST_CASE("edges are taken as they are: weights of a node add up to 1, and of several files to each other",
          "[side_files]") {
  const ScratchFolder folder;
  write_bytes(folder / "ratings.csv", four_users);
  write_bytes(folder / "one",
              "ann ben 1\nann cem 3\nben ann 1\nann ben 9\ndee dee 1\nann zoe 1\ncem dee 0\ncem dee x\n");
  write_bytes(folder / "two", "friendID,userID\nben,ann\nann,dee\n");
  const Outcome outcome = read(folder, {.user_graph = folder / "one" + "," + (folder / "two")});
  const SideFeatures& features = outcome.ratings.user_features;
  CHECK(features.columns == 0);
  CHECK(sparse_row(features, 0) == std::map<Index, float>{{1, 0.4F}, {2, 0.6F}});  // 1 + 1 of 5, and 3 of 5
  CHECK(sparse_row(features, 1) == std::map<Index, float>{{0, 1}});
  CHECK(sparse_row(features, 2).empty());
  CHECK(sparse_row(features, 3) == std::map<Index, float>{{0, 1}});
  REQUIRE(features.encodings.size() == 1);
  CHECK(features.encodings[0].kind == FeatureKind::graph);
  REQUIRE(outcome.report.side_files.size() == 2);
  CHECK(columns_of(outcome.report.side_files[0]) == "column 1=source:4 column 2=target column 3=weight");
  CHECK(columns_of(outcome.report.side_files[1]) == "userID=source:4 friendID=target");
  CHECK(outcome.notes(folder) == Lines{"one: 1 edges have a user without ratings, and are passed over",
                                       "one: 1 edges lead from a user to itself, and are passed over",
                                       "one: 1 edges are there already, and are passed over",
                                       "one: 1 edges have no weight above 0, and are passed over",
                                       "one: 1 edges are wrong, and are passed over: " + (folder / "one") +
                                           ":8: the weight is 'x', a number such as 1 or 0.5 was expected"});
}

TEST_CASE("notes on items' features and edges have their article", "[side_files]") {
  const ScratchFolder folder;
  write_bytes(folder / "ratings.csv", four_users);
  write_bytes(folder / "edges", "x y\nx x\ny z\n");
  write_bytes(folder / "items", "item,year\na,1\nb,2\n");
  const Outcome outcome = read(folder, {.item_features = folder / "items", .item_graph = folder / "edges"});
  const Lines notes = outcome.notes(folder);
  REQUIRE(notes.size() == 3);
  CHECK(holds(notes[0], "no line is of an item that has ratings: it has 'a', the ratings have 'x'"));
  CHECK(notes[1] == "edges: 1 edges have an item without ratings, and are passed over");
  CHECK(notes[2] == "edges: 1 edges lead from an item to itself, and are passed over");
}

TEST_CASE("a graph's file that cannot be used is left out, and the others stay", "[side_files]") {
  const ScratchFolder folder;
  write_bytes(folder / "ratings.csv", four_users);
  write_bytes(folder / "good", "ann,ben\n");
  write_bytes(folder / "bad", "1,2\n2,3\n");
  const Outcome outcome = read(folder, {.user_graph = folder / "bad" + "," + (folder / "good")});
  CHECK(sparse_row(outcome.ratings.user_features, 0) == std::map<Index, float>{{1, 1}});
  CHECK(outcome.notes(folder) == Lines{"bad: no edge is between two users that have ratings: it has '1', the ratings "
                                       "have 'ann': this file of edges is left out"});
}

TEST_CASE("features that MovieLens' files have of one side alone are not used, and a note says how they would be",
          "[side_files]") {
  const ScratchFolder folder;
  ReadReport report;
  write_bytes(folder / "ratings.dat", "1::2::3::4\n2::2::4::4\n");
  write_bytes(folder / "movies.dat", "2::A (1999)::Drama\n");
  CHECK(read_ratings(folder / "", "set", {}, {}, &report).item_features.empty());
  REQUIRE(report.notes.size() == 1);
  CHECK(holds(report.notes[0], "movies.dat is not used, since it tells of items alone: name it as item_features"));
}

TEST_CASE("files that the user names replace the set's own features, and a graph stands beside them", "[side_files]") {
  const ScratchFolder folder;
  for (const auto& [name, text] : sample_sets[0]) write_bytes(folder / name, text);
  write_bytes(folder / "items", "item,length\n1,90\n2,100\n");
  write_bytes(folder / "friends", "1\t3\n20\t1\n");
  ReadReport report;
  const Ratings ratings = read_ratings(folder / "", "set", {},
                                       {.item_features = folder / "items", .user_graph = folder / "friends"}, &report);
  validate(ratings);
  CHECK(ratings.item_features.names == Lines{"length"});
  CHECK(ratings.user_features.columns == 4);  // u.user's
  CHECK(ratings.user_features.sparse.columns == 3);
  CHECK(ratings.user_features.encodings.size() == 5);
}

TEST_CASE("string ids, half stars, features of items alone and a graph of users: trained, saved and asked by its ids",
          "[side_files]") {
  const ScratchFolder folder;
  std::string ratings = "reader,book,stars\n", books = "book,pages,genre\n", friends = "user1,user2\n";
  for (int user = 0; user < 30; ++user) {
    const std::string id = "reader " + std::to_string(user);
    for (int k = 0; k < 8; ++k) {
      const int item = (user * 7 + k * 5) % 25;
      ratings += id + ",b-" + std::to_string(item) + "," + std::to_string(1 + (user + item) % 4) +
                 ((user * item) % 2 ? ".5" : "") + "\n";
    }
    friends += id + ",reader " + std::to_string((user + 4) % 30) + "\n";
  }
  for (int item = 0; item < 25; ++item)
    books += "b-" + std::to_string(item) + "," + std::to_string(100 + item) + "," + (item % 2 ? "poem" : "tale") + "\n";
  write_bytes(folder / "ratings.csv", ratings);
  write_bytes(folder / "books", books);
  write_bytes(folder / "friends", friends);
  ReadReport report;
  const Ratings data = read_rating_file(folder / "ratings.csv", "books",
                                        {.columns = "user=reader,item=book,rating=stars",
                                         .item_features = folder / "books",
                                         .user_graph = folder / "friends"},
                                        &report);
  CHECK(report.notes.empty());
  Options options;
  options.model = {.units = 20, .output = 6, .feature_units = 4};
  options.train.max_iterations = 12;
  options.run.data_name = data.name;
  const TrainResult result = train(data, options);
  CHECK(result.model.tensor("features.user.sparse").shape == std::vector<Offset>{30, 4});
  CHECK(result.model.tensor("features.item.sparse").shape == std::vector<Offset>{2, 4});
  CHECK_FALSE(result.model.tensors.contains("features.user.weight"));
  save_model(folder / "model", result.model);
  const SavedModel loaded = load_model(folder / "model");
  CHECK(loaded.encodings == result.model.encodings);
  REQUIRE(loaded.encodings[item_side].size() == 2);
  CHECK(loaded.encodings[item_side][1].categories == Lines{"poem", "tale"});
  const Predictor predictor({loaded});
  const Index user = predictor.user_index("reader 7"), item = predictor.item_index("b-3");
  REQUIRE((user >= 0 && item >= 0));
  const double rating = predictor.predict(std::vector<std::pair<Index, Index>>{{user, item}}).front();
  CHECK((rating >= 1 && rating <= 4.5));
  // The sum over sparse rows runs in one order, whatever the number of threads.
  options.run.threads = 1;
  const TrainResult one = train(data, options);
  options.run.threads = 3;
  CHECK(train(data, options).model.tensors == one.model.tensors);
}
