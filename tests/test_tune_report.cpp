// What a search writes and goes on from, and the search with real trainings: nothing of it sees a test rating.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.hpp"
#include "drawing.hpp"
#include "error_of.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/train/train.hpp"
#include "scratch_folder.hpp"

namespace {

using namespace gcmc;
using nlohmann::json;

Ratings some_ratings() { return generate_ratings({.users = 150, .items = 120, .ratings = 5000}); }

Ratings seen(const Ratings& ratings, const Options& options) { return without_test(ratings, split_options(options)); }

TunePlan small_plan() {
  TunePlan plan;
  plan.base.model = {.units = 20, .output = 8};
  plan.base.train.max_iterations = 9;
  plan.base.train.seed = 4;
  plan.space = {parse_search("train_lr=0.003..0.1:log"), parse_search("gcn_agg_accum=stack,sum")};
  plan.trials = 4;
  plan.eta = 2;
  return plan;
}

TuneReport searched(const TunePlan& plan, const Ratings& ratings, int threads = 2) {
  const Ratings kept = seen(ratings, plan.base);
  TuneReport report = begin_report(plan, kept, "cpu-some");
  report.result = tune(plan, trial_trainer(kept), threads);
  return report;
}

/// A report of four trials: the third failed in rung 2, the first in rung 1; 4 x 2, 2 x 4, 1 x 9 iterations.
TuneReport made_up() {
  TuneReport report;
  report.plan = small_plan();
  report.dataset = "ml-100k";
  report.backend = "cpu-some";
  report.checksum = "0123456789abcdef";
  report.baseline_valid_rmse = 0.95;
  report.result.complete = true;
  report.result.runs = {{1, 1, 0, {}, 0, 1.5, "no, \"really\""},
                        {2, 1, 0, 1.125, 2, 1, {}},
                        {3, 1, 0, 1.0, 2, 1, {}},
                        {4, 1, 0, 1.25, 1, 1, {}},
                        {2, 2, 0, 1.0625, 4, 1, {}},
                        {3, 2, 0, {}, 0, 1, "diverged"},
                        {4, 2, 0, 1.03125, 3, 1, {}},
                        {4, 3, 0, 0.875, 9, 1, {}}};
  return report;
}

}  // namespace

TEST_CASE("the winner's options train to the search's own validation figure", "[tune]") {
  const Ratings ratings = some_ratings();
  for (const Index seeds : {1, 2}) {
    TunePlan plan = small_plan();
    plan.base.train.seeds = seeds;
    const TuneReport report = searched(plan, ratings);
    const auto ranking = rank_trials(plan, report.result.runs);
    const TrialResult* best = winner(plan, ranking);
    REQUIRE(best);
    Options options = winner_options(plan, best->values);
    options.train.seeds = 1;
    options.run.test_seed = 4;
    double sum = 0;
    for (Index k = 0; k < seeds; ++k, ++options.train.seed)
      sum += train(ratings, options).metrics.best_valid_rmse.value();
    CHECK(best->valid_rmse.back() == sum / seeds);
  }
}

TEST_CASE("test ratings change nothing in a search", "[tune]") {
  Ratings ratings = some_ratings();
  for (const bool fixed : {true, false}) {
    if (fixed) ratings.test_begin = 4000;
    const TunePlan plan = small_plan();
    const TuneReport before = searched(plan, ratings);
    Ratings changed = ratings;
    const Split parts = Split(ratings, split_options(plan.base));
    REQUIRE_FALSE(parts.test().empty());
    for (Rating& rating : changed.entries)
      if (std::find(parts.test().begin(), parts.test().end(), rating) != parts.test().end())
        rating.level = static_cast<Level>((rating.level + 1) % 5);
    REQUIRE(changed.entries != ratings.entries);
    const TuneReport after = searched(plan, changed);
    CHECK(tune_csv(after) == tune_csv(before));
    CHECK(after.checksum == before.checksum);
    CHECK(after.baseline_valid_rmse == before.baseline_valid_rmse);
    ratings.test_begin = -1;
  }
  CHECK(holds(error_of([&] { begin_report(small_plan(), ratings, "cpu"); }), "hold a test part"));
}

TEST_CASE("the table does not depend on the number of threads", "[tune]") {
  const Ratings ratings = some_ratings();
  const std::string csv = tune_csv(searched(small_plan(), ratings, 1));
  CHECK(csv == tune_csv(searched(small_plan(), ratings, 3)));
}

TEST_CASE("a training that is stopped has no figure, and each iteration of others is told", "[tune]") {
  const TunePlan plan = small_plan();
  const Ratings kept = seen(some_ratings(), plan.base);
  const Options options = trial_options(plan, draw_trials(plan)[0], 5);
  int told = 0;
  std::stop_source stop;
  const auto trainer = trial_trainer(kept, [&] {
    if (++told == 8) stop.request_stop();
  });
  CHECK(trainer(options, stop.get_token()).has_value());
  CHECK(told == 5);
  CHECK_FALSE(trainer(options, stop.get_token()).has_value());
  CHECK(told == 8);
}

TEST_CASE("other ratings, levels or features have another checksum", "[tune]") {
  const TunePlan plan = small_plan();
  Ratings ratings = seen(some_ratings(), plan.base);
  ratings.user_features = {1, std::vector<double>(static_cast<std::size_t>(ratings.users()), 1.0), {"age"}};
  std::set<std::string> sums;
  const auto add = [&] { sums.insert(begin_report(plan, ratings, "cpu").checksum); };
  add();
  ratings.entries[7].level ^= 1;
  add();
  std::swap(ratings.entries[7], ratings.entries[8]);
  add();
  ratings.levels[4] = 6;
  add();
  ratings.user_features.values[3] = 2;
  add();
  CHECK(sums.size() == 5);
}

TEST_CASE("a training that diverges is a failed trial and tells why", "[tune]") {
  TunePlan plan = small_plan();
  plan.space = {parse_search("train_lr=0.01,1000")};
  plan.base.train.optimizer = OptimizerKind::sgd;
  plan.base.train.gradient_clip = 0;
  plan.base.train.max_iterations = 200;
  plan.base.train.schedule = Schedule::constant;
  const TuneReport report = searched(plan, some_ratings());
  const auto ranking = rank_trials(plan, report.result.runs);
  REQUIRE(ranking.size() == 2);
  CHECK(ranking[0].values[0] == "0.01");
  CHECK(holds(ranking[1].error, "training diverged"));
  CHECK(winner(plan, ranking) == &ranking[0]);
}

TEST_CASE("a search that does not fit the ratings is refused before it begins", "[tune]") {
  const Ratings kept = seen(some_ratings(), small_plan().base);
  TunePlan plan = small_plan();
  plan.space.push_back(parse_search("gcn_agg_units=3,500"));
  plan.trials = 8;
  const std::string message = error_of([&] { begin_report(plan, kept, "cpu"); });
  CHECK(holds(message, "gcn_agg_units=3: "));
  CHECK(holds(message, "cannot be stacked"));
  plan = small_plan();
  plan.base.run.valid_ratio = 1e-9;
  CHECK(holds(error_of([&] { begin_report(plan, kept, "cpu"); }), "no rating is validated"));
}

TEST_CASE("the baseline beside a search is that of its runs", "[tune]") {
  const Ratings ratings = some_ratings();
  TunePlan plan = small_plan();
  const TuneReport report = begin_report(plan, seen(ratings, plan.base), "cpu");
  Options options = plan.base;
  options.train.max_iterations = 1;
  CHECK(report.baseline_valid_rmse == train(ratings, options).metrics.baseline_valid_rmse.value());
}

TEST_CASE("results.csv has the best first, a column a rung, and what failed last", "[tune]") {
  const auto trials = draw_trials(small_plan());
  const auto values = [&](std::size_t number) { return trials[number - 1][0] + "," + trials[number - 1][1]; };
  CHECK(tune_csv(made_up()) ==
        "rank,trial,train_lr,gcn_agg_accum,valid_rmse_2,valid_rmse_4,valid_rmse_9,best_iteration,error\n"
        "1,4," +
            values(4) +
            ",1.25,1.03125,0.875,9,\n"
            "2,2," +
            values(2) +
            ",1.125,1.0625,,4,\n"
            "3,3," +
            values(3) +
            ",1,,,2,diverged\n"
            "4,1," +
            values(1) + ",,,,,\"no, \"\"really\"\"\"\n");
}

TEST_CASE("results.json holds the search, its trials and every run, which are read back", "[tune]") {
  const ScratchFolder folder;
  const TuneReport report = made_up();
  const std::string path = folder / "results.json";
  CHECK(read_tune_runs(report, path).empty());
  write_file_atomically(path, tune_json(report));
  CHECK(read_tune_runs(report, path) == report.result.runs);
  const json object = json::parse(tune_json(report));
  CHECK(object["complete"] == true);
  CHECK(object["rungs"].size() == 3);
  CHECK(object["trials"][0]["trial"] == 4);
  CHECK(object["trials"][0]["options"]["train_lr"].is_number());
  CHECK(object["trials"][2]["error"] == "diverged");
  CHECK(object["baseline_valid_rmse"] == 0.95);
  for (const char* never : {"test_rmse", "test_mae"}) CHECK_FALSE(holds(tune_json(report), never));
}

TEST_CASE("results of another search are refused, and what differs is named", "[tune]") {
  const ScratchFolder folder;
  const std::string path = folder / "results.json";
  write_file_atomically(path, tune_json(made_up()));
  const auto refused = [&](const auto& change, const std::string& why) {
    TuneReport report = made_up();
    change(report);
    const std::string message = error_of([&] { read_tune_runs(report, path); });
    INFO(message);
    CHECK(holds(message, path + " is of another search: " + why));
  };
  refused([](TuneReport& r) { r.plan.trials = 5; }, "trials was 4 and now is 5");
  refused([](TuneReport& r) { r.plan.eta = 3; }, "eta");
  refused([](TuneReport& r) { r.plan.rungs = 2; }, "rungs");
  refused([](TuneReport& r) { r.plan.seed = 2; }, "tune_seed");
  refused([](TuneReport& r) { r.plan.space[0].high = 0.2; }, "train_lr was \"0.003..0.1:log\" and now is \"0.003..0.2");
  refused([](TuneReport& r) { r.plan.space.pop_back(); }, "gcn_agg_accum was \"stack,sum\" and now is not there");
  refused([](TuneReport& r) { r.plan.base.train.seed = 5; }, "seed was 4 and now is 5");
  refused([](TuneReport& r) { r.plan.base.model.bases = 3; }, "gen_r_num_basis_func");
  refused([](TuneReport& r) { r.checksum[0] = 'f'; }, "checksum");
  refused([](TuneReport& r) { r.backend = "cpu-other"; }, "backend");

  TuneReport same = made_up();
  same.plan.base.run.threads = 7;
  CHECK(read_tune_runs(same, path).size() == 8);
}

TEST_CASE("a results file that is damaged is refused, not believed", "[tune]") {
  const ScratchFolder folder;
  const std::string path = folder / "results.json";
  const TuneReport report = made_up();
  const auto refused = [&](const auto& change, const std::string& why) {
    auto object = nlohmann::ordered_json::parse(tune_json(report));
    change(object);
    write_bytes(path, object.dump());
    const std::string message = error_of([&] { read_tune_runs(report, path); });
    INFO(message);
    CHECK(holds(message, path));
    CHECK(holds(message, why));
  };
  refused([](auto& o) { o["runs"][2]["trial"] = 5; }, "run 3 is none of this search");
  refused([](auto& o) { o["runs"][2]["rung"] = 0; }, "run 3 is none of this search");
  refused([](auto& o) { o["runs"][2]["repeat"] = 1; }, "run 3 is none of this search");
  refused([](auto& o) { o["runs"][2] = o["runs"][1]; }, "there twice");
  refused([](auto& o) { o["runs"][2].erase("valid_rmse"); }, "run 3");
  refused([](auto& o) { o["runs"][2]["seconds"] = "long"; }, "run 3");
  refused([](auto& o) { o["runs"] = 1; }, "not the results of a search");
  refused([](auto& o) { o.erase("search"); }, "not the results of a search");
  write_bytes(path, "{\"search\": ");
  CHECK(holds(error_of([&] { read_tune_runs(report, path); }), "not valid JSON"));
}

TEST_CASE("a file of searches says what the command line says", "[tune]") {
  const ScratchFolder folder;
  const std::string path = folder / "space.json";
  write_bytes(path, R"({"train_lr": "0.003..0.03:log", "gcn_agg_units": [250, 500.0], "implicit": [true, false]})");
  std::string text;
  for (const SearchOption& search : read_search_file(path)) text += search_text(search) + " ";
  CHECK(text == "train_lr=0.003..0.03:log gcn_agg_units=250,500 implicit=true,false ");
  write_bytes(path, R"({"trian_lr": [1, 2]})");
  CHECK(holds(error_of([&] { read_search_file(path); }), path + ": search 'trian_lr=1,2': unknown option"));
  write_bytes(path, R"({"train_lr": {"low": 1}})");
  CHECK(holds(error_of([&] { read_search_file(path); }), "train_lr is neither text"));
}

TEST_CASE("the drawing marks the best trial, and is well-formed for any search", "[tune]") {
  TuneReport report = made_up();
  const std::string svg = tune_svg(report);
  check_drawing(svg);
  CHECK(holds(svg, "4 trials, 2 of them failed; best validation RMSE 0.8750, bias baseline 0.9500"));
  CHECK(holds(svg, "trial 4: 0.8750"));
  CHECK(holds(svg, "9 iterations"));
  report.result.runs.pop_back();
  report.result.complete = false;
  report.dataset = "<&\"\x01 \xFF";
  check_drawing(tune_svg(report));
  CHECK(holds(tune_svg(report), "stopped before the end"));
  report.result.runs.resize(1);
  check_drawing(tune_svg(report));
  report.result.runs.clear();
  check_drawing(tune_svg(report));
  report = made_up();
  for (TuneRun& run : report.result.runs) run.valid_rmse = run.trial == 2 ? 1e300 : 1.0;
  check_drawing(tune_svg(report));
}
