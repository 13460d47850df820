// Successive halving: rungs of trainings side by side, and the ranking that sends the best on.
#include "gcmc/train/search.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>

#include "../cpu/thread_error.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/train/ensemble.hpp"

namespace gcmc {
namespace {

auto place(const TuneRun& run) { return std::tuple(run.rung, run.trial, run.repeat); }

void sort(std::vector<TuneRun>& runs) {
  std::sort(runs.begin(), runs.end(), [](const TuneRun& a, const TuneRun& b) { return place(a) < place(b); });
}

/// Adds what the runs, in order, say of `trial` in `rung`. Returns whether it got through: no seed failed or is
/// missing.
bool add_rung(const TunePlan& plan, const std::vector<TuneRun>& runs, Index rung, TrialResult& trial) {
  const auto seeds = static_cast<double>(plan.base.train.seeds);
  double rmse = 0, iteration = 0;
  Index found = 0;
  std::string error;
  for (const TuneRun& run : runs) {
    if (run.trial != trial.trial || run.rung != rung) continue;
    ++found;
    rmse += run.valid_rmse.value_or(0);
    iteration += static_cast<double>(run.best_iteration);
    if (error.empty()) error = run.error;
  }
  if (found < plan.base.train.seeds) return false;
  trial.error = error;
  if (!error.empty()) return false;
  trial.best_iteration = iteration / seeds;
  trial.valid_rmse.push_back(rmse / seeds);
  return true;
}

/// The numbers of the trials that got through `rung`, the best first.
std::vector<Index> got_through(const TunePlan& plan, const std::vector<TuneRun>& runs, Index rung) {
  std::vector<TrialResult> trials;
  for (const TuneRun& run : runs) {
    TrialResult trial{run.trial, {}, {}, 0, {}};
    if (run.rung == rung && run.repeat == 0 && add_rung(plan, runs, rung, trial)) trials.push_back(std::move(trial));
  }
  std::sort(trials.begin(), trials.end(), [](const TrialResult& a, const TrialResult& b) {
    return std::tuple(a.valid_rmse.back(), a.trial) < std::tuple(b.valid_rmse.back(), b.trial);
  });
  std::vector<Index> numbers;
  for (const TrialResult& trial : trials) numbers.push_back(trial.trial);
  return numbers;
}

class Search {
 public:
  Search(const TunePlan& plan, const TrialTrainer& trainer, int threads, std::vector<TuneRun> done,
         const std::function<void(const TuneRun&)>& on_run, std::stop_token stop)
      : plan_(plan),
        trainer_(trainer),
        threads_(std::max(threads, 1)),
        on_run_(on_run),
        stop_(std::move(stop)),
        trials_(draw_trials(plan)),
        rungs_(tune_rungs(plan, static_cast<Index>(trials_.size()))),
        runs_(std::move(done)) {
    sort(runs_);
  }

  TuneResult run() {
    std::vector<Index> field;
    for (std::size_t k = 0; k < trials_.size(); ++k) field.push_back(static_cast<Index>(k + 1));
    for (Index rung = 1; rung <= static_cast<Index>(rungs_.size()); ++rung) {
      if (!climb(rung, field)) return {std::move(runs_), false};
      field = got_through(plan_, runs_, rung);
    }
    return {std::move(runs_), true};
  }

 private:
  /// Trains the best of `field` until as many as the rung has got through, or none is left. False: stopped.
  bool climb(Index rung, const std::vector<Index>& field) {
    const auto wanted = static_cast<std::size_t>(rungs_[static_cast<std::size_t>(rung - 1)].trials);
    std::size_t taken = 0, through = 0;
    while (through < wanted && taken < field.size()) {
      std::vector<TuneRun> pending;
      for (const std::size_t end = std::min(field.size(), taken + wanted - through); taken < end; ++taken)
        for (Index repeat = 0; repeat < plan_.base.train.seeds; ++repeat)
          pending.push_back({field[taken], rung, repeat, {}, 0, 0, {}});
      std::erase_if(pending, [&](const TuneRun& run) {
        return std::any_of(runs_.begin(), runs_.end(), [&](const TuneRun& old) { return place(old) == place(run); });
      });
      if (!train_all(pending)) return false;
      through = got_through(plan_, runs_, rung).size();
    }
    return true;
  }

  /// False: stopped.
  bool train_all(const std::vector<TuneRun>& pending) {
    if (pending.empty()) return true;
    const int jobs = std::min(threads_, static_cast<int>(pending.size()));
    std::atomic<std::size_t> next{0};
    std::exception_ptr problem;
    const auto work = [&](int threads) {
      try {
        for (std::size_t k = next++; k < pending.size() && !stop_.stop_requested(); k = next++)
          train_one(pending[k], threads);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        problem = std::current_exception();
        next = pending.size();
      }
    };
    std::vector<std::jthread> workers;
    try {
      for (int job = 1; job < jobs; ++job) workers.emplace_back(work, threads_ / jobs + (job < threads_ % jobs));
    } catch (const std::system_error& reason) {
      next = pending.size();  // those that have begun end with what they train
      throw_thread_error(workers.size() + 1, static_cast<std::size_t>(jobs), reason);
    } catch (...) {
      next = pending.size();
      throw;
    }
    work(threads_ / jobs + (0 < threads_ % jobs));
    for (std::jthread& worker : workers) worker.join();
    if (problem) std::rethrow_exception(problem);
    sort(runs_);
    return !stop_.stop_requested();
  }

  void train_one(TuneRun run, int threads) {
    Options options = trial_options(plan_, trials_[static_cast<std::size_t>(run.trial - 1)],
                                    rungs_[static_cast<std::size_t>(run.rung - 1)].iterations);
    options.run.threads = threads;
    const auto start = std::chrono::steady_clock::now();
    try {
      const std::optional<TrialOutcome> outcome = trainer_(member_options(options, run.repeat), stop_);
      if (!outcome) return;
      require(std::isfinite(outcome->valid_rmse), "the validation RMSE is not a finite number");
      run.valid_rmse = outcome->valid_rmse;
      run.best_iteration = outcome->best_iteration;
    } catch (const DeviceError&) {
      throw;  // the machine's fault, not the trial's
    } catch (const Error& failure) {
      run.error = failure.what();
    }
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(mutex_);
    runs_.push_back(run);
    if (on_run_) on_run_(run);
  }

  const TunePlan& plan_;
  const TrialTrainer& trainer_;
  const int threads_;
  const std::function<void(const TuneRun&)>& on_run_;
  const std::stop_token stop_;
  const std::vector<TrialValues> trials_;
  const std::vector<Rung> rungs_;
  std::mutex mutex_;  ///< of runs_ and of calls to on_run_, while workers train
  std::vector<TuneRun> runs_;
};

}  // namespace

std::vector<Rung> tune_rungs(const TunePlan& plan, Index trials) {
  require(plan.eta >= 2, [&] { return "tune: eta is " + std::to_string(plan.eta) + ", at least 2 is needed"; });
  require(plan.rungs >= 1, [&] { return "tune: " + std::to_string(plan.rungs) + " rungs, at least 1 is needed"; });
  const Offset most = std::min<Offset>(trials, plan.base.train.max_iterations);
  Index count = 1;
  for (Offset power = plan.eta; power <= most && count < plan.rungs; power *= plan.eta) ++count;
  std::vector<Rung> rungs(static_cast<std::size_t>(count));
  Offset iterations = plan.base.train.max_iterations;
  for (auto rung = rungs.rbegin(); rung != rungs.rend(); ++rung) {
    rung->iterations = iterations;
    iterations /= plan.eta;
  }
  for (Rung& rung : rungs) {
    rung.trials = trials;
    trials /= plan.eta;
  }
  return rungs;
}

std::vector<TrialResult> rank_trials(const TunePlan& plan, std::vector<TuneRun> runs) {
  sort(runs);
  const std::vector<TrialValues> values = draw_trials(plan);
  std::vector<TrialResult> results;
  for (std::size_t k = 0; k < values.size(); ++k) {
    TrialResult trial{static_cast<Index>(k + 1), values[k], {}, 0, {}};
    for (Index rung = 1; add_rung(plan, runs, rung, trial);) ++rung;
    if (!trial.valid_rmse.empty() || !trial.error.empty()) results.push_back(std::move(trial));
  }
  std::sort(results.begin(), results.end(), [](const TrialResult& a, const TrialResult& b) {
    const auto key = [](const TrialResult& t) {
      return std::tuple(!t.error.empty(), -static_cast<Offset>(t.valid_rmse.size()),
                        t.valid_rmse.empty() ? 0 : t.valid_rmse.back(), t.trial);
    };
    return key(a) < key(b);
  });
  return results;
}

const TrialResult* winner(const TunePlan& plan, const std::vector<TrialResult>& ranking) {
  if (ranking.empty() || !ranking.front().error.empty()) return nullptr;
  const std::size_t rungs = tune_rungs(plan, static_cast<Index>(draw_trials(plan).size())).size();
  return ranking.front().valid_rmse.size() == rungs ? &ranking.front() : nullptr;
}

TuneResult tune(const TunePlan& plan, const TrialTrainer& trainer, int threads, std::vector<TuneRun> done,
                const std::function<void(const TuneRun&)>& on_run, std::stop_token stop) {
  return Search(plan, trainer, threads, std::move(done), on_run, std::move(stop)).run();
}

TrialTrainer trial_trainer(const Ratings& ratings, std::function<void()> on_iteration, TrainFunction train_one) {
  return [&ratings, on_iteration = std::move(on_iteration), train_one = std::move(train_one)](
             const Options& options, std::stop_token stop) -> std::optional<TrialOutcome> {
    const auto tell = [&](const Progress& progress) {
      if (on_iteration && progress.phase != Progress::Phase::embedding) on_iteration();
    };
    const RunMetrics metrics = train_one(ratings, options, tell, std::move(stop), {}).metrics;
    if (metrics.stopped) return std::nullopt;
    require(metrics.best_valid_rmse.has_value(), "no rating is validated");
    return TrialOutcome{*metrics.best_valid_rmse, metrics.best_iteration};
  };
}

}  // namespace gcmc
