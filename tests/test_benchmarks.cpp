// What the benchmarks measure with: graph files, the watched backend, the counted work; and the program itself, on a
// graph so small that nothing is learnt from its times.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../benchmarks/graph_file.hpp"
#include "../benchmarks/recorded_step.hpp"
#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/files/readers.hpp"
#include "graph_numbers.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;
using namespace gcmc::benchmarks;

namespace {

Shape small_shape() {
  Ratings ratings = generate_ratings({.users = 60, .items = 90, .ratings = 1500});
  const std::vector<Rating> entries = ratings.entries;
  return {std::move(ratings), {entries, {entries.begin(), entries.begin() + 100}, {}}};
}

Work work_of(const RecordedStep& step, const std::string& phase) {
  Work sum;
  for (const Recorded& operation : step.operations())
    if (operation.phase == phase) {
      sum.flop += operation.work.flop;
      sum.edges += operation.work.edges;
      sum.gathered += operation.work.gathered;
    }
  return sum;
}

}  // namespace

TEST_CASE("a graph file is read as it was written", "[benchmarks]") {
  const ScratchFolder folder;
  const std::string path = folder / "some.bin";
  const Ratings written = generate_ratings({.users = 50, .items = 70, .ratings = 900});
  write(path, numbers_of(written));
  const Ratings read = read_graph_file(path);
  validate(read);
  CHECK(read.name == "some");
  CHECK(read.users() == 50);
  CHECK(read.items() == 70);
  CHECK(read.levels == written.levels);
  CHECK(read.entries == written.entries);
}

TEST_CASE("what is no graph file is refused with its numbers", "[benchmarks]") {
  const ScratchFolder folder;
  const std::string path = folder / "bad.bin";
  const auto error = [&](const Numbers& numbers, std::size_t bytes_missing = 0) {
    write(path, numbers, bytes_missing);
    return error_of([&] { read_graph_file(path); });
  };
  const Numbers good = {3, 4, 2, 2, 0, 2, 1, 3, 0, 1};
  CHECK(error(good) == "no error");
  CHECK(error(good, 1) == path + ": has 39 bytes, but 2 edges need 40");
  CHECK(error(good, 36) == path + ": 4 bytes are no graph file, whose head alone has 16");
  CHECK(error({3, 4, 2, 2, 0, 2, 1, 3, 0, 1, 9}) == path + ": has 44 bytes, but 2 edges need 40");
  CHECK(error({3, 4, 2, 2, 0, 3, 1, 3, 0, 1}) == path + ": edge 1 has user 3, which is not from 0 to 2");
  CHECK(error({3, 4, 2, 2, 0, 2, -1, 3, 0, 1}) == path + ": edge 0 has item -1, which is not from 0 to 3");
  CHECK(error({3, 4, 2, 2, 0, 2, 1, 3, 0, 2}) == path + ": edge 1 has level 2, which is not from 0 to 1");
  CHECK(error({3, 4, 300, 2, 0, 2, 1, 3, 0, 1}).find("300 levels") != std::string::npos);
  CHECK(error({3, 0, 2, 2, 0, 2, 1, 3, 0, 1}).find("0 items") != std::string::npos);
  CHECK(error({3, 4, 2, -2}).find("-2 edges") != std::string::npos);
  CHECK(error({2147483647, 1, 1, 1, 0, 0, 0}) ==
        path + ": 2147483647 users and 1 items in a file of 28 bytes, which may have 131086 in all");
  CHECK(error({65536, 65550, 1, 1, 0, 0, 0}) == "no error");
  CHECK(error({65536, 65551, 1, 1, 0, 0, 0}).find("65551 items in a file of 28 bytes") != std::string::npos);
  CHECK(error_of([&] { read_graph_file(path + ".none"); }) ==
        path + ".none: cannot be opened: give the path of a graph file");
  CHECK(error_of([&] { read_graph_file(folder / ""); }).find("cannot be opened") != std::string::npos);
}

TEST_CASE("training on a watched backend gives the backend's own bits, and every phase has its time", "[benchmarks]") {
  const Shape shape = small_shape();
  Options options = Case{"small"}.options();
  options.model.units = 30;
  Cpu cpu(2);
  Trainer<Cpu, float> plain(cpu, shape.ratings, shape.split, options);
  PhaseTimer timer;
  Watched<Cpu, PhaseTimer> backend(cpu, timer);
  Trainer<Watched<Cpu, PhaseTimer>, float> watched(backend, shape.ratings, shape.split, options);
  timer.reset();
  for (int step = 0; step < 3; ++step) {
    plain.step();
    watched.step();
  }
  CHECK(watched.model().parameters().get() == plain.model().parameters().get());
  for (const char* phase :
       {"draw_mask", "aggregate", "dense", "decode", "dense_backward", "aggregate_backward", "update"})
    CHECK(timer.seconds().at(phase) > 0);
  timer.reset();
  CHECK(timer.seconds().at("decode") == 0);
}

TEST_CASE("a recorded step's work is that of its formulas", "[benchmarks]") {
  const Shape shape = small_shape();
  RecordedStep all(shape, {"small", Aggregation::sum, "dgl", 1.0, 1});
  CHECK(work_of(all, "aggregate").edges == 2 * 1500);
  CHECK(work_of(all, "aggregate_backward").edges == 2 * 1500);
  CHECK(work_of(all, "aggregate").gathered == 2 * 1500 * 500 * 4.0);
  CHECK(work_of(all, "decode").edges == 1500);
  CHECK(work_of(all, "predict").edges == 100);
  CHECK(work_of(all, "dense").flop == 2.0 * (60 + 90) * 500 * 75);
  CHECK(work_of(all, "dense_gradient").flop == 2.0 * (60 + 90) * 500 * 75);
  CHECK(work_of(all, "project").flop == 2.0 * 60 * 75 * 75 * 2);
  CHECK(work_of(all, "basis_gradient").flop == 2.0 * 60 * 75 * 75 * 2);

  RecordedStep dropped(shape, {"small", Aggregation::stack, "dgl", 0.3, 1});
  const double edges = work_of(dropped, "aggregate").edges;
  CHECK(edges == work_of(dropped, "aggregate_backward").edges);
  CHECK(std::abs(edges / (2 * 1500) - 0.3) < 0.1);
}

TEST_CASE("a recorded operation writes its bits again", "[benchmarks]") {
  RecordedStep step(small_shape(), {"small", Aggregation::stack, "dgl", 0.3, 2});
  const auto& decode = step.first<Decode<float>>();
  step.run("decode");
  float* gradient = decode.item_gradient.data;
  const std::vector<float> before(gradient, gradient + Offset{decode.items.rows} * decode.items.stride);
  std::fill(gradient, gradient + before.size(), -1.0f);
  CHECK(step.run("decode") > 0);
  CHECK(std::equal(before.begin(), before.end(), gradient));
}

TEST_CASE("gcmc_bench runs on a graph file, and every figure is a number", "[benchmarks]") {
  const char* program = std::getenv("GCMC_BENCH");
  REQUIRE(program);
  const ScratchFolder folder;
  const std::string graph = folder / "tiny.bin", out = folder / "out.json";
  write(graph, numbers_of(generate_ratings({.users = 40, .items = 50, .ratings = 600})));
  const auto run = [&](const std::string& options) {
    return std::system((std::string(program) + " --benchmark_min_time=0.001 " + options + " >/dev/null 2>&1").c_str());
  };
  const std::string filter = "'tiny/stack/dgl/.*threads:1|^epoch/tiny/stack/dgl/.*threads:2'";
  REQUIRE(run("--graph=" + graph + " --benchmark_filter=" + filter + " --benchmark_out=" + out) == 0);
  const auto result = nlohmann::json::parse(std::ifstream(out));
  std::vector<std::string> kinds;
  for (const auto& benchmark : result.at("benchmarks")) {
    const auto name = benchmark.at("name").get<std::string>();
    INFO(name);
    CHECK_FALSE(benchmark.contains("error_occurred"));
    for (const auto& [key, value] : benchmark.items())
      if (value.is_number()) CHECK(std::isfinite(value.get<double>()));
    CHECK(benchmark.at("real_time").get<double>() > 0);
    if (name.find("threads:2") != name.npos) CHECK(benchmark.at("line_ns").get<double>() > 1);
    if (name.starts_with("kernel/")) CHECK(benchmark.at("of_ceiling").get<double>() > 0);
    kinds.push_back(name.substr(0, name.find('/')));
  }
  for (const char* kind : {"epoch", "evaluate", "kernel", "baseline"})
    CHECK(std::count(kinds.begin(), kinds.end(), kind) > 0);
  CHECK(run("--graph=" + graph + ".none") != 0);
  CHECK(run("--grahp=" + graph) != 0);
  CHECK(run("--graph=" + graph + " --benchmark_filter=nothing") != 0);
}
