// The search: what is drawn, who goes on, what a stopped search keeps. The trainer is a table of figures, so that an
// oracle can be plain.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/train/search.hpp"

namespace {

using namespace gcmc;

TunePlan small_plan() {
  TunePlan plan;
  plan.base.train.max_iterations = 90;
  plan.space = {parse_search("train_lr=0.001..0.1:log"), parse_search("gcn_agg_accum=stack,sum")};
  plan.trials = 20;
  plan.eta = 3;
  return plan;
}

/// A figure that looks random, by what is trained: late bloomers and early ones.
double figure(const Options& options) {
  const double x = options.train.learning_rate * 1e4 + static_cast<double>(options.train.max_iterations) +
                   (options.model.aggregation == Aggregation::sum ? 0.5 : 0) + static_cast<double>(options.train.seed);
  return 1 + 0.5 * std::sin(x * x);
}

std::optional<TrialOutcome> figures(const Options& options, const std::stop_token&) {
  return TrialOutcome{figure(options), options.train.max_iterations / 2};
}

/// Fails where the figure is high.
std::optional<TrialOutcome> fragile(const Options& options, const std::stop_token& stop) {
  if (figure(options) > 1.1) throw Error("diverged");
  return figures(options, stop);
}

using RunKey = std::tuple<Index, Index>;  // rung, trial

std::set<RunKey> keys(const std::vector<TuneRun>& runs) {
  std::set<RunKey> keys;
  for (const TuneRun& run : runs) keys.insert({run.rung, run.trial});
  return keys;
}

/// Who is trained, found by trying: in each rung the best of the rung before, by a full sort, until enough are through.
std::set<RunKey> expected_runs(const TunePlan& plan, double fails_above) {
  const auto trials = draw_trials(plan);
  const auto rungs = tune_rungs(plan, static_cast<Index>(trials.size()));
  std::set<RunKey> trained;
  std::vector<Index> field(trials.size());
  for (std::size_t k = 0; k < field.size(); ++k) field[k] = static_cast<Index>(k + 1);
  for (std::size_t r = 0; r < rungs.size(); ++r) {
    std::vector<std::pair<double, Index>> through;
    for (const Index trial : field) {
      if (static_cast<Index>(through.size()) == rungs[r].trials) break;
      trained.insert({static_cast<Index>(r + 1), trial});
      const double value =
          figure(trial_options(plan, trials[static_cast<std::size_t>(trial - 1)], rungs[r].iterations));
      if (value <= fails_above) through.emplace_back(value, trial);
    }
    std::sort(through.begin(), through.end());
    field.clear();
    for (const auto& [value, trial] : through) field.push_back(trial);
  }
  return trained;
}

std::vector<TuneRun> without_seconds(std::vector<TuneRun> runs) {
  for (TuneRun& run : runs) run.seconds = 0;
  return runs;
}

/// Not of a temporary, which the winner would be a part of.
template <class Results>
concept has_winner = requires(const TunePlan& plan, Results&& results) {
  winner(plan, std::forward<Results>(results));
};

}  // namespace

TEST_CASE("a search is read from text and reads back", "[tune]") {
  for (const char* text :
       {"train_lr=0.003..0.03:log", "gcn_dropout=0.3..0.8", "gcn_agg_units=250,500,1000", "gcn_agg_accum=stack,sum"})
    CHECK(search_text(parse_search(text)) == text);
  CHECK(search_text(parse_search("gcn-agg-units=16..65536:log")) == "gcn_agg_units=16..65536:log");
  CHECK(search_text(parse_search("model-dropout=0.10,.5")) == "gcn_dropout=0.1,0.5");
  CHECK(search_text(parse_search("dense_bias=yes,no")) == "dense_bias=true,false");
  CHECK(search_text(parse_search("use_one_hot_fea=0,1")) == "use_one_hot_fea=false,true");
}

TEST_CASE("a search that says nothing possible is refused with its text", "[tune]") {
  const auto refused = [](const std::string& text, const std::string& why) {
    const std::string message = error_of([&] { parse_search(text); });
    INFO(message);
    CHECK(holds(message, "search '" + text + "': "));
    CHECK(holds(message, why));
  };
  refused("trian_lr=1,2", "did you mean train_lr?");
  refused("train_lr", "expected NAME=");
  refused("train_lr=0.1", "single value");
  refused("train_lr=", "not a number");
  refused("train_lr=0.3..0.1", "empty");
  refused("train_lr=0.1..0.1", "empty");
  refused("train_average_decay=0..0.9:log", "above 0");
  refused("gcn_dropout=0.5..1", "'1' is outside [0, 1)");
  refused("gcn_agg_accum=stack..sum", "only numbers have a range");
  refused("dense_bias=true..false", "list the values");
  refused("gcn_agg_units=5..20.5", "not a whole number");
  refused("gcn_agg_units=5,20.5", "not a whole number");
  refused("gcn_agg_accum=stack,mean", "not one of stack, sum");
  refused("train_lr=0.1,0.10", "given twice");
  refused("train_lr=0.1,0.2:log", ":log is for ranges");
  refused("train_valid_interval=auto..5", "a range lies between numbers, and 'auto' is none");
  for (const char* name : {"preset", "data_name", "split", "threads", "seed", "seeds", "train_max_iter", "refit",
                           "train_on_valid", "data_valid_ratio", "precision"})
    refused(std::string(name) + "=1,2", "cannot be searched");
}

TEST_CASE("draws lie in their ranges, reach whole ends, and spread by the scale that was asked for", "[tune]") {
  TunePlan plan = small_plan();
  plan.trials = 2000;
  plan.base.train.schedule = Schedule::constant;
  plan.space = {parse_search("train_lr=0.0001..1:log"), parse_search("gcn_dropout=0.2..0.6"),
                parse_search("gen_r_num_basis_func=1..4"), parse_search("gcn_agg_units=2..2048:log"),
                parse_search("model_activation=relu,tanh,linear")};
  double log_mean = 0, mean = 0, log_units = 0;
  std::map<std::string, int> bases, activations;
  for (const TrialValues& values : draw_trials(plan)) {
    const double rate = std::stod(values[0]), dropout = std::stod(values[1]), units = std::stod(values[3]);
    CHECK((rate >= 0.0001 && rate <= 1));
    CHECK((dropout >= 0.2 && dropout <= 0.6));
    CHECK((units >= 2 && units <= 2048));
    CHECK(values[0].size() <= 9);
    log_mean += std::log10(rate) / 2000;
    mean += dropout / 2000;
    log_units += std::log2(units) / 2000;
    ++bases[values[2]];
    ++activations[values[4]];
  }
  // Standard errors: 4 / sqrt(12 * 2000) = .026, .0026 and .065; counts 500 and 667 +- 21.
  CHECK(log_mean == Approx(-2).margin(0.13));
  CHECK(mean == Approx(0.4).margin(0.013));
  CHECK(log_units == Approx(6).margin(0.33));
  CHECK(bases.size() == 4);
  for (const auto& [value, count] : bases) CHECK(count == Approx(500).margin(105));
  CHECK(activations.size() == 3);
  for (const auto& [value, count] : activations) CHECK(count == Approx(667).margin(105));
}

TEST_CASE("a trial depends on the seed and its number alone", "[tune]") {
  TunePlan plan = small_plan();
  const auto twenty = draw_trials(plan);
  REQUIRE(twenty.size() == 20);
  plan.trials = 50;
  plan.eta = 2;
  plan.base.train.max_iterations = 7;
  const auto fifty = draw_trials(plan);
  CHECK(std::equal(twenty.begin(), twenty.end(), fifty.begin()));
  CHECK(std::set<TrialValues>(fifty.begin(), fifty.end()).size() == 50);
  plan.seed = 2;
  CHECK(draw_trials(plan)[0] != twenty[0]);
}

TEST_CASE("a space with fewer configurations than trials is tried in full, each once", "[tune]") {
  TunePlan plan = small_plan();
  plan.space = {parse_search("gcn_agg_accum=stack,sum"), parse_search("gen_r_num_basis_func=2..4"),
                parse_search("implicit=true,false")};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    plan.seed = seed;
    const auto trials = draw_trials(plan);
    CHECK(trials.size() == 12);
    CHECK(std::set<TrialValues>(trials.begin(), trials.end()).size() == 12);
  }
}

TEST_CASE("what cannot be trained is refused before anything is, with its values", "[tune]") {
  const auto refused = [](const TunePlan& plan, const std::string& why) {
    const std::string message = error_of([&] { tune(plan, figures, 1); });
    INFO(message);
    CHECK(holds(message, why));
  };
  TunePlan plan = small_plan();
  plan.base.train.time_budget = 60;
  refused(plan, "leave out time_budget");
  plan = small_plan();
  plan.base.run.folds = 5;
  refused(plan, "leave out folds");
  plan = small_plan();
  plan.base.train.min_learning_rate = 0.1;
  refused(plan, "trial 1, train_lr=");
  refused(plan, "train_min_lr 0.1 exceeds train_lr 0.0");
  plan = small_plan();
  plan.space.push_back(plan.space[0]);
  refused(plan, "train_lr is searched twice");
  plan.space.clear();
  refused(plan, "no option is searched");
  plan = small_plan();
  plan.space[0].option = "data_valid_ratio";  // which parse_search refuses too
  refused(plan, "data_valid_ratio cannot be searched");
  plan = small_plan();
  std::swap(plan.space[0].low, plan.space[0].high);
  refused(plan, "train_lr has neither choices nor a range of numbers");
  plan = small_plan();
  CHECK(error_of([&] { trial_options(plan, {"0.01"}, 3); }).starts_with("tune: 1 values for "));
  static_assert(has_winner<const std::vector<TrialResult>&> && !has_winner<std::vector<TrialResult>>);
  plan = small_plan();
  plan.trials = 0;
  refused(plan, "0 trials");
  plan.trials = 20;
  plan.eta = 1;
  refused(plan, "eta is 1");
  plan.eta = 3;
  plan.rungs = 0;
  refused(plan, "0 rungs");
  plan = small_plan();
  plan.base.train.selection = Selection::last;
  plan.base.train.schedule = Schedule::constant;
  plan.base.train.train_on_valid = true;
  refused(plan, "train_on_valid");
  plan.base.train.train_on_valid = false;
  plan.base.run.valid_ratio = 0;
  refused(plan, "data_valid_ratio");
}

TEST_CASE("rungs have a factor of eta fewer trials and more iterations, the last one all iterations", "[tune]") {
  const auto text = [](Index trials, Index eta, Index rungs, Offset iterations) {
    TunePlan plan = small_plan();
    plan.eta = eta;
    plan.rungs = rungs;
    plan.base.train.max_iterations = iterations;
    std::string result;
    for (const Rung& rung : tune_rungs(plan, trials))
      result += std::to_string(rung.trials) + "x" + std::to_string(rung.iterations) + " ";
    return result;
  };
  CHECK(text(9, 3, 3, 200) == "9x22 3x66 1x200 ");
  CHECK(text(27, 3, 9, 2000) == "27x74 9x222 3x666 1x2000 ");
  CHECK(text(26, 3, 9, 2000) == "26x222 8x666 2x2000 ");
  CHECK(text(27, 3, 2, 2000) == "27x666 9x2000 ");
  CHECK(text(5, 2, 1, 10) == "5x10 ");
  CHECK(text(16, 2, 3, 3) == "16x1 8x3 ");
  CHECK(text(1, 3, 3, 7) == "1x7 ");
}

TEST_CASE("the best of each rung go on, on any number of threads", "[tune]") {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    TunePlan plan = small_plan();
    plan.seed = seed;
    const TuneResult one = tune(plan, figures, 1);
    CHECK(one.complete);
    CHECK(one.runs.size() == 20 + 6 + 2);
    CHECK(keys(one.runs) == expected_runs(plan, 9));
    for (const int threads : {2, 5, 64})
      CHECK(without_seconds(tune(plan, figures, threads).runs) == without_seconds(one.runs));
    const auto ranking = rank_trials(plan, one.runs);
    REQUIRE(ranking.size() == 20);
    const TrialResult* best = winner(plan, ranking);
    REQUIRE(best);
    CHECK(best->valid_rmse.size() == 3);
    CHECK(best->valid_rmse[2] == figure(trial_options(plan, best->values, 90)));
    CHECK(best->valid_rmse[2] < ranking[1].valid_rmse[2]);
    CHECK(best->best_iteration == 45);
    for (std::size_t k = 2; k < 20; ++k) {
      CHECK(ranking[k].valid_rmse.size() == (k < 6 ? 2 : 1));
      if (k != 2 && k != 6) CHECK(ranking[k - 1].valid_rmse.back() < ranking[k].valid_rmse.back());
    }
  }
}

TEST_CASE("equal trials rank by their number", "[tune]") {
  const TunePlan plan = small_plan();
  const auto same = [](const Options&, const std::stop_token&) { return std::optional(TrialOutcome{1, 1}); };
  const auto ranking = rank_trials(plan, tune(plan, same, 3).runs);
  for (std::size_t k = 0; k < ranking.size(); ++k) CHECK(ranking[k].trial == static_cast<Index>(k + 1));
}

TEST_CASE("a failed trial ranks last, and the next best takes its place", "[tune]") {
  int replaced = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    TunePlan plan = small_plan();
    plan.seed = seed;
    const TuneResult result = tune(plan, fragile, 3);
    CHECK(result.complete);
    CHECK(keys(result.runs) == expected_runs(plan, 1.1));
    replaced += result.runs.size() > 28;
    const auto ranking = rank_trials(plan, result.runs);
    REQUIRE(ranking.size() == 20);
    bool failed = false;
    for (const TrialResult& trial : ranking) {
      CHECK((trial.error.empty() || trial.error == "diverged"));
      CHECK((!failed || !trial.error.empty()));
      failed = !trial.error.empty();
    }
    CHECK(failed);
  }
  CHECK(replaced > 0);
}

TEST_CASE("where all fail in the last rung there is no winner, and an RMSE that is no number fails", "[tune]") {
  const TunePlan plan = small_plan();
  const auto late = [](const Options& options, const std::stop_token& stop) {
    if (options.train.max_iterations == 90) return std::optional(TrialOutcome{std::nan(""), 1});
    return figures(options, stop);
  };
  const TuneResult result = tune(plan, late, 2);
  CHECK(result.complete);
  CHECK(result.runs.size() == 20 + 6 + 6);
  const auto ranking = rank_trials(plan, result.runs);
  CHECK(winner(plan, ranking) == nullptr);
  CHECK(holds(ranking.back().error, "not a finite number"));
  CHECK(ranking.back().valid_rmse.size() == 2);
}

TEST_CASE("with several seeds a trial's figure is their mean, and one that fails fails the trial", "[tune]") {
  TunePlan plan = small_plan();
  plan.base.train.seed = 40;
  plan.base.train.seeds = 3;
  const TuneResult result = tune(plan, figures, 4);
  CHECK(result.runs.size() == 3 * 28);
  const auto trials = draw_trials(plan);
  for (const TrialResult& trial : rank_trials(plan, result.runs)) {
    double sum = 0;
    Options options = trial_options(plan, trials[static_cast<std::size_t>(trial.trial - 1)], 10);
    for (const std::uint64_t seed : {40, 41, 42}) {
      options.train.seed = seed;
      sum += figure(options);
    }
    CHECK(trial.valid_rmse[0] == sum / 3);
  }
  const auto one_fails = [](const Options& options, const std::stop_token& stop) {
    CHECK(options.train.seeds == 1);
    CHECK(options.test_seed() == 40);
    if (options.train.seed == 41) throw Error("seed 41");
    return figures(options, stop);
  };
  const auto ranking = rank_trials(plan, tune(plan, one_fails, 1).runs);
  CHECK(std::all_of(ranking.begin(), ranking.end(), [](const TrialResult& t) { return t.error == "seed 41"; }));
}

TEST_CASE("trials are trained without refit, and the threads are shared out among those side by side", "[tune]") {
  TunePlan plan = small_plan();
  plan.base.train.refit = true;
  std::mutex mutex;
  std::map<Offset, std::set<int>> threads;  // by budget
  const auto look = [&](const Options& options, const std::stop_token& stop) {
    CHECK_FALSE(options.train.refit);
    const std::lock_guard lock(mutex);
    threads[options.train.max_iterations].insert(options.run.threads);
    return figures(options, stop);
  };
  const TuneResult result = tune(plan, look, 8);
  CHECK(threads[10] == std::set<int>{1});                                 // 20 runs
  for (const int count : threads[30]) CHECK((count == 1 || count == 2));  // 6 runs: 2 + 2 + 1 + 1 + 1 + 1
  CHECK(threads[90] == std::set<int>{4});                                 // 2 runs
  const Options best = winner_options(plan, draw_trials(plan)[0]);
  CHECK(best.train.refit);
  CHECK(best.train.max_iterations == 90);
}

TEST_CASE("a stopped search that goes on ends as one that was not stopped, and trains nothing twice", "[tune]") {
  TunePlan plan = small_plan();
  plan.base.train.seeds = 2;
  const TuneResult whole = tune(plan, fragile, 1);
  for (std::size_t until = 0; until < whole.runs.size(); until += 3) {
    for (const int threads : {1, 3}) {
      std::stop_source stop;
      std::size_t told = 0;
      if (until == 0) stop.request_stop();
      const auto count = [&](const TuneRun&) {
        if (++told == until) stop.request_stop();
      };
      const auto stoppable = [&](const Options& options, const std::stop_token& token) {
        auto outcome = fragile(options, token);
        return token.stop_requested() ? std::nullopt : outcome;
      };
      const TuneResult first = tune(plan, stoppable, threads, {}, count, stop.get_token());
      CHECK_FALSE(first.complete);
      CHECK(first.runs.size() == told);
      CHECK(told >= until);
      std::atomic<std::size_t> trained{0};
      const auto counted = [&](const Options& options, const std::stop_token& token) {
        ++trained;
        return fragile(options, token);
      };
      const TuneResult second = tune(plan, counted, threads, first.runs);
      CHECK(second.complete);
      CHECK(without_seconds(second.runs) == without_seconds(whole.runs));
      CHECK(trained == whole.runs.size() - told);
    }
  }
}

TEST_CASE("a fault that is no failed training ends the search", "[tune]") {
  const TunePlan plan = small_plan();
  const auto faulty = [](const Options&, const std::stop_token&) -> std::optional<TrialOutcome> {
    throw std::bad_alloc();
  };
  CHECK_THROWS_AS(tune(plan, faulty, 3), std::bad_alloc);
  const auto full = [](const TuneRun&) { throw Error("disk full"); };
  CHECK(error_of([&] { tune(plan, figures, 3, {}, full); }) == "disk full");
}
