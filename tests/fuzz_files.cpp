// Any bytes either load or throw gcmc::Error, and nothing makes the readers of models and of JSON ask for much memory:
// a few seconds of random changes to whole files, the same on every run.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/ratings/generator.hpp"
#include "sane_answers.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace gcmc;

#if defined(__SANITIZE_ADDRESS__)
#define GCMC_TEST_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define GCMC_TEST_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define GCMC_TEST_ADDRESS_SANITIZER 0
#endif

namespace {

/// While it lives, the program may ask for no more than 16 MiB beyond what it has: a reader that believes a lying
/// header then ends in std::bad_alloc. AddressSanitizer reserves far more, so it has its own limit.
class MemoryLimit {
 public:
  MemoryLimit() {
    ::getrlimit(RLIMIT_AS, &before_);
#if !GCMC_TEST_ADDRESS_SANITIZER
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    if (pages == 0) return;
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + (std::uint64_t{16} << 20);
    ::setrlimit(RLIMIT_AS, &limit);
#endif
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

/// Text that the formats give a meaning to.
const std::string pieces[] = {"{",
                              "}",
                              "[",
                              "]",
                              "\"",
                              ",",
                              ":",
                              "0",
                              "-1",
                              "1e999",
                              "9223372036854775807",
                              "18446744073709551616",
                              "null",
                              "\"F64\"",
                              "\"U8\"",
                              "\\u0000",
                              "\xFF",
                              "\n",
                              "true",
                              "{\"a\":",
                              "\"shape\":[]",
                              "NaN"};

/// 1 to 4 changes: a bit or byte replaced, a run removed, repeated or cut off, a piece put in.
std::string mutated(std::string bytes, Random& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random.below(n)); };
  for (std::size_t change = 1 + below(4); change > 0 && !bytes.empty(); --change) {
    // Half of all changes fall on the first 200 bytes: lengths and names.
    const std::size_t at = below(2) > 0 ? below(bytes.size()) : below(std::min<std::size_t>(bytes.size(), 200));
    const std::size_t length = 1 + below(std::min<std::size_t>(bytes.size() - at, 16));
    switch (below(7)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:
        bytes.insert(at, pieces[below(std::size(pieces))]);
        break;
      default:
        bytes.replace(at, length, pieces[below(std::size(pieces))]);
    }
  }
  return bytes;
}

struct Outcome {
  int loaded = 0, refused = 0;
};

/// Changes the file at `path` `rounds` times and reads it by `load`; anything but gcmc::Error escapes and fails.
template <class Load>
Outcome fuzz(const std::string& path, int rounds, std::uint64_t seed, Load&& load) {
  const std::string whole = read_bytes(path);
  Random random(seed);
  const MemoryLimit limit;
  Outcome outcome;
  for (int round = 0; round < rounds; ++round) {
    INFO("round " << round << " of " << path);
    std::filesystem::remove(path);  // a new file: some file systems flush one that is overwritten
    write_bytes(path, mutated(whole, random));
    try {
      load();
      ++outcome.loaded;
    } catch (const Error& error) {
      ++outcome.refused;
      if (std::string(error.what()).size() > 2000) FAIL("message of " << std::string(error.what()).size() << " bytes");
    }
  }
  write_bytes(path, whole);
  return outcome;
}

}  // namespace

TEST_CASE("changed safetensors files load or are refused, and take little memory", "[fuzz]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.safetensors";
  write_safetensors(path,
                    {{"a", {{2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}}},
                     {"b", {{1}, std::vector<double>{7}}},
                     {"c", {{3}, std::vector<Level>{1, 2, 3}}},
                     {"d", {{2}, std::vector<Offset>{8, 9}}}},
                    {{"format", "test"}});
  const Outcome outcome = fuzz(path, 20000, 1, [&] { read_safetensors(path); });
  CHECK(outcome.loaded > 100);
  CHECK(outcome.refused > 10000);
}

TEST_CASE("a changed file of a model folder is refused or loads and answers, and takes little memory", "[fuzz]") {
  const ScratchFolder folder;
  const std::string model = folder / "model";
  save_model(model, small_model<float>({}, true));
  for (const std::string name : {"model.safetensors", "config.json", "users.txt", "items.txt"}) {
    const Outcome outcome = fuzz(model + "/" + name, 1500, 2, [&] {
      if (!answers_are_sane(Predictor(load_model(model)))) FAIL("answers that are no ratings");
    });
    CHECK(outcome.loaded + outcome.refused == 1500);
    CHECK(outcome.refused > 100);
  }
  const SavedModel whole = small_model<float>();
  for (const auto precision : {EmbeddingPrecision::bf16, EmbeddingPrecision::int8}) {
    save_models(model, {&whole, 1}, precision);
    const Outcome outcome = fuzz(model + "/model.safetensors", 3000, 4, [&] {
      if (!answers_are_sane(Predictor(load_model(model)))) FAIL("answers that are no ratings");
    });
    CHECK(outcome.loaded > 50);
    CHECK(outcome.refused > 1000);
  }
}

TEST_CASE("a changed file of options, of what is searched or of a search's results is read or refused", "[fuzz]") {
  const ScratchFolder folder;
  const auto changed = [&](const std::string& text, int rounds, const std::function<void(const std::string&)>& read) {
    const std::string path = folder / "some.json";
    write_bytes(path, text);
    const Outcome outcome = fuzz(path, rounds, 3, [&] { read(path); });
    CHECK(outcome.loaded > rounds / 500);
    CHECK(outcome.refused > rounds / 2);
  };
  changed(options_json(option_values(Options())), 5000, [](const std::string& path) {
    Options options;
    read_options_file(path, [&](const auto& name, const auto& text) { set_option(options, name, text); });
    validate(options);
  });
  changed(R"({"train_lr": "0.003..0.03:log", "gcn_agg_units": [250, 500], "ordinal": [true, false]})", 5000,
          [](const std::string& path) { read_search_file(path); });
  TunePlan plan;
  plan.space = {parse_search("train_lr=0.003..0.03:log")};
  Ratings ratings = generate_ratings({.users = 30, .items = 20, .ratings = 200});
  ratings.test_begin = 200;
  TuneReport report = begin_report(plan, ratings, "cpu");
  report.result.runs = {{1, 1, 0, 0.9, 5, 0.5, {}}, {2, 1, 0, {}, 0, 0.5, "diverged"}};
  changed(tune_json(report), 5000, [&](const std::string& path) { read_tune_runs(report, path); });
}
