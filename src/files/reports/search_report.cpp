// What a search leaves: results.csv, and results.json, from which a stopped search goes on.
#include <filesystem>
#include <set>

#include "../json.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/layers/model_layers.hpp"
#include "gcmc/options/split_names.hpp"
#include "gcmc/ratings/checksum.hpp"
#include "gcmc/train/ensemble.hpp"

namespace gcmc {
namespace {

using nlohmann::ordered_json;

/// {"train_lr": "0.003..0.03:log", ...}, as read_search_file takes it.
ordered_json space_json(const std::vector<SearchOption>& space) {
  ordered_json object = ordered_json::object();
  for (const SearchOption& search : space) object[search.option] = search_text(search).substr(search.option.size() + 1);
  return object;
}

/// All that a run's figure depends on: searches with equal ones have equal results.
ordered_json search_json(const TuneReport& report) {
  const TunePlan& plan = report.plan;
  ordered_json options = options_to_json(plan.base);
  for_each_option(plan.base, [&](const OptionRow& row, const auto&) {
    if (!row.changes_results) options.erase(std::string(row.name));
  });
  ordered_json data = {{"name", report.dataset},
                       {"users", report.users},
                       {"items", report.items},
                       {"levels", report.levels},
                       {"train_and_valid_ratings", report.ratings},
                       {"checksum", report.checksum}};
  return {{"space", space_json(plan.space)},
          {"trials", plan.trials},
          {"eta", plan.eta},
          {"rungs", plan.rungs},
          {"tune_seed", plan.seed},
          {"backend", report.backend},
          {"data", std::move(data)},
          {"options", std::move(options)}};
}

ordered_json trial_json(const TuneReport& report, const TrialResult& trial, int rank) {
  ordered_json object = {{"rank", rank}, {"trial", trial.trial}};
  // Types as in config.json: 0.5, not "0.5".
  const ordered_json options = options_to_json(winner_options(report.plan, trial.values));
  for (const SearchOption& search : report.plan.space) object["options"][search.option] = options[search.option];
  object["valid_rmse"] = trial.valid_rmse;
  object["best_iteration"] = trial.best_iteration;
  if (!trial.error.empty()) object["error"] = trial.error;
  return object;
}

ordered_json run_json(const TuneRun& run) {
  ordered_json object = {{"trial", run.trial}, {"rung", run.rung}, {"repeat", run.repeat}};
  if (run.valid_rmse) {
    object["valid_rmse"] = *run.valid_rmse;
    object["best_iteration"] = run.best_iteration;
  } else {
    object["error"] = run.error;
  }
  object["seconds"] = run.seconds;
  return object;
}

TuneRun run_of(const ordered_json& object) {
  TuneRun run;
  run.trial = object.at("trial").get<Index>();
  run.rung = object.at("rung").get<Index>();
  run.repeat = object.at("repeat").get<Index>();
  run.seconds = object.at("seconds").get<double>();
  if (object.contains("error")) {
    run.error = object.at("error").get<std::string>();
  } else {
    run.valid_rmse = object.at("valid_rmse").get<double>();
    run.best_iteration = object.at("best_iteration").get<Offset>();
  }
  return run;
}

/// Throws InputError, naming the first thing that differs, of what is called `name`.
void require_same(const ordered_json* there, const ordered_json* here, const std::string& name,
                  const std::string& path) {
  if (there && here && there->is_object() && here->is_object()) {
    const auto member = [](const ordered_json& object, const std::string& key) {
      const auto found = object.find(key);
      return found == object.end() ? nullptr : &*found;
    };
    for (const auto& [key, value] : here->items()) require_same(member(*there, key), &value, key, path);
    for (const auto& [key, value] : there->items())
      if (!member(*here, key)) require_same(&value, nullptr, key, path);
    return;
  }
  const auto text = [](const ordered_json* value) { return value ? value->dump() : std::string("not there"); };
  require(text(there) == text(here), [&] {
    return path + " is of another search: " + name + " was " + text(there) + " and now is " + text(here) +
           ": give another folder, or the same search";
  });
}

/// Throws InputError, with the values, if a trial has too few units for these levels.
void check_shapes(const TunePlan& plan, const std::vector<TrialValues>& trials, Index levels) {
  for (std::size_t k = 0; k < trials.size(); ++k) {
    try {
      (void)ConvolutionShape(convolution_options(winner_options(plan, trials[k]).model), levels);
    } catch (const Error& problem) {
      throw InputError("tune: trial " + std::to_string(k + 1) + ", " + trial_text(plan, trials[k]) + ": " +
                       problem.what());
    }
  }
}

}  // namespace

TuneReport begin_report(const TunePlan& plan, const Ratings& ratings, std::string backend) {
  require(ratings.test_begin == static_cast<Offset>(ratings.entries.size()),
          "tune: the ratings hold a test part, which no search may see: without_test leaves it out");
  const auto levels = static_cast<Index>(ratings.levels.size());
  const std::vector<TrialValues> trials = draw_trials(plan);
  tune_rungs(plan, static_cast<Index>(trials.size()));
  check_shapes(plan, trials, levels);
  TuneReport report;
  report.plan = plan;
  report.dataset = ratings.name;
  report.backend = std::move(backend);
  report.users = ratings.users();
  report.items = ratings.items();
  report.levels = levels;
  report.ratings = static_cast<Offset>(ratings.entries.size());
  report.checksum = checksum(ratings, true);
  if (split_rule(plan.base.run.split) != SplitRule::random) report.checksum += checksum_of_times(ratings);
  for (Index repeat = 0; repeat < plan.base.train.seeds; ++repeat) {
    const Split parts = Split(ratings, split_options(member_options(plan.base, repeat)));
    require(!parts.valid().empty(), "tune: no rating is validated: raise data_valid_ratio");
    report.baseline_valid_rmse += evaluate(fit_bias_baseline(ratings, parts.train()), ratings, parts.valid()).rmse();
  }
  report.baseline_valid_rmse /= static_cast<double>(plan.base.train.seeds);
  return report;
}

std::vector<SearchOption> read_search_file(const std::string& path) {
  const auto object = parse_json_object<ordered_json>(read_given_file(path), path);
  std::vector<SearchOption> space;
  for (const auto& [name, value] : object.items()) {
    std::string text = name + "=";
    if (value.is_array()) {
      for (std::size_t k = 0; k < value.size(); ++k)
        text += (k ? "," : "") + option_input(value[k], path + ": " + name);
    } else {
      text += option_input(value, path + ": " + name);
    }
    try {
      space.push_back(parse_search(text));
    } catch (const Error& problem) {
      throw InputError(path + ": " + problem.what());
    }
  }
  return space;
}

std::string tune_csv(const TuneReport& report) {
  const std::vector<TrialResult> ranking = rank_trials(report.plan, report.result.runs);
  const auto rungs = tune_rungs(report.plan, static_cast<Index>(draw_trials(report.plan).size()));
  std::string text = "rank,trial";
  for (const SearchOption& search : report.plan.space) text += "," + search.option;
  for (const Rung& rung : rungs) text += ",valid_rmse_" + std::to_string(rung.iterations);
  text += ",best_iteration,error\n";
  int rank = 0;
  for (const TrialResult& trial : ranking) {
    text += std::to_string(++rank) + "," + std::to_string(trial.trial);
    for (const std::string& value : trial.values) text += "," + value;
    for (std::size_t rung = 0; rung < rungs.size(); ++rung) {
      text += ",";
      if (rung < trial.valid_rmse.size()) append_number(text, trial.valid_rmse[rung]);
    }
    text += ",";
    if (!trial.valid_rmse.empty()) append_number(text, trial.best_iteration);
    text += ",";
    append_csv_field(text, trial.error);
    text += "\n";
  }
  return text;
}

std::string tune_json(const TuneReport& report) {
  const std::vector<TrialResult> ranking = rank_trials(report.plan, report.result.runs);
  ordered_json object = {{"search", search_json(report)},
                         {"complete", report.result.complete},
                         {"baseline_valid_rmse", report.baseline_valid_rmse},
                         {"rungs", ordered_json::array()},
                         {"trials", ordered_json::array()},
                         {"runs", ordered_json::array()}};
  for (const Rung& rung : tune_rungs(report.plan, static_cast<Index>(draw_trials(report.plan).size())))
    object["rungs"].push_back({{"trials", rung.trials}, {"iterations", rung.iterations}});
  for (const TrialResult& trial : ranking)
    object["trials"].push_back(trial_json(report, trial, static_cast<int>(object["trials"].size()) + 1));
  for (const TuneRun& run : report.result.runs) object["runs"].push_back(run_json(run));
  return json_text(object, "results");
}

std::vector<TuneRun> read_tune_runs(const TuneReport& report, const std::string& path) {
  if (!std::filesystem::exists(path)) return {};
  const auto object = parse_json_object<ordered_json>(read_text_file(path), path);
  require(object.contains("search") && object.contains("runs") && object["runs"].is_array(),
          path + ": not the results of a search: give another folder");
  const ordered_json here = search_json(report);
  require_same(&object["search"], &here, "search", path);
  std::vector<TuneRun> runs;
  std::set<std::array<Index, 3>> seen;
  const auto trials = static_cast<Index>(draw_trials(report.plan).size());
  const auto rungs = static_cast<Index>(tune_rungs(report.plan, trials).size());
  try {
    for (const ordered_json& entry : object["runs"]) {
      const TuneRun run = run_of(entry);
      const bool possible = run.trial >= 1 && run.trial <= trials && run.rung >= 1 && run.rung <= rungs &&
                            run.repeat >= 0 && run.repeat < report.plan.base.train.seeds;
      require(possible && seen.insert({run.trial, run.rung, run.repeat}).second, [&] {
        return path + ": run " + std::to_string(runs.size() + 1) + " is none of this search, or there twice";
      });
      runs.push_back(run);
    }
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(path + ": run " + std::to_string(runs.size() + 1) + ": " + json_problem(problem));
  }
  return runs;
}

}  // namespace gcmc
