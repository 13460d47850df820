// Finding a data set by name: given folders, the cache, downloads (from a file: address), and what happens without.
#include <cstdlib>
#include <filesystem>

#include "catch.hpp"
#include "data_files.hpp"
#include "download_machine.hpp"
#include "error_of.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

namespace {

const std::string dat = "1::2::3::4\n5::2::4::0\n", csv = "userId,movieId,rating\n1,2,3\n";

std::string error_of(const std::string& name, const std::string& data_dir = "", const std::string& split = "") {
  try {
    load_data({.name = name, .data_dir = data_dir, .split = split});
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Does this build download at all?
bool without_download() {
  const Machine machine;
  const bool without = contains(error_of("ml-1m"), "this build has no download");
  if (without) WARN("skipped: this build has no download");
  return without;
}

}  // namespace

TEST_CASE("a set is found in the given folder or in its sub-folder", "[load]") {
  const Machine machine;
  machine.make("data/ml-1m/ratings.dat", dat);
  machine.make("data/ml-10M100K/ratings.dat", "1::2::0.5::4\n");
  machine.make("data/mine/ratings.csv", csv);
  CHECK(load_data({.name = "ml-1m", .data_dir = machine / "data"}).ratings.entries.size() == 2);
  CHECK(load_data({.name = "ml-1m", .data_dir = machine / "data/ml-1m"}).ratings.name == "ml-1m");
  CHECK(load_data({.name = "ml-10m", .data_dir = machine / "data"}).ratings.levels == std::vector<double>{0.5});
  CHECK(load_data({.name = "mine", .data_dir = machine / "data"}).ratings.entries.size() == 1);
  CHECK(load_data({.name = "mine", .data_dir = machine / "data"}).note.empty());
  CHECK(machine.cached() == 0);
}

TEST_CASE("a given folder without the set is an error, never a download", "[load]") {
  const Machine machine;
  machine.make("data/ratings.dat", dat);
  machine.offer("ml-100k.zip", zipped({{"ml-100k/u.data", "1\t2\t3\t4\n"}}));
  CHECK(error_of("ml-100k", machine / "data") ==
        (machine / "data") +
            ": ml-100k is not here: its u.data, ratings.dat or ratings.csv was expected in this folder "
            "or in its sub-folder ml-100k. A table of any other name, separated by , tab ; | :: or blanks, is read by "
            "its path");
  CHECK(machine.cached() == 0);
}

TEST_CASE("GCMC_DATA_DIR is looked into before the cache, and the cache before the download", "[load]") {
  const Machine machine;
  machine.make("cache/gcmc/ml-1m/ratings.dat", dat);
  CHECK(load_data({.name = "ml-1m"}).ratings.entries.size() == 2);
  machine.make("data/ml-1m/ratings.dat", "1::2::3::4\n");
  setenv("GCMC_DATA_DIR", (machine / "data").c_str(), 1);
  CHECK(load_data({.name = "ml-1m"}).ratings.entries.size() == 1);
}

TEST_CASE("a wrong file in a found folder is an error, not a reason to make ratings up", "[load]") {
  const Machine machine;
  machine.make("cache/gcmc/ml-100k/u.data", "1\t2\n");
  CHECK(contains(error_of("ml-100k"), "u.data:1: 2 columns"));
}

TEST_CASE("synthetic sets are generated and have the random split alone", "[load]") {
  CHECK(load_data({.name = "synthetic-1m", .data_dir = "/nowhere"}).ratings.entries.size() == 1000209);
  CHECK(error_of("synthetic-1m", "", "u1") == "synthetic-1m has no split 'u1': use random");
  CHECK(load_data({.name = "synthetic-100k", .split = "random"}).ratings.name == "synthetic-100k");
  CHECK(load_data({.name = "synthetic-100k", .data_dir = "/nowhere"}).ratings.entries.size() == 100000);
  CHECK(error_of("synthetic-100k", "", "u1") == "synthetic-100k has no split 'u1': use random");
}

TEST_CASE("ml-100k that can be had nowhere is an error that names synthetic-100k", "[load]") {
  const Machine machine;
  CHECK(contains(error_of("ml-100k"), "ml-100k cannot be had: "));
  CHECK(contains(error_of("ml-100k"), "or ask for synthetic-100k, made-up ratings of its size"));
}

TEST_CASE("where it may, synthetic-100k stands in for ml-100k, and the note says so and why", "[load]") {
  const Machine machine;
  const DataSource source = load_data({.name = "ml-100k", .split = "u1", .may_stand_in = true});
  CHECK(source.ratings.name == "synthetic-100k");
  CHECK_FALSE(source.ratings.has_fixed_test());
  CHECK(contains(source.note, "ml-100k cannot be had ("));
  CHECK(contains(source.note, "synthetic-100k"));
  CHECK(contains(source.note, "GCMC_DATA_DIR"));
  CHECK_FALSE(contains(source.note, "--"));
  CHECK(machine.cached() == 0);
}

TEST_CASE("another set that can be had nowhere is an error that says what to give", "[load]") {
  const Machine machine;
  CHECK(contains(error_of("ml-1m"), "ml-1m cannot be had: "));
  CHECK(error_of("mine") ==
        "mine cannot be had: it is not a set that can be downloaded. Give its folder as data_dir, or name it in "
        "GCMC_DATA_DIR");
}

TEST_CASE("a downloaded archive is unpacked into the cache and found there again", "[download]") {
  if (without_download()) return;
  const Machine machine;
  machine.offer(
      "ml-10m.zip",
      zipped(
          {{"ml-10M100K/", ""}, {"ml-10M100K/ratings.dat", dat}, {"ml-10M100K/sub/empty", ""}, {"__MACOSX/x", "y"}}));
  Offset received = 0;
  const DataSource source = load_data({.name = "ml-10m", .progress = [&](const DownloadProgress& now) {
                                         received = std::max(received, now.received);
                                       }});
  CHECK(source.ratings.entries.size() == 2);
  CHECK(source.note == "these are other ratings than GroupLens' ml-10m: 2, not 10000054");
  CHECK(received == static_cast<Offset>(fs::file_size(machine / "server/ml-10m.zip")));
  CHECK(machine.cached() == 1);
  CHECK(fs::exists(machine / "cache/gcmc/ml-10m/sub/empty"));
  fs::remove(machine / "server/ml-10m.zip");
  CHECK(load_data({.name = "ml-10m"}).ratings.entries.size() == 2);
}

TEST_CASE("an archive that is cut, damaged or points outside leaves nothing and says why", "[download]") {
  if (without_download()) return;
  const Machine machine;
  const std::string whole = zipped({{"ml-1m/ratings.dat", dat}});
  std::string flipped = whole;
  flipped[whole.find("1::2::3")] = '9';
  const auto [bytes, reason] = GENERATE_COPY(table<std::string, std::string>({
      {whole.substr(0, whole.size() / 2), "the archive is damaged"},
      {"", "the archive is damaged"},
      {"<html>not found</html>", "the archive is damaged"},
      {flipped, "ml-1m/ratings.dat is damaged"},
      {zipped({{"ml-1m/ratings.dat", dat}, {"../evil", "x"}}), "../evil points outside: refused"},
      {zipped({{"ml-1m/../../evil", "x"}}), "points outside: refused"},
      {zipped({{"/evil", "x"}}), "/evil points outside: refused"},
      {zipped({{"..\\evil", "x"}}), "points outside: refused"},
      {zipped({{"ratings.dat", dat}}), "no folder in the archive"},
      {zipped({{"a/ratings.dat", dat}, {"b/ratings.dat", dat}}), "more than one folder"},
  }));
  machine.offer("ml-1m.zip", bytes);
  const std::string error = error_of("ml-1m");
  INFO(error);
  CHECK(contains(error, reason));
  CHECK(contains(error, "server/ml-1m.zip: "));
  CHECK(machine.cached() == 0);
  CHECK_FALSE(fs::exists(machine / "cache/evil"));
  CHECK_FALSE(fs::exists(machine / "evil"));
}

TEST_CASE("a lost connection is the machine's fault, an address that leads nowhere is the user's", "[download]") {
  if (without_download()) return;
  const Machine machine;
  CHECK_THROWS_AS(load_data({.name = "ml-1m"}), InputError);  // no such file on the server's folder
  setenv("GCMC_DATA_URL", "http://127.0.0.1:1", 1);           // nobody listens
  CHECK_THROWS_AS(load_data({.name = "ml-1m"}), FileError);
  CHECK(contains(error_of("ml-1m"), "ml-1m cannot be had: http://127.0.0.1:1/ml-1m.zip: "));
  setenv("GCMC_DATA_URL", "nothing://at.all", 1);
  CHECK_THROWS_AS(load_data({.name = "ml-1m"}), InputError);
  CHECK(machine.cached() == 0);
}

TEST_CASE("an archive of something else says so and leaves nothing", "[download]") {
  if (without_download()) return;
  const Machine machine;
  machine.offer("ml-1m.zip", zipped({{"ml-1m/readme", "no ratings"}}));
  CHECK(contains(error_of("ml-1m"), "has no file of ratings of the format that ml-1m has"));
  CHECK(machine.cached() == 0);
}

TEST_CASE("a cached folder that is not whole is not overwritten but named", "[download]") {
  if (without_download()) return;
  const Machine machine;
  machine.make("cache/gcmc/ml-1m/users.dat", "mine");
  machine.offer("ml-1m.zip", zipped({{"ml-1m/ratings.dat", dat}}));
  CHECK(contains(error_of("ml-1m"), (machine / "cache/gcmc/ml-1m") + " cannot be made"));
  CHECK(machine.cached() == 1);
}

TEST_CASE("an archive that unpacks to too much, to too many files or by a rare method is refused before it is unpacked",
          "[download]") {
  if (without_download()) return;
  const Machine machine;
  std::vector<std::pair<std::string, std::string>> many;
  for (int k = 0; k <= 1000; ++k) many.emplace_back("ml-1m/" + std::to_string(k), "");
  /// With other bytes at these distances from the two headers of the one entry.
  const auto changed = [](std::size_t at_local, std::size_t at_central, const std::string& bytes) {
    std::string archive = zipped({{"ml-1m/ratings.dat", dat}});
    archive.replace(archive.find("PK\x03\x04") + at_local, bytes.size(), bytes);
    return archive.replace(archive.find("PK\x01\x02") + at_central, bytes.size(), bytes);
  };
  const std::string large = changed(22, 24, little_endian(16'000'001, 4)), rare = changed(8, 10, little_endian(14, 2));
  const auto [bytes, reason] = GENERATE_COPY(table<std::string, std::string>(
      {{large, "the archive unpacks to more than 16000000 bytes: refused"},
       {zipped(many), "the archive has 1001 entries, at most 1000 were expected"},
       {rare, "archive entry ml-1m/ratings.dat is compressed by method 14, deflate was expected"}}));
  machine.offer("ml-1m.zip", bytes);
  const std::string error = error_of("ml-1m");
  INFO(error);
  CHECK(contains(error, reason));
  CHECK(machine.cached() == 0);
}

TEST_CASE("an archive is read where the set's folder may be, and nothing of it stays unpacked", "[load]") {
  if (without_download()) return;
  const Machine machine;
  setenv("TMPDIR", (machine / "").c_str(), 1);
  const std::string archive = machine.make("data/ml-1m.zip", zipped({{"ml-1m/ratings.dat", dat}}));
  CHECK(load_data({.name = "ml-1m", .data_dir = machine / "data"}).ratings.entries.size() == 2);
  CHECK(load_data({.name = "ml-1m", .data_dir = archive}).ratings.name == "ml-1m");
  setenv("GCMC_DATA_DIR", (machine / "data").c_str(), 1);
  CHECK(load_data({.name = "ml-1m"}).ratings.entries.size() == 2);
  unsetenv("GCMC_DATA_DIR");
  const std::string mine = machine.make("mine.zip", zipped({{"ratings.csv", csv}}));  // not in a folder
  CHECK(load_data({.name = "mine", .data_dir = mine}).ratings.entries.size() == 1);
  CHECK(machine.cached() == 0);
  machine.make("cache/gcmc/ml-1m.zip", read_bytes(archive));
  CHECK(load_data({.name = "ml-1m"}).ratings.entries.size() == 2);
  CHECK(machine.cached() == 1);
  CHECK(machine.entries() == 4);  // data, mine.zip, cache, server
  unsetenv("TMPDIR");
}

TEST_CASE("an archive may hold a table of any name", "[load]") {
  if (without_download()) return;
  const Machine machine;
  const std::string table = "user,item,rating\n1,a,5\n1,b,4\n";
  const auto ratings = [&](const std::vector<std::pair<std::string, std::string>>& entries) {
    return read_ratings(machine.make("mine.zip", zipped(entries)), "", "").entries.size();
  };
  CHECK(ratings({{"sales.csv", table}}) == 2);
  CHECK(ratings({{"export/sales.csv", table}, {"__MACOSX/export/._sales.csv", "x"}}) == 2);
  CHECK(ratings({{"README/read.me", "ratings of 2026"}, {"data/ratings.dat", "1::2::3::4\n"}}) == 1);
  CHECK(contains(error_of([&] { ratings({{"read.me", "no ratings"}}); }), "mine.zip: no ratings here"));
}

TEST_CASE("what is wrong in an archive is told by its place there", "[load]") {
  if (without_download()) return;
  const Machine machine;
  const std::string archive = machine.make("ml-1m.zip", zipped({{"ml-1m/ratings.dat", "1::2\n"}}));
  CHECK(contains(error_of("ml-1m", archive), archive + "/ml-1m/ratings.dat:1: 2 columns"));
  CHECK(error_of("ml-100k", archive) == archive + ": it has no file of ratings of the format that ml-100k has");
  machine.make("ml-1m.zip", "no archive");
  CHECK(contains(error_of("ml-1m", machine / ""), archive + ": the archive is damaged"));
  setenv("TMPDIR", "/nowhere", 1);
  CHECK(contains(error_of("ml-1m", machine / ""), "the folder of temporary files (TMPDIR) cannot be used"));
  unsetenv("TMPDIR");
}

TEST_CASE("an exception of the progress function ends the download and passes through", "[download]") {
  if (without_download()) return;
  const Machine machine;
  machine.offer("ml-1m.zip", zipped({{"ml-1m/ratings.dat", dat}}));
  CHECK_THROWS_AS(
      load_data({.name = "ml-1m", .progress = [](const DownloadProgress&) { throw std::logic_error("stop"); }}),
      std::logic_error);
  CHECK(machine.cached() == 0);
}

TEST_CASE("a cache folder that cannot be made is a reason, not a crash", "[download]") {
  if (without_download()) return;
  const Machine machine;
  setenv("XDG_CACHE_HOME", machine.make("file", "x").c_str(), 1);
  CHECK(contains(error_of("ml-1m"), "no folder can be made here"));
}
