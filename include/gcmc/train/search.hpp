// A search for options: random trials and successive halving, by validation RMSE.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/options/options.hpp"
#include "gcmc/ratings/ratings.hpp"
#include "gcmc/train/ensemble.hpp"

namespace gcmc {

/// One searched option: a list of values, or a range with both its ends.
struct SearchOption {
  std::string option;
  std::vector<std::string> choices;  ///< as option_text writes them, each as likely as another; empty: a range
  double low = 0, high = 0;
  bool log = false;    ///< uniform in the logarithm
  bool whole = false;  ///< whole numbers
};

/// Reads "train_lr=0.003..0.03:log", "gcn_dropout=0.3..0.8" or "gcn_agg_accum=stack,sum". Throws InputError on an
/// option that is unknown (with the nearest name) or cannot be searched: all of the groups Model and Training can be,
/// less seeds, train_max_iter, time_budget, train_on_valid, refit and refits; and on a value that the option does not
/// take, a value given twice, a single one, or a range that is empty, of names, or with :log not above 0.
GCMC_EXPORT SearchOption parse_search(std::string_view text);
/// Reads back to the same.
GCMC_EXPORT std::string search_text(const SearchOption& search);

/// All that decides a search, beside the ratings.
struct TunePlan {
  Options
      base;  ///< what is not searched. train.max_iterations is the last rung's budget; a trial is train.seeds models
  std::vector<SearchOption> space;
  Index trials = 27;
  Index eta = 3;           ///< one trial of eta goes on to the next rung, with eta times the iterations
  Index rungs = 3;         ///< at most; fewer where that leaves no trial or no iteration
  std::uint64_t seed = 1;  ///< draws the trials
};

/// The values of a trial, one for each option of the space.
using TrialValues = std::vector<std::string>;

/// The trials: the first `plan.trials` distinct ones of a sequence, of which the k-th candidate is drawn from
/// (plan.seed, k) alone, so that more trials begin with the same ones. Fewer if the space has no more. Numbers with a
/// fraction have four significant digits. Throws InputError, with the values, if the options of a trial contradict each
/// other (as validate does), and if the plan allows no search.
GCMC_EXPORT std::vector<TrialValues> draw_trials(const TunePlan& plan);

/// "train_lr=0.01 gcn_agg_accum=sum", for messages and tables.
GCMC_EXPORT std::string trial_text(const TunePlan& plan, const TrialValues& values);

/// The options that train a trial for at most `iterations`, without refit. Throws InputError unless each option of the
/// space has a value that it takes; so does the next.
GCMC_EXPORT Options trial_options(const TunePlan& plan, const TrialValues& values, Offset iterations);
/// The options that train a trial in full: the whole budget, refit as in the plan.
GCMC_EXPORT Options winner_options(const TunePlan& plan, const TrialValues& values);

struct Rung {
  Index trials = 0;
  Offset iterations = 0;
};
/// Of R rungs, rung r (from 1) has the floor(1/eta) of the rung before and max_iterations / eta^(R - r) iterations, so
/// that each costs about the same. R is plan.rungs, or the largest that leaves a trial and an iteration to each.
/// Throws InputError if eta is below 2 or plan.rungs below 1.
GCMC_EXPORT std::vector<Rung> tune_rungs(const TunePlan& plan, Index trials);

/// One training: a trial (numbered from 1), in a rung (from 1), with one of its seeds (from 0).
struct TuneRun {
  Index trial = 0, rung = 0, repeat = 0;
  std::optional<double> valid_rmse;  ///< none: it failed
  Offset best_iteration = 0;
  double seconds = 0;
  std::string error;  ///< why it failed
  friend bool operator==(const TuneRun&, const TuneRun&) = default;
};

/// A trial so far. `valid_rmse` has a value for each rung that it got through: the mean over its seeds.
struct TrialResult {
  Index trial = 0;
  TrialValues values;
  std::vector<double> valid_rmse;
  double best_iteration = 0;  ///< in its last rung; mean over its seeds
  std::string error;          ///< why it failed; empty: it did not
};

/// What the runs say: who went further is before who did not, the lower RMSE of the last rung first, equal ones by
/// number, and failed ones at the end. Only trials with at least one whole rung or a failure are listed.
GCMC_EXPORT std::vector<TrialResult> rank_trials(const TunePlan& plan, std::vector<TuneRun> runs);
/// The best trial if it got through the last rung of a finished search, else none.
GCMC_EXPORT const TrialResult* winner(const TunePlan& plan, const std::vector<TrialResult>& ranking);
const TrialResult* winner(const TunePlan&, std::vector<TrialResult>&&) = delete;  // of which it is one

/// What one training tells.
struct TrialOutcome {
  double valid_rmse = 0;
  Offset best_iteration = 0;
};
/// Trains with these options; none if it was stopped. An Error it throws, or an RMSE that is not finite, is a failed
/// run; anything else ends the search, std::bad_alloc too. Called from several threads at once.
using TrialTrainer = std::function<std::optional<TrialOutcome>(const Options&, std::stop_token)>;

struct TuneResult {
  std::vector<TuneRun> runs;  ///< by rung, trial and seed
  bool complete = false;      ///< false: stopped before its end
};

/// Successive halving (Jamieson and Talwalkar 2016): every trial is trained in rung 1; of each rung the best go on, and
/// are trained anew with the next one's budget. The place of a trial that fails goes to the next best of the rung
/// before. Of one rung, as many runs as `threads` are trained at once, each with an even share of the threads. The
/// result depends on neither threads nor timing. `done` are runs of an earlier, stopped search of the same plan, which
/// are not trained again. Calls on_run after each run, one call at a time. When `stop` asks for it, the running ones
/// are given up and the finished ones returned.
GCMC_EXPORT TuneResult tune(const TunePlan& plan, const TrialTrainer& trainer, int threads,
                            std::vector<TuneRun> done = {}, const std::function<void(const TuneRun&)>& on_run = {},
                            std::stop_token stop = {});

/// A trainer by `train_one`, on ratings that without_test has freed from the test part; on_iteration is called after
/// every iteration of any run. The ratings must outlive it, and `train_one` be fit for calls from several threads at
/// once.
GCMC_EXPORT TrialTrainer trial_trainer(const Ratings& ratings, std::function<void()> on_iteration = {},
                                       TrainFunction train_one = train_on_cpu);
TrialTrainer trial_trainer(Ratings&&, std::function<void()> = {}, TrainFunction = train_on_cpu) = delete;

}  // namespace gcmc
