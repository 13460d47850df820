// Mutated files of every format: each either is read as valid Ratings or gives gcmc::Error, and nothing else.
// Deterministic: a failure names the round that shows it again. GCMC_FUZZ_FACTOR=20 runs twenty times the rounds.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "catch.hpp"
#include "data_files.hpp"
#include "data_samples.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

const std::vector<std::string> tokens = {"::",
                                         "\t",
                                         "|",
                                         ",",
                                         "\"",
                                         "\"\"",
                                         "\r\n",
                                         "\n",
                                         "-",
                                         "-1",
                                         "0",
                                         "00",
                                         "1e308",
                                         "1e-400",
                                         "nan",
                                         "inf",
                                         "0x1p3",
                                         "+1",
                                         " ",
                                         "(",
                                         "(1999)",
                                         "99999999999999999999",
                                         "2147483648",
                                         "rating",
                                         "user",
                                         "Children's",
                                         "\xEF\xBB\xBF",
                                         "\xFF",
                                         std::string("\0", 1)};

/// One small change somewhere in `text`.
void mutate(std::string& text, Random& random) {
  const std::size_t size = text.size(), at = random.below(size + 1),
                    length = random.below(1 + std::min<std::size_t>(size - at, 12));
  switch (random.below(7)) {
    case 0:
      if (at < size) text[at] = static_cast<char>(random.bits());
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2:
      text.insert(at, tokens[random.below(tokens.size())]);
      break;
    case 3:
      text.replace(at, length, tokens[random.below(tokens.size())]);
      break;
    case 4:
      text.insert(random.below(size + 1), text.substr(at, length));
      break;
    case 5:
      if (random.below(8) == 0) text.resize(at);
      break;
    default:
      if (at < size) text[at] = static_cast<char>(text[at] ^ 1 << random.below(8));
  }
}

struct Tally {
  std::uint32_t read = 0, refused = 0;
};

std::uint32_t rounds(std::uint32_t usual) {
  const char* factor = std::getenv("GCMC_FUZZ_FACTOR");
  return usual * static_cast<std::uint32_t>(factor ? std::max(1, std::atoi(factor)) : 1);
}

/// A folder for each format, with its files unchanged.
std::vector<std::string> make_folders(const ScratchFolder& folder) {
  std::vector<std::string> places;
  for (std::size_t k = 0; k < sample_sets.size(); ++k) {
    places.push_back(folder / std::to_string(k));
    std::filesystem::create_directories(places[k]);
    for (const auto& [name, text] : sample_sets[k]) write_bytes(places[k] + "/" + name, text);
  }
  return places;
}

/// What `call` gives must be valid Ratings or an Error of one line.
template <class Call>
void expect_ratings_or_error(Tally& tally, const Call& call) {
  try {
    const Ratings ratings = call();
    validate(ratings);
    REQUIRE_FALSE(ratings.entries.empty());
    REQUIRE_FALSE(ratings.levels.empty());
    ++tally.read;
  } catch (const Error& error) {
    REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    ++tally.refused;
  }
}

}  // namespace

TEST_CASE("mutated data files are read as valid ratings or refused with an error", "[fuzz]") {
  const ScratchFolder folder;
  const std::vector<std::string> places = make_folders(folder);
  Tally tally;
  for (std::uint32_t round = 0; round < rounds(1500); ++round) {
    INFO("round " << round);
    Random random(1, round);
    const std::string& place = places[round % sample_sets.size()];
    const auto& [name, text] =
        sample_sets[round % sample_sets.size()][random.below(sample_sets[round % sample_sets.size()].size())];
    std::string changed = text;
    for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) mutate(changed, random);
    write_bytes(place + "/" + name, changed);
    expect_ratings_or_error(tally, [&] { return read_ratings(place, "fuzz"); });
    write_bytes(place + "/" + name, text);
  }
  CHECK(tally.read > rounds(150));  // the mutations are small enough to reach the readers' depths
  CHECK(tally.refused > rounds(600));
}

TEST_CASE("mutated gzip files are read as valid ratings or refused with an error", "[fuzz]") {
  const ScratchFolder folder;
  const std::string whole = gzipped(sample_sets[1][0].second);
  Tally tally;
  for (std::uint32_t round = 0; round < rounds(400); ++round) {
    INFO("round " << round);
    Random random(2, round);
    std::string bytes = whole;
    mutate(bytes, random);
    write_bytes(folder / "ratings.dat.gz", bytes);
    expect_ratings_or_error(tally, [&] { return read_ratings(folder / "", "fuzz"); });
  }
  CHECK(tally.refused > rounds(200));
}

TEST_CASE("mutated tables are read as valid ratings, or as pairs, or refused with an error", "[fuzz]") {
  const std::vector<std::string> tables = {
      "\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"276704\";\"034\"\"5\";\"7\"\n\"1\";\"2 \";\"0\"\n",
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\n9\t7\t5\t0\n10\t7\t3.5\t1\n",
      "22 8 2.5\n2  16 4\n22 8 1.5\n",
      "9::7::5,5::881250949\nJos\xE9::7::3::2005-09-06\n",
      "3,1,99,2,5\n2,99,-4.5,3,99\n",
      "user,Dune,Solaris\nanna,4,\nben,,5\n",
      "1:\n30878,4,2005-12-26\n8,1,2005-09-05\n2:\n8,5,2005-01-01\n"};
  const std::vector<ReadOptions> ways = {{},
                                         {.bad_lines = BadLines::skip, .duplicates = Duplicates::mean},
                                         {.columns = "user=1,item=2,rating=3", .no_header = true},
                                         {.not_rated = "99", .rating_levels = "quantiles:3"},
                                         {.separator = " ", .decimal = ",", .rating_levels = "log"},
                                         {.layout = TableLayout::wide, .not_rated = "99"},
                                         {.layout = TableLayout::netflix, .bad_lines = BadLines::skip}};
  const ScratchFolder folder;
  Tally tally;
  for (std::uint32_t round = 0; round < rounds(3000); ++round) {
    INFO("round " << round);
    Random random(4, round);
    std::string text = tables[random.below(tables.size())];
    for (std::uint64_t changes = random.below(4); changes > 0; --changes) mutate(text, random);
    write_bytes(folder / "table", random.below(8) == 0 ? gzipped(text) : text);
    const ReadOptions& way = ways[random.below(ways.size())];
    expect_ratings_or_error(tally, [&] { return read_rating_file(folder / "table", "", way); });
    try {
      for (const IdPair& pair : read_id_pairs(folder / "table"))
        REQUIRE_FALSE((pair.user.empty() || pair.item.empty()));
    } catch (const Error&) {
    }
  }
  CHECK(tally.read > rounds(500));
  CHECK(tally.refused > rounds(500));
}

TEST_CASE("mutated archives are read as valid ratings or refused with an error, and nothing half-done stays",
          "[fuzz]") {
  const ScratchFolder folder;
  const std::string cache = folder / "cache/gcmc";
  setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
  setenv("GCMC_DATA_URL", ("file://" + (folder / "")).c_str(), 1);
  unsetenv("GCMC_DATA_DIR");
  const std::string whole =
      zipped({{"ml-1m/ratings.dat", sample_sets[1][0].second}, {"ml-1m/users.dat", sample_sets[1][1].second}});
  Tally tally;
  for (std::uint32_t round = 0; round < rounds(250); ++round) {
    INFO("round " << round);
    Random random(3, round);
    std::string bytes = whole;
    mutate(bytes, random);
    write_bytes(folder / "ml-1m.zip", bytes);
    const std::uint32_t read_before = tally.read;
    expect_ratings_or_error(tally, [&] { return load_data({.name = "ml-1m"}).ratings; });
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(cache, none)) {
      REQUIRE(entry.path().filename() == "ml-1m");
      if (tally.read > read_before) REQUIRE(read_bytes(entry.path() / "ratings.dat") == sample_sets[1][0].second);
    }
    std::filesystem::remove_all(cache);
  }
  for (const char* name : {"XDG_CACHE_HOME", "GCMC_DATA_URL"}) unsetenv(name);
  CHECK(tally.refused > rounds(80));
}
