// What a run writes: exact texts of small files, and a drawing that stays well-formed whatever the history.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <thread>

#include "catch.hpp"
#include "drawing.hpp"
#include "error_of.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/options/presets.hpp"
#include "scratch_folder.hpp"

using namespace gcmc;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

RunMetrics small_metrics() {
  RunMetrics metrics;
  metrics.dataset = "ml-100k";
  metrics.preset = "dgl";
  metrics.seed = 18446744073709551615u;
  metrics.backend = "cpu";
  metrics.threads = 2;
  metrics.users = 943;
  metrics.items = 1682;
  metrics.levels = 5;
  metrics.train_ratings = 72000;
  metrics.valid_ratings = 8000;
  metrics.test_ratings = 20000;
  metrics.parameters = 1398910;
  metrics.iterations = 800;
  metrics.best_iteration = 612;
  metrics.best_valid_rmse = 0.1 + 0.2;
  metrics.best_test_rmse = 0.9088;
  metrics.best_test_mae = 0.71;
  metrics.best_test_accuracy = 0.5;
  metrics.best_test_loss = 1;
  metrics.baseline_test_rmse = 0.953;
  metrics.baseline_valid_rmse = 0.9375;
  metrics.seconds_total = 12.5;
  metrics.seconds_per_iteration = 0.015625;
  metrics.seconds_validating = 0.75;
  metrics.peak_memory_bytes = 123456789012;
  return metrics;
}

/// A run as they go: a fast fall, then noise about a slow one; test read where validation improves.
std::vector<HistoryRow> long_history(Offset rows) {
  std::vector<HistoryRow> history;
  Random random(1);
  double best = infinity;
  for (Offset i = 1; i <= rows; ++i) {
    const double progress = static_cast<double>(i) / static_cast<double>(rows), noise = 0.01 * random.uniform();
    const double valid = 0.9 + 0.2 * std::exp(-12 * progress) + noise;
    history.push_back({i, valid + 0.2, valid + 0.1, valid, {}, 0.01, 0.02 * static_cast<double>(i)});
    if (valid < best) history.back().test_rmse = best = valid;
  }
  return history;
}

/// The ys of the polyline of `colour`.
std::vector<double> drawn_rows(const std::string& svg, const std::string& colour) {
  const auto stroke = svg.find("fill=\"none\" stroke=\"" + colour);
  REQUIRE(stroke != svg.npos);
  const auto begin = svg.rfind("points=\"", stroke) + 8;
  const std::string points = svg.substr(begin, svg.find('"', begin) - begin);
  std::vector<double> rows;
  for (auto comma = points.find(','); comma != points.npos; comma = points.find(',', comma + 1))
    rows.push_back(std::stod(points.substr(comma + 1)));
  return rows;
}

void apply_options_file(Options& options, const std::string& path) {
  read_options_file(path, [&](const std::string& name, const std::string& text) { set_option(options, name, text); });
}

std::string error_of_options(const std::string& text) {
  const ScratchFolder folder;
  write_bytes(folder / "options.json", text);
  Options options;
  options.run.data_name = "untouched";
  const Options before = options;
  try {
    Options changed = options;
    apply_options_file(changed, folder / "options.json");
    options = changed;
  } catch (const Error& error) {
    CHECK(options == before);
    CHECK(holds(error.what(), folder / "options.json"));
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("history.csv has a row an evaluation, and an empty field where nothing was read", "[report]") {
  CHECK(history_csv({}) == "iteration,loss,train_rmse,valid_rmse,test_rmse,learning_rate,seconds\n");
  CHECK(history_csv({{1, 1.5, 1.25, 1.0, 0.1, 0.01, 0.5}, {2, 1e-9, 12345.5, {}, {}, 0.001, 0.1 + 0.2}}) ==
        "iteration,loss,train_rmse,valid_rmse,test_rmse,learning_rate,seconds\n"
        "1,1.5,1.25,1,0.1,0.01,0.5\n"
        "2,1e-09,12345.5,,,0.001,0.30000000000000004\n");
}

TEST_CASE("history.csv refuses a value that is not finite, with its iteration", "[report]") {
  CHECK(holds(error_of([&] {
                history_csv({{7, not_a_number, 1, {}, {}, 0.01, 1}});
              }),
              "iteration 7: loss is not a finite"));
  CHECK_THROWS_AS(history_csv({{7, 1, 1, infinity, {}, 0.01, 1}}), Error);
}

TEST_CASE("metrics.json holds every figure under its name", "[report]") {
  CHECK(metrics_json(small_metrics()) == R"({
  "dataset": "ml-100k",
  "preset": "dgl",
  "seed": 18446744073709551615,
  "backend": "cpu",
  "threads": 2,
  "users": 943,
  "items": 1682,
  "levels": 5,
  "train_ratings": 72000,
  "valid_ratings": 8000,
  "test_ratings": 20000,
  "parameters": 1398910,
  "iterations": 800,
  "best_iteration": 612,
  "best_valid_rmse": 0.30000000000000004,
  "best_test_rmse": 0.9088,
  "best_test_mae": 0.71,
  "best_test_accuracy": 0.5,
  "best_test_loss": 1.0,
  "baseline_test_rmse": 0.953,
  "baseline_valid_rmse": 0.9375,
  "beats_baseline": true,
  "valid_in_training": false,
  "refitted": false,
  "stopped": false,
  "seconds_total": 12.5,
  "seconds_per_iteration": 0.015625,
  "seconds_validating": 0.75,
  "peak_memory_bytes": 123456789012
}
)");
  auto metrics = small_metrics();
  metrics.best_valid_rmse.reset();
  CHECK(holds(metrics_json(metrics), "\"best_valid_rmse\": null,"));
}

TEST_CASE("metrics.json refuses a figure that is not finite", "[report]") {
  auto metrics = small_metrics();
  metrics.best_valid_rmse = not_a_number;
  CHECK(holds(error_of([&] { metrics_json(metrics); }), "best_valid_rmse is not a finite number"));
  for (const auto field : {&RunMetrics::best_test_rmse, &RunMetrics::best_test_mae, &RunMetrics::best_test_accuracy,
                           &RunMetrics::best_test_loss, &RunMetrics::baseline_test_rmse, &RunMetrics::seconds_total,
                           &RunMetrics::seconds_per_iteration, &RunMetrics::seconds_validating}) {
    metrics = small_metrics();
    metrics.*field = -infinity;
    CHECK_THROWS_AS(metrics_json(metrics), Error);
  }
  metrics = small_metrics();
  metrics.dataset = "\xFF";
  CHECK_THROWS_AS(metrics_json(metrics), Error);
}

TEST_CASE("options written as JSON read back equal, whatever they are", "[report]") {
  const ScratchFolder folder;
  Options options = preset_options("paper", "ml-1m");
  options.run.data_name = "a \"quoted\"\n folder";
  options.train.seed = std::numeric_limits<std::uint64_t>::max();
  options.train.learning_rate = 0.1 + 0.2;
  options.model.features = true;
  options.model.hidden_dropout = 0.25;
  write_file_atomically(folder / "options.json", options_json(option_values(options)));
  Options read;
  apply_options_file(read, folder / "options.json");
  CHECK(read == options);
}

TEST_CASE("options are JSON of their type: numbers, booleans, text", "[report]") {
  const std::string text = options_json(option_values(Options{}));
  CHECK(holds(text, "{\n  \"preset\": \"dgl\","));
  CHECK(holds(text, "\"seed\": 123,"));
  CHECK(holds(text, "\"train_lr\": 0.01,"));
  CHECK(holds(text, "\"use_one_hot_fea\": false,"));
  CHECK(holds(text, "\"gcn_agg_norm_symm\": true,"));
  CHECK(holds(text, "\"gcn_agg_accum\": \"sum\","));
  for (const auto& name : option_names()) CHECK(holds(text, "\"" + name + "\": "));
}

TEST_CASE("an options file may name a few options, as text or as numbers", "[report]") {
  const ScratchFolder folder;
  write_bytes(folder / "options.json",
              R"({"train-lr": "0.5", "train_max_iter": 20.0, "model_dropout": 0, "refit": 1})");
  Options options, expected;
  apply_options_file(options, folder / "options.json");
  expected.train.learning_rate = 0.5;
  expected.train.max_iterations = 20;
  expected.model.node_dropout = 0;
  expected.train.refit = true;
  CHECK(options == expected);
}

TEST_CASE("a wrong options file changes nothing and is told with its name", "[report]") {
  CHECK(holds(error_of_options(R"({"seed": 1, "train_lrr": 1})"), "train_lr"));
  CHECK(holds(error_of_options(R"({"seed": 1, "train_lr": -1})"), "train_lr"));
  CHECK(holds(error_of_options(R"({"seed": [1]})"), "seed is neither text, a number nor true or false"));
  CHECK(holds(error_of_options(R"({"seed": 1, "seed": 2})"), "given twice"));
  CHECK(holds(error_of_options("[1]"), "not a JSON object"));
  CHECK(holds(error_of_options("{"), "not valid JSON"));
  Options options;
  CHECK_THROWS_AS(apply_options_file(options, "no such file"), Error);
}

TEST_CASE("a file is replaced at once, and a failure leaves the old one", "[report]") {
  const ScratchFolder folder;
  write_file_atomically(folder / "text", "old");
  write_file_atomically(folder / "text", "new");
  CHECK(read_bytes(folder / "text") == "new");
  std::filesystem::create_directory(folder / "place");
  CHECK_THROWS_AS(write_file_atomically(folder / "place", "newer"), Error);
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "")) ++entries;
  CHECK(entries == 2);
  CHECK(holds(error_of([&] { write_file_atomically(folder / "none/text", "x"); }), "No such file or directory"));
}

TEST_CASE("the curve names the data, the best iteration, its figures and the baseline", "[report]") {
  const auto svg = curve_svg(long_history(800), small_metrics());
  check_drawing(svg);
  CHECK(holds(svg, "Training curve: ml-100k"));
  CHECK(holds(svg, "best: iteration 612, validation 0.3000, test 0.9088"));
  CHECK(holds(svg, "baseline 0.9530"));
  CHECK(holds(svg, "stroke-dasharray=\"6 4\""));
}

TEST_CASE("a long history is drawn in about 600 points that keep its extremes", "[report]") {
  auto metrics = small_metrics();
  metrics.best_valid_rmse.reset();
  const auto history = long_history(15000);
  // A dip and a peak anywhere in a run of neighbours; pixel rows grow downwards.
  for (std::size_t place = 7750; place < 7800; place += 7) {
    auto changed = history;
    *changed[place].valid_rmse = 0.85;
    *changed[place + 3000].valid_rmse = 0.95;
    const auto svg = curve_svg(changed, metrics);
    check_drawing(svg);
    auto rows = drawn_rows(svg, "#0072B2");
    CHECK(rows.size() <= 602);
    std::sort(rows.begin() + 250, rows.end());
    CHECK(rows[rows.size() - 1] > rows[rows.size() - 2] + 20);
    CHECK(rows[250] < rows[251] - 20);
  }
}

TEST_CASE("huge early values do not press the rest of the curve flat", "[report]") {
  auto history = long_history(400);
  for (std::size_t i = 0; i < 5; ++i) *history[i].valid_rmse = history[i].loss = 1e9;
  auto metrics = small_metrics();
  metrics.best_valid_rmse = 0.9;
  const auto svg = curve_svg(history, metrics);
  check_drawing(svg);
  auto rows = drawn_rows(svg, "#0072B2");
  rows.erase(rows.begin(), rows.begin() + 20);
  const auto [high, low] = std::minmax_element(rows.begin(), rows.end());
  CHECK(*low - *high > 60);
}

TEST_CASE("the curve is well-formed for any history and any name", "[report]") {
  auto metrics = small_metrics();
  check_drawing(curve_svg({}, metrics));
  check_drawing(curve_svg({}, {}));
  check_drawing(curve_svg({{1, 1.5, 1.2, 1.1, 1.0, 0.01, 1}}, metrics));
  check_drawing(curve_svg(std::vector<HistoryRow>(9, {5, 1, 1, 1.0, 1.0, 0.01, 1}), metrics));
  check_drawing(curve_svg({{1, 0, 0, 0.0, 0.0, 0, 0}, {2, 0, 0, 0.0, 0.0, 0, 0}}, {}));
  check_drawing(curve_svg(
      {{1, not_a_number, not_a_number, not_a_number, infinity, 0, 0}, {2, 1e308, -1e308, 1e308, -1e308, 0, 0}},
      metrics));
  check_drawing(curve_svg({{1, 1e-310, 1, 1e90, 1e-90, 0, 0}, {2000000000, 1, 1, -1e90, 2.0, 0, 0}}, metrics));
  metrics.best_valid_rmse = not_a_number;
  metrics.best_test_rmse = metrics.baseline_test_rmse = infinity;
  metrics.best_iteration = -5;
  metrics.dataset = "<script>&\"'\x01 \xFF\uFFFE\uFFFF\uFFFD" + std::string(1000, 'x');
  metrics.preset = "</svg>";
  const auto svg = curve_svg(long_history(3), metrics);
  check_drawing(svg);
  CHECK(holds(svg, "&lt;script&gt;&amp;&quot;'  \uFFFD  \uFFFDx"));
}

TEST_CASE("validation ratings that were trained on, and a stopped run, are told on the curve", "[report]") {
  auto metrics = small_metrics();
  metrics.valid_in_training = metrics.stopped = true;
  const auto svg = curve_svg(long_history(100), metrics);
  CHECK(holds(svg, "validation ratings were trained on"));
  CHECK(holds(svg, "stopped before its time"));
}

TEST_CASE("a file of options may be a pipe, is read to its end, and has at most 16 MiB", "[report]") {
  const ScratchFolder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto read = [&](const std::string& text) {
    std::jthread writer([&] {
      std::ofstream pipe(path, std::ios::binary);
      for (const char c : text.substr(0, 100)) pipe << c << std::flush;  // in many pieces
      pipe << text.substr(std::min<std::size_t>(100, text.size()));
    });
    std::string names;
    const std::string error =
        error_of([&] { read_options_file(path, [&](const std::string& name, const std::string&) { names += name; }); });
    return error == "no error" ? names : error;
  };
  CHECK(read(R"({"seed": 3, "train_lr": 0.1})") == "seedtrain_lr");
  CHECK(read(R"({"a": 1)" + std::string(1000000, ' ') + "}") == "a");
  CHECK(holds(read(""), "pipe: not valid JSON"));
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  CHECK(read(std::string(17 << 20, ' ')) == path + ": more than 16 MiB");
  std::signal(SIGPIPE, before);
  CHECK(holds(error_of([&] { read_options_file(folder / ".", [](const auto&, const auto&) {}); }), "not a file"));
}
