// Files that were made to cost much: each is read or refused in 16 times its size and 64 MB of memory, and in 10 s
// of a processor.
#include <atomic>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/ratings/generator.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

extern std::atomic<long> allocated_bytes, most_allocated_bytes;  // counted_new.cpp

namespace {

using namespace gcmc;
namespace fs = std::filesystem;

/// The bytes of a file, or of all files in a folder.
long size_of(const std::string& path) {
  if (!fs::is_directory(path)) return static_cast<long>(fs::file_size(path));
  long size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) size += static_cast<long>(entry.file_size());
  return size;
}

/// What is said of the files at `path`, which `read` reads: "no error" too.
std::string said_of(const std::string& path, const std::function<void()>& read) {
  const std::clock_t start = std::clock();
  const long before = allocated_bytes;
  most_allocated_bytes = before;
  const std::string said = error_of(read);
  const long most = most_allocated_bytes - before;
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  INFO(said.substr(0, 300));
  INFO(size_of(path) << " bytes of files, " << most << " bytes of memory, " << seconds << " s");
  CHECK(most <= 16 * size_of(path) + (64 << 20));
  CHECK(seconds < 10);
  return said;
}

/// A safetensors file of this header and no data.
std::string file_of(const std::string& header) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header;
}

/// `count` texts that text_of makes, with commas between them.
template <class TextOf>
std::string listed(int count, const TextOf& text_of) {
  std::string text;
  for (int k = 0; k < count; ++k) text += (k ? "," : "") + text_of(k);
  return text;
}

/// Of `users` users, one item and `bases` bases of one output.
SavedModel wide_model(int users, Index bases) {
  SavedModel model = small_model<float>();
  model.options.model.units = 2;
  model.options.model.output = 1;
  model.options.model.bases = bases;
  model.user_ids.clear();
  for (int user = 0; user < users; ++user) model.user_ids.push_back(std::to_string(user));
  model.item_ids = {"0"};
  int next = 0;
  model.tensors.clear();
  const ModelSizes sizes{.nodes = {static_cast<Index>(users), 1}, .levels = 2};
  for (const ParameterPiece& piece : ModelLayers(model.options.model, sizes).pieces())
    model.tensors[piece.name] = filled<float>(piece.shape(), next);
  model.tensors["user_embedding"] = filled<float>({users, 1}, next);
  model.tensors["item_embedding"] = filled<float>({1, 1}, next);
  model.tensors["baseline.user_bias"] = filled<double>({users}, next);
  model.tensors["baseline.item_bias"] = filled<double>({1}, next);
  model.tensors["rated.offsets"] = {{users + 1}, std::vector<Offset>(static_cast<std::size_t>(users) + 1)};
  model.tensors["rated.items"] = {{0}, std::vector<Index>()};
  model.tensors["rated.levels"] = {{0}, std::vector<Level>()};
  return model;
}

void rewrite(const std::string& path, const std::string& piece, const std::string& replacement) {
  std::string text = read_bytes(path);
  const auto at = text.find(piece);
  REQUIRE(at != text.npos);
  write_bytes(path, text.replace(at, piece.size(), replacement));
}

/// Ids of 16 bytes that libstdc++'s hash of texts (Murmur) maps to one value: the second half undoes the first.
std::vector<std::string> ids_of_one_hash(std::size_t count) {
  constexpr std::uint64_t mul = 0xC6A4A7935BD1E995u, seed = 0xC70F6907u;
  std::uint64_t inverse = mul;  // of mul, by Newton's steps
  for (int k = 0; k < 6; ++k) inverse *= 2 - mul * inverse;
  const auto mix = [](std::uint64_t x) { return x ^ x >> 47; };
  std::mt19937_64 random(1);
  std::vector<std::string> ids;
  while (ids.size() < count) {
    const std::uint64_t first = random();
    const std::uint64_t state = ((seed ^ 16 * mul) ^ mix(first * mul) * mul) * mul;
    const std::uint64_t second = mix((state ^ 0x5EED) * inverse) * inverse;
    std::string id(16, '\0');
    std::memcpy(id.data(), &first, 8);
    std::memcpy(id.data() + 8, &second, 8);
    if (id.find_first_of(std::string_view("\n\r\0", 3)) == id.npos) ids.push_back(id);
  }
  return ids;
}

}  // namespace

TEST_CASE("headers of very many tensors, dimensions or names cost no more than their size", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.safetensors";
  const auto said = [&](const std::string& header) {
    write_bytes(path, file_of(header));
    return said_of(path, [&] { read_safetensors(path); });
  };
  const auto empty = [](const std::string& shape) {
    return R"(:{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":[0,0]})";
  };
  const auto name = [](int k) { return '"' + std::to_string(k) + '"'; };
  CHECK(said('{' + listed(400000, [&](int k) { return name(k) + empty("[0]"); }) + '}') == "no error");
  CHECK(holds(said("{\"a\"" + empty('[' + listed(2000000, [](int) { return std::string("0"); }) + ']') + '}'),
              "\"shape\" has more than 16 numbers"));
  CHECK(said("{\"__metadata__\":{" + listed(1000000, [&](int k) { return name(k) + ":\"\""; }) + "}}") == "no error");
  CHECK(holds(said("{\"a\":{" + listed(1000000, [&](int k) { return name(k) + ":0"; }) + "}}"), "is not one of dtype"));
  CHECK(holds(said("{\"" + std::string(10000000, 'a') + "\":0}"), "is not described by a JSON object"));
}

TEST_CASE("texts of very many names, values or levels are refused for the number", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.json";
  const auto ignore = [](const std::string&, const std::string&) {};
  const auto said = [&](const std::string& text) {
    write_bytes(path, text);
    const std::string of_options = said_of(path, [&] { read_options_file(path, ignore); });
    CHECK(said_of(path, [&] { read_search_file(path); }) == of_options);
    return of_options;
  };
  const auto name = [](int k) { return '"' + std::to_string(k) + "\":0"; };
  CHECK(said('{' + listed(1000000, name) + '}') == path + ": an object of more than 1000 names");
  for (const std::string value : {"0", "[]", "\"\"", "{}"})
    CHECK(said("{\"a\":[" + listed(2000000, [&](int) { return value; }) + "]}") == path + ": more than 1000000 values");
  const std::string object = '{' + listed(1000, name) + '}';
  CHECK(said("{\"a\":[" + listed(1000, [&](int) { return object; }) + "]}") == path + ": more than 1000000 values");
  CHECK(holds(said("{\"a\":" + std::string(5000000, '[')), "nested deeper than 8 levels"));
  CHECK(holds(said('{' + std::string(15000000, ' ')), "not valid JSON"));
  CHECK(said('{' + std::string(17000000, ' ')) == path + ": more than 16 MiB");
}

TEST_CASE("as many values as are possible, a long name and a long list of what is searched cost little", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.json";
  Options options;
  const auto set = [&](const std::string& name, const std::string& text) { set_option(options, name, text); };
  for (const std::string value : {"0", "[]", "\"\"", "\"longer than a short text\"", "{\"\":0}"}) {
    write_bytes(path, "{\"a\":[" + listed(450000, [&](int) { return value; }) + "]}");
    CHECK_FALSE(said_of(path, [&] { read_options_file(path, set); }).empty());
  }
  write_bytes(path, "{\"" + std::string(15000000, 'a') + "\":0}");
  CHECK(holds(said_of(path, [&] { read_options_file(path, set); }), "unknown option"));
  write_bytes(path, "{\"gcn_agg_units\":[" + listed(65000, [](int k) { return std::to_string(k + 1); }) + "]}");
  CHECK(holds(said_of(path, [&] { read_search_file(path); }), "more than 1000 values"));
}

TEST_CASE("results of a search with very many values cost little", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "results.json";
  TunePlan plan;
  plan.space = {parse_search("train_lr=0.003..0.03:log")};
  Ratings ratings = generate_ratings({.users = 30, .items = 20, .ratings = 200});
  ratings.test_begin = 200;
  const TuneReport report = begin_report(plan, ratings, "cpu");
  const auto said = [&](const std::string& text) {
    write_bytes(path, text);
    return said_of(path, [&] { read_tune_runs(report, path); });
  };
  const std::string zeros = listed(900000, [](int) { return std::string("0"); });
  CHECK(holds(said("{\"search\":{\"a\":[" + zeros + "]},\"runs\":[]}"), "is of another search"));
  CHECK(holds(said("{\"search\":0,\"runs\":[" + zeros + "]}"), "search"));
  CHECK(holds(said("{\"search\":{},\"runs\":[" + zeros + ',' + zeros + "]}"), "more than 1000000 values"));
}

TEST_CASE("a small model of many users and bases answers in memory of about its size", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "model";
  save_model(path, wide_model(80000, 255));
  CHECK(said_of(path, [&] {
          const Predictor predictor(load_model(path));
          std::vector<Predictor::Pair> pairs;
          for (Index user = 0; user < 80000; ++user) pairs.emplace_back(user, 0);
          predictor.score(pairs);
          predictor.recommend(1, {.top = 1});
        }) == "no error");
}

TEST_CASE("a model's config.json and ids that were made to cost much are refused", "[hostile]") {
  const ScratchFolder folder;
  const std::string path = folder / "model";
  const auto load = [&] { load_model(path); };
  const auto name = [](int k) { return '"' + std::to_string(k) + "\":0"; };
  save_model(path, wide_model(2000, 2));
  rewrite(path + "/config.json", "\"version\": 1", "\"version\": 1," + listed(300000, name));
  CHECK(holds(said_of(path, load), "an object of more than 1000 names"));

  save_model(path, wide_model(2000, 2));
  std::string ids;
  for (int k = 0; k < 2000000; ++k) ids += "\n";
  write_bytes(path + "/users.txt", ids);
  CHECK(holds(said_of(path, load), "2000000 lines, config.json says 2000 users"));

  ids.clear();
  for (const std::string& id : ids_of_one_hash(2000)) ids += id + "\n";
  write_bytes(path + "/users.txt", ids);
  CHECK(holds(said_of(path, load), "the ids were chosen to make look-ups slow"));
}

TEST_CASE("a file that is mostly a hole does not get the memory of as many ratings as would fit in it", "[hostile]") {
  const ScratchFolder folder;
  std::string text = "user,item,rating\n";
  for (int k = 0; text.size() < 3 << 20; ++k) text += std::to_string(k / 100) + "," + std::to_string(k % 100) + ",5\n";
  write_bytes(folder / "file", text);
  fs::resize_file(folder / "file", std::uintmax_t{1} << 38);
  CHECK(holds(error_of([&] { read_rating_file(folder / "file", "", {.data_limit = 100, .threads = 2}); }),
              "takes more than 100 MB of memory"));
}
