// A table of ratings is cut into pieces that threads parse: what is read is the same wherever it is cut, by whomever it
// is parsed.
#include <sstream>

#include "../src/files/readers/in_order.hpp"
#include "../src/files/readers/rating_table.hpp"
#include "catch.hpp"
#include "data_files.hpp"
#include "error_of.hpp"
#include "gcmc/files/rating_files.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

constexpr std::size_t uncut = 1 << 30;

/// All that is read of a file and told of it, as text.
std::string reading_of(const std::string& path, ReadOptions options, int threads, std::size_t piece) {
  options.threads = threads;
  ReadReport report;
  std::ostringstream text;
  text.precision(17);
  text << error_of([&] {
    DataLimit limit(path, 0);
    RatingCollector collector(options, report, limit);
    std::optional<FoundColumns> columns;
    read_rating_table(path, options, limit, collector, report, columns, piece);
    const Ratings ratings = collector.finish("set");
    text << limit.bytes() << " bytes\n";
    for (const Rating& entry : ratings.entries)
      text << ratings.user_ids[static_cast<std::size_t>(entry.user)] << ' '
           << ratings.item_ids[static_cast<std::size_t>(entry.item)] << ' ' << ratings.levels[entry.level] << '\n';
    for (const double time : ratings.times) text << time << '\n';
    text << report.lines << ' ' << report.bad_lines << ' ' << report.not_rated << ' ' << report.duplicates << ' ';
    text << report.trimmed_ids << ' ' << report.latin1_ids << ' ' << report.decimal_comma << '\n';
    for (const std::string& line : report.first_bad_lines) text << line << '\n';
    for (const std::string& note : report.notes) text << note << '\n';
  });
  return text.str();
}

/// A table of many lines that are wrong, of quotes, blanks, other encodings, and of pairs that come twice.
std::string awkward_table() {
  std::string text = "\xEF\xBB\xBFuser,item,rating,time,remark\r\n";
  for (int line = 0; line < 60; ++line) {
    const std::string number = std::to_string(line);
    text += "u" + std::to_string(line % 7) + ", i" + std::to_string(line % 11) + " ,";
    text += std::to_string(line % 5) + (line % 4 == 0 ? ".5" : "") + "," + std::to_string(1000 - line) + ",";
    if (line % 6 == 0) text += "\"two\nlines, \"\"quoted\"\"\r\n\n and a fourth\"";
    if (line % 6 == 1) text += "\" \"";
    text += line % 3 == 0 ? "\r\n" : "\n";
    if (line % 4 == 1) text += "u1,i1,none,1,\n";
    if (line % 8 == 3) text += "u1,i1,3,1,\"quoted\" and on\n";
    if (line % 10 == 7) text += "u1,i1,3,1,a \"quote\" inside\n\n  \n";
    if (line % 9 == 2) text += "J\xFCrgen,\"a, b\",99,5,\n";
    if (line % 9 == 5) text += "\"J\xFCrgen\",\"a, b\",\"3,5\",5,\"\"\n";
    if (line == 20) text += "only,two\n,,,,\n";
  }
  return text + "last,one,3,0,\"no line end\"";
}

/// Lines long and short, of which few have quotes.
std::string long_table() {
  std::string text = "user,item,rating,remark,time\n";
  for (int line = 0; line < 400; ++line) {
    text += std::to_string(line % 37) + ",\xC3\xA9" + std::to_string(line % 41) + "," + std::to_string(line % 10 / 2.0);
    text += "," + std::string(static_cast<std::size_t>(line * 7 % 150), 'x') + "," + std::to_string(line);
    if (line % 50 == 9) text += "\"";
    if (line % 50 == 19) text += " ";
    text += line % 5 == 0 ? "\r\n" : "\n";
    if (line % 40 == 0) text += "\n\r\n\t \n";
    if (line % 60 == 7) text += "\xC3\xA9,\"a\"\"b\",5,\"c\nd\"," + std::to_string(line) + "\n";
    if (line % 70 == 5) text += "few,fields\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a table reads the same in pieces of any size, on any number of threads", "[files]") {
  const ScratchFolder folder;
  const ReadOptions skip = {.not_rated = "99", .bad_lines = BadLines::skip, .times = Times::kept};
  std::string many_values = "user,item,rating\n";
  for (int k = 0; k < 300; ++k) many_values += "u,i" + std::to_string(k) + "," + std::to_string(k) + "\n";
  const auto [text, options, part] = GENERATE_COPY(table<std::string, ReadOptions, std::string>({
      {awkward_table(), skip, "last one 3\n"},
      {gzipped(awkward_table()), skip, "last one 3\n"},
      {long_table(), skip, "2 columns, 5 as in the header"},
      {awkward_table(), {}, "file:7: the rating is 'none', "},
      {"1 2 5\n\n3 \"4 4\" 5\n1 2 4\n", {}, "1 2 4\n"},
      {"a::b\"::3\na::c::4", {}, "a b\" 3\n"},
      {"user,item,rating\na,b,3\na,c,\"4\nb,c,5\n", {}, "file:3: a quote that is never closed"},
      {"user,item,rating\na,b,3\na,c,1e13\nb,c,x\n", {}, "file:3: a rating further from 0"},
      {many_values + "u,v,x\n", {}, "file:257: a 256th distinct rating value"},
      {"user,item,rating\n", {}, "0 0 0"},
  }));
  write_bytes(folder / "file", text);
  const std::string whole = reading_of(folder / "file", options, 1, uncut);
  INFO(whole);
  CHECK(holds(whole, part));
  for (const int threads : {1, 2, 3})
    for (const std::size_t piece : {1, 2, 10, 40, 300, 5000})
      CHECK(reading_of(folder / "file", options, threads, piece) == whole);
}

TEST_CASE("ratings of more ids than a thread keeps in mind have their ids", "[files]") {
  constexpr int users = 600000, rounds = 2;  // more than twice 2^18
  const ScratchFolder folder;
  const bool text_ids = GENERATE(false, true);
  const std::string before = text_ids ? "u" : "";
  std::string text = "user,item,rating\n";
  for (int round = 0; round < rounds; ++round)
    for (int k = 0; k < users; ++k)
      text += before + std::to_string(k) + "," + std::to_string((k + round) % 5) + "," + std::to_string(k % 3) + "\n";
  write_bytes(folder / "file", text);
  const Ratings ratings = read_rating_file(folder / "file", "", {.threads = GENERATE(1, 2)});
  REQUIRE(ratings.entries.size() == std::size_t{users} * rounds);
  CHECK(ratings.users() == users);
  bool right = true;
  for (std::size_t k = 0; k < ratings.entries.size(); ++k) {
    const int user = static_cast<int>(k % users), round = static_cast<int>(k / users);
    const Rating& rating = ratings.entries[k];
    right &= ratings.user_ids[static_cast<std::size_t>(rating.user)] == before + std::to_string(user);
    right &= ratings.item_ids[static_cast<std::size_t>(rating.item)] == std::to_string((user + round) % 5);
    right &= ratings.levels[rating.level] == user % 3;
  }
  CHECK(right);
}

TEST_CASE("what comes out of several threads comes in order, up to the first that fails", "[files]") {
  const int threads = GENERATE(1, 2, 3, 8);
  const auto [takes, works, merges, last] = GENERATE(table<int, int, int, int>({
      {1000, 1000, 1000, 499},  // where each of the three fails, and what is merged last
      {70, 1000, 1000, 69},
      {1000, 70, 1000, 69},
      {1000, 1000, 70, 69},
      {80, 75, 70, 69},
      {0, 1000, 1000, -1},
  }));
  const auto fail_at = [](int number, int failing, const char* what) {
    if (number == failing) throw InputError(what + std::to_string(number));
  };
  int taken = 0, merged = -1;
  bool in_order = true;
  const std::string error = error_of([&, takes = takes, works = works, merges = merges] {
    for_each_in_order<int, int>(
        threads,
        [&](int& piece) {
          fail_at(piece = taken++, takes, "take ");
          return piece < 500;
        },
        [&](int piece, int& result) { fail_at(result = piece, works, "work "); },
        [&](int result) {
          fail_at(result, merges, "merge ");
          in_order &= result == merged + 1;
          merged = result;
        });
  });
  CHECK(in_order);
  CHECK(merged == last);
  const int failing = std::min({takes, works, merges});
  const char* what = failing == merges ? "merge " : failing == works ? "work " : "take ";
  CHECK(error == (failing < 500 ? what + std::to_string(failing) : "no error"));
}
