// gcmc tune: a search over options, its files, and what the user sees of it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stop_token>
#include <utility>

#include "checkpoints.hpp"
#include "commands.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/save_run.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/options/presets.hpp"
#include "memory.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "stop_signal.hpp"

namespace {

constexpr std::size_t printed_trials = 5;

std::vector<gcmc::SearchOption> read_space(const TuneArguments& arguments) {
  std::vector<gcmc::SearchOption> space;
  if (!arguments.search_file.empty()) space = gcmc::read_search_file(arguments.search_file);
  for (const std::string& search : arguments.searches) space.push_back(gcmc::parse_search(search));
  gcmc::require(!space.empty(), "tune: no option is searched: give --search NAME=VALUES (gcmc tune --help tells more)");
  for (const gcmc::SearchOption& search : space)
    gcmc::require(std::ranges::find(arguments.given, search.option) == arguments.given.end(), [&] {
      return "tune: " + search.option + " is given on the command line and searched: leave one of the two out";
    });
  return space;
}

/// A run of train refuses the like; results.json is looked at when it is read.
void check_results_folder(const std::filesystem::path& folder) {
  std::error_code none;
  if (std::filesystem::exists(folder / "results.json", none)) return;
  for (const char* name : {"results.csv", "results.svg", "winner.json"})
    gcmc::require(!std::filesystem::exists(folder / name, none), [&] {
      return (folder / name).string() + ": is there without a search's results.json, and would be replaced: move it " +
             "away, or choose another folder";
    });
}

void write_results(const std::filesystem::path& folder, const gcmc::TuneReport& report) {
  gcmc::write_file_atomically((folder / "results.json").string(), gcmc::tune_json(report));
  gcmc::write_file_atomically((folder / "results.csv").string(), gcmc::tune_csv(report));
  gcmc::write_file_atomically((folder / "results.svg").string(), gcmc::tune_svg(report));
}

/// The best trials, as far as they came.
void print_ranking(const gcmc::TuneReport& report, const std::vector<gcmc::TrialResult>& ranking) {
  const auto rungs = gcmc::tune_rungs(report.plan, static_cast<gcmc::Index>(gcmc::draw_trials(report.plan).size()));
  for (std::size_t k = 0; k < std::min(printed_trials, ranking.size()); ++k) {
    const gcmc::TrialResult& trial = ranking[k];
    if (!trial.error.empty()) break;
    std::printf("%zu. trial %d: Valid RMSE=%s after %lld iterations: %s\n", k + 1, trial.trial,
                figure(trial.valid_rmse.back()).c_str(),
                static_cast<long long>(rungs[trial.valid_rmse.size() - 1].iterations),
                gcmc::trial_text(report.plan, trial.values).c_str());
  }
  const auto failed = std::count_if(ranking.begin(), ranking.end(), [](const auto& t) { return !t.error.empty(); });
  if (failed)
    std::printf("%td of %zu trials failed, the last with: %s\n", failed, ranking.size(), ranking.back().error.c_str());
  const bool any = !ranking.empty() && ranking.front().error.empty();
  const bool beaten = any && ranking.front().valid_rmse.back() < report.baseline_valid_rmse;
  std::printf("Bias baseline Valid RMSE=%s%s\n", figure(report.baseline_valid_rmse).c_str(),
              any && !beaten ? ": no trial beats it" : "");
}

void search(gcmc::TuneReport& report, const gcmc::Ratings& ratings, int threads, const std::filesystem::path& folder,
            const ProgramOptions& program) {
  const bool silent = program.silent;
  TunePrinter printer(report.plan, report.result.runs, silent);
  StopOnSignal stop;
  const std::stop_callback on_stop(stop.token(), [&] { printer.tell_stop(); });
  const auto keep = [&](const gcmc::TuneRun& run) {
    report.result.runs.push_back(run);
    gcmc::write_file_atomically((folder / "results.json").string(), gcmc::tune_json(report));
    printer(run);
    if (!silent && output_is_closed()) stop.request();
  };
  const SearchCheckpoints checkpoints(folder / "running", program.checkpoint_minutes);
  const auto train = [&](const gcmc::Ratings& of, const gcmc::Options& options, const gcmc::OnProgress& tell,
                         std::stop_token stopped, const gcmc::Continuation&) {
    return checkpoints.train(of, options, tell, std::move(stopped));
  };
  const auto trainer = gcmc::trial_trainer(
      ratings, [&] { printer.iteration(); }, train);
  report.result = gcmc::tune(report.plan, trainer, threads, report.result.runs, keep, stop.token());
  if (report.result.complete) checkpoints.remove();
  printer.finish();
}

/// winner.json and the last line.
void conclude(const gcmc::TuneReport& report, const std::vector<gcmc::TrialResult>& ranking,
              const std::filesystem::path& folder, const Settings& settings) {
  const gcmc::TrialResult* best = gcmc::winner(report.plan, ranking);
  gcmc::require(best, [&] { return "tune: no trial got through the last rung: " + ranking.back().error; });
  Settings winner = settings.with(gcmc::winner_options(report.plan, best->values));
  winner.program.silent = false;
  gcmc::write_file_atomically((folder / "winner.json").string(), settings_json(winner));
  if (!settings.program.silent) std::printf("Written to %s\n", folder.c_str());
  std::printf("%s\n", summary_line(*best).c_str());
}

}  // namespace

void run_tune(const OptionsFor& options_for, const TuneArguments& arguments) {
  Settings settings = options_for(nullptr);
  const ProgramOptions& program = settings.program;
  gcmc::TunePlan plan{settings.options, read_space(arguments), arguments.trials,
                      arguments.eta,    arguments.rungs,       arguments.seed};
  gcmc::require(plan.base.run.device.kind != gcmc::Device::Kind::cuda,
                "tune: trials are trained side by side on the CPU: leave out --device, or give --device cpu");
  gcmc::require(program.checkpoint_dir.empty() && !program.resume && program.continued.empty(),
                "tune: a search goes on by what its folder holds, and models are not trained on: leave out "
                "--checkpoint-dir, --resume and --continue");
  gcmc::require(!program.save_dir.empty(), "tune: give --save-dir, a folder for the results");
  if (!gcmc::looks_at_ratings(plan.base.preset))  // what is wrong is said before data is fetched
    gcmc::tune_rungs(plan, static_cast<gcmc::Index>(gcmc::draw_trials(plan).size()));
  const SaveFolder save_folder(program);
  const std::filesystem::path folder = save_folder.path();
  const gcmc::FolderLock lock(folder.string());
  check_results_folder(folder);
  gcmc::DataSource data = load(settings);
  settings.recorded = record(data, settings);
  gcmc::Ratings& all = data.ratings;
  plan.base = options_for(&all).options;
  const auto ratings = gcmc::without_test(all, gcmc::split_options(plan.base));

  const auto [backend, threads] = [&] {  // whose threads must not be there when signals are waited for
    const gcmc::Cpu cpu(plan.base.run.threads);
    return std::pair(cpu.name(), cpu.threads());
  }();
  gcmc::TuneReport report = gcmc::begin_report(plan, ratings, backend);
  report.result.runs = gcmc::read_tune_runs(report, (folder / "results.json").string());
  check_memory(ratings, plan, report.result.runs, threads);
  if (!program.silent) print_data(data, plan.base);
  all = {};
  search(report, ratings, threads, folder, program);
  write_results(folder, report);
  const auto ranking = gcmc::rank_trials(plan, report.result.runs);
  if (!program.silent) print_ranking(report, ranking);
  if (report.result.complete)
    conclude(report, ranking, folder, settings);
  else
    std::fprintf(stderr, "gcmc: stopped by a signal: %zu runs are kept, the same command goes on with the others\n",
                 report.result.runs.size());
}
