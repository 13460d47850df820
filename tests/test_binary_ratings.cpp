// The binary form of ratings is read to what was written, and any damage to it is refused.
#include <cmath>
#include <limits>

#include "binary_sums.hpp"
#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/ratings/checksum.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

/// Users out of order, parts of its own, times of which one is not known, features on both sides.
Ratings some_ratings() {
  Ratings ratings;
  ratings.name = "some";
  ratings.user_ids = {"anna", "ben", "caf\xC3\xA9"};
  ratings.item_ids = {"9", "10"};
  ratings.levels = {-1, 0.1, 4.5};
  ratings.entries = {{2, 1, 0}, {0, 0, 2}, {1, 1, 1}, {0, 1, 1}, {2, 0, 2}};
  ratings.times = {5, 4, std::numeric_limits<double>::quiet_NaN(), 1.5, -3};
  ratings.valid_begin = 3;
  ratings.test_begin = 4;
  ratings.user_features = {1, {0.5, 1.5, 2.5}, {"age"}};
  ratings.item_features = {2, {1, 2, 3, 4}, {"year", "genre Drama"}};
  ratings.user_features.sparse = {3, {0, 2, 2, 3}, {0, 2, 1}, {0.25F, 0.75F, 1}};
  ratings.user_features.encodings = {{.name = "age", .kind = FeatureKind::number, .means = {31.5}, .deviations = {0.1}},
                                     {.name = "friends \"of\"", .kind = FeatureKind::graph}};
  ratings.item_features.sparse = {2, {0, 1, 2}, {1, 0}, {1, 1}};
  ratings.item_titles = {"", "Am\xC3\xA9lie (2001)"};
  return ratings;
}

void check_same(const Ratings& a, const Ratings& b) {
  CHECK(a.name == b.name);
  CHECK(a.user_ids == b.user_ids);
  CHECK(a.item_ids == b.item_ids);
  CHECK(a.levels == b.levels);
  CHECK(a.entries == b.entries);
  CHECK(a.valid_begin == b.valid_begin);
  CHECK(a.test_begin == b.test_begin);
  REQUIRE(a.times.size() == b.times.size());
  for (std::size_t k = 0; k < a.times.size(); ++k)
    CHECK((a.times[k] == b.times[k] || (std::isnan(a.times[k]) && std::isnan(b.times[k]))));
  CHECK(a.user_features.values == b.user_features.values);
  CHECK(a.item_features.names == b.item_features.names);
  for (const auto side : {&Ratings::user_features, &Ratings::item_features}) {
    CHECK((a.*side).sparse.columns == (b.*side).sparse.columns);
    CHECK((a.*side).sparse.begin == (b.*side).sparse.begin);
    CHECK((a.*side).sparse.column == (b.*side).sparse.column);
    CHECK((a.*side).sparse.value == (b.*side).sparse.value);
    CHECK((a.*side).encodings == (b.*side).encodings);
  }
  CHECK(a.item_titles == b.item_titles);
  CHECK(checksum(a) == checksum(b));
}

struct Written {
  ScratchFolder folder;
  std::string path = folder / "some.gcmc";
  std::string bytes;

  explicit Written(const Ratings& ratings = some_ratings()) {
    write_binary_ratings(path, ratings);
    bytes = read_bytes(path);
  }
  std::string error(const std::string& changed, const ReadOptions& options = {.times = Times::kept}) const {
    write_bytes(path, changed);
    std::string message = error_of([&] { validate(read_rating_file(path, "", options)); });
    return message.starts_with(path) ? message.substr(path.size() + 2) : message;
  }
};

}  // namespace

TEST_CASE("ratings are read from the binary form as they were written", "[binary]") {
  const Written written;
  ReadReport report;
  check_same(read_rating_file(written.path, "", {.times = Times::kept}, &report), some_ratings());
  CHECK(report.bytes == static_cast<Offset>(written.bytes.size()));
  CHECK(report.lines == 5);
  CHECK(report.columns.empty());
  CHECK(read_rating_file(written.path, "mine").name == "mine");
  CHECK(read_rating_file(written.path).times.empty());
  Ratings unnamed = some_ratings();
  unnamed.name = "two\nlines";
  CHECK(read_rating_file(Written(unnamed).path).name == "some");
  const Ratings ordered = generate_ratings({.users = 40, .items = 30, .ratings = 300});
  const Written other(ordered);
  check_same(read_rating_file(other.path), ordered);
  CHECK(other.bytes.size() < written.bytes.size() + 300 * 5 + 40 * 8 + 70 * 3);  // no order where users are in order
}

TEST_CASE("ratings in version 1 of the binary form, without titles and sparse features, are read", "[binary]") {
  Ratings ratings = some_ratings();
  ratings.user_features.sparse = ratings.item_features.sparse = {};
  ratings.user_features.encodings.clear();
  ratings.item_titles.clear();
  const Written written(ratings);
  std::string first = written.bytes;
  first.replace(8, 4, little_endian(1, 4));
  first.erase(128, 64);                            // what version 2 has behind the header
  first.resize(first.find_last_not_of('\0') + 1);  // and the empty sections behind the last one
  write_bytes(written.path, with_right_sums(first));
  check_same(read_rating_file(written.path, "", {.times = Times::kept}), ratings);
}

TEST_CASE("a byte that changed is found by the checksums", "[binary]") {
  const Written written;
  for (std::size_t k = 0; k < written.bytes.size(); ++k) {
    std::string changed = written.bytes;
    changed[k] = static_cast<char>(changed[k] ^ 0x10);
    INFO("byte " << k);
    const std::string error = written.error(changed);
    CHECK(error != "no error");
    if (k >= 128) CHECK(error == "its checksum is wrong");
  }
  for (const std::size_t size : {std::size_t{8}, std::size_t{127}, std::size_t{128}, written.bytes.size() - 1})
    CHECK(written.error(written.bytes.substr(0, size)) != "no error");
  const std::string size = std::to_string(written.bytes.size());
  CHECK(written.error(written.bytes + "x") ==
        "it has " + std::to_string(written.bytes.size() + 1) + " bytes, " + size + " were written");
}

TEST_CASE("what the checksums pass is looked at number by number", "[binary]") {
  const Written written;
  const auto changed = [&](std::size_t at, std::uint64_t value, int size) {
    std::string bytes = written.bytes;
    bytes.replace(at, static_cast<std::size_t>(size), little_endian(value, size));
    return written.error(with_right_sums(bytes));
  };
  CHECK(written.error(with_right_sums(written.bytes)) == "no error");
  CHECK(changed(8, 3, 4) == "it is of version 3, and versions up to 2 are known here");
  CHECK(changed(8, 0, 4) == "it is of version 0, and versions up to 2 are known here");
  CHECK(changed(12, 4, 4) == "its header has numbers that are none of ratings");
  CHECK(changed(24, std::uint64_t{1} << 40, 8) == "its header has numbers that are none of ratings");
  CHECK(changed(40, std::uint64_t{1} << 62, 8) == "it is too short for what its header says");
  CHECK(changed(40, std::uint64_t(-2), 8) == "it is too short for what its header says");
  CHECK(changed(88, std::uint64_t(-64), 8) == "it is too short for what its header says");
  CHECK(changed(48, 256, 8) == "its header has numbers that are none of ratings");
  CHECK(changed(64, 100, 8) == "its own test part is not a part of its ratings");
  CHECK(changed(72, 0x7FFFFFFF, 8) == "it is too short for what its header says");
  // the counts at 128: 3 columns and 3 entries of users, 2 and 2 of items, bytes of titles, of encodings, two of
  // nothing
  CHECK(changed(128, 0, 8) == "its header has numbers that are none of features");
  CHECK(changed(144, std::uint64_t{1} << 31, 8) == "its header has numbers that are none of features");
  CHECK(changed(136, std::uint64_t{1} << 62, 8) == "it is too short for what its header says");
  CHECK(changed(160, std::uint64_t{1} << 40, 8) == "it is too short for what its header says");
  CHECK(changed(176, 1, 8) == "its header has numbers that are not known here");
  CHECK(holds(changed(128, 2, 8), "user features: sparse row 0 has column 2, which is not one of 2"));
  // offsets at 192: 0, 2, 3, 5; items at 256; levels at 320; order at 384; times at 448; values at 512
  CHECK(changed(192, 1, 8) == "its users' ratings are not all ratings");
  CHECK(changed(208, 1, 8) == "the ratings of user 1 do not follow those before");
  CHECK(changed(200, std::uint64_t(-1), 8) == "the ratings of user 0 do not follow those before");
  CHECK(changed(256, 2, 4) == "rating 0 has an item or a level that is none");
  CHECK(changed(256, 1, 4) == "rating 1 is of a pair that is rated already");
  CHECK(changed(320, 3, 1) == "rating 0 has an item or a level that is none");
  CHECK(changed(384, 5, 4) == "rating 0 has a place that is taken, or none");
  CHECK(changed(388, 1, 4) == "rating 1 has a place that is taken, or none");
  CHECK(changed(448, 0x7FF0000000000000, 8) == "rating 0 has no time");
  CHECK(holds(changed(512, 0x7FF8000000000000, 8), "level 0 is not a finite number"));
  CHECK(holds(changed(576, 0x7FF8000000000000, 8), "user features: row 0, column 0 is not a finite number"));
  const std::size_t ids = written.bytes.find("anna\n");
  CHECK(changed(ids, 'z', 1) == "user 1 does not follow the one before");
  CHECK(changed(ids, 0xFF, 1) == "the id of user 0 is not text on one line");
  CHECK(changed(ids + 4, 'x', 1) == "it has not 3 of the ids of users");
  const std::size_t title = written.bytes.find("Am\xC3");
  CHECK(changed(title, '\n', 1) == "it has not 2 of the titles");
  CHECK(changed(title, 0xFF, 1) == "the title of an item is not text on one line");
  CHECK(changed(title - 1, ' ', 1) == "it has not 2 of the titles");
  const std::size_t encodings = written.bytes.find("\"user\"");
  CHECK(changed(encodings + 1, 'U', 1) == "how its features are encoded: not of users and items");
  CHECK(holds(changed(encodings, ' ', 1), "how its features are encoded: "));
  CHECK(holds(changed(written.bytes.find("31.5"), 'x', 1), "how its features are encoded: "));
  CHECK(holds(changed(written.bytes.find("\"graph\""), 'G' << 8 | '"', 2), "there is no kind of features \"Graph\""));
}

TEST_CASE("the binary form is refused where it is asked for what text has", "[binary]") {
  const Written written;
  CHECK(holds(written.error(written.bytes, {.not_rated = "0"}), "not_rated is for text"));
  CHECK(holds(written.error(written.bytes, {.test_ratings = "test.csv"}), "test_ratings is for text"));
  CHECK(holds(written.error(written.bytes, {.valid_ratings = "valid.csv"}), "valid_ratings is for text"));
  CHECK(holds(written.error(written.bytes, {.separator = ";"}), "separator is for text"));
  CHECK(holds(written.error(written.bytes, {.layout = TableLayout::wide}), "layout is for text"));
  CHECK(holds(written.error(written.bytes, {.no_header = true}), "no_header is for text"));
  CHECK(written.error(written.bytes, {.times = Times::needed}) == "rating 2 has no time");
  Ratings untimed = some_ratings();
  untimed.times.clear();
  const Written other(untimed);
  CHECK(holds(other.error(other.bytes, {.times = Times::needed}), "the ratings have no times"));
  Ratings twice = some_ratings();
  twice.entries[3] = twice.entries[1];
  CHECK(error_of([&] { write_binary_ratings(other.path, twice); }) == "ratings: user " + twice.user_ids[0] +
                                                                          " rates item " + twice.item_ids[0] +
                                                                          " twice: of each pair one rating is needed");
  Ratings lines = some_ratings();
  lines.item_ids[0] = "9\n";
  CHECK(error_of([&] { write_binary_ratings(other.path, lines); }) ==
        "ratings: item 0 has an id that is not one line: 9\\x0a");
  lines.item_ids = {"b", "a"};
  CHECK(error_of([&] { write_binary_ratings(other.path, lines); }) == "item 1 does not follow the one before");
  lines.item_ids = {"9", "10"};
  lines.item_titles = {"a\nb", "c"};
  CHECK(error_of([&] { write_binary_ratings(other.path, lines); }) == "ratings: the title of item 0 is not one line");
  CHECK(read_bytes(other.path) == other.bytes);
}

TEST_CASE("a table that is written is read to the same ratings", "[binary]") {
  const ScratchFolder folder;
  Ratings ratings = some_ratings();
  ratings.user_ids = {"a \"b\"", "a,b", "caf\xC3\xA9"};
  ratings.times = {874965758, 20050906235959, std::numeric_limits<double>::quiet_NaN(), 1.5, 0};
  ratings.valid_begin = ratings.test_begin = -1;
  ratings.user_features = ratings.item_features = {};
  ratings.item_titles.clear();
  write_rating_csv(folder / "some.csv", ratings);
  check_same(read_rating_file(folder / "some.csv", "", {.times = Times::kept}), ratings);
  const std::vector<Offset> positions = {4, 2, 1};
  write_rating_csv(folder / "part.csv", ratings, &positions);
  const std::vector<Offset> beyond = {0, static_cast<Offset>(ratings.entries.size())};
  CHECK(error_of([&] { write_rating_csv(folder / "none.csv", ratings, &beyond); }).starts_with("position "));
  CHECK(read_bytes(folder / "part.csv") ==
        "user,item,rating,time\ncaf\xC3\xA9,9,4.5,0\n\"a,b\",10,0.1,\n\"a \"\"b\"\"\",9,4.5,20050906235959\n");
}
