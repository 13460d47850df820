#include "progress.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "notes.hpp"

namespace {

using Phase = gcmc::Progress::Phase;

constexpr std::chrono::milliseconds between_redraws{100};

template <class... Values>
std::string text(const char* format, Values... values) {
  std::array<char, 256> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600) return text("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return text("%lld:%02lld", whole / 60, whole % 60);
}

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// A message is about to be printed: a line that is rewritten makes room.
void leave_line(bool rewritten) {
  if (rewritten) std::printf("\r\x1b[K");
  std::fflush(stdout);
}

std::string mean_iteration(const std::vector<gcmc::RunMetrics>& members) {
  double iterations = 0;
  for (const gcmc::RunMetrics& member : members) iterations += static_cast<double>(member.best_iteration);
  return text("Best Iter Idx=%.0f", iterations / static_cast<double>(members.size()));
}

}  // namespace

std::string figure(double error) {
  const double size = std::abs(error);
  const bool small = size > 0 && size < 0.1;
  return text("%.*f", small ? 3 - static_cast<int>(std::floor(std::log10(size))) : 4, error);
}

bool is_terminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(descriptor) && kind && std::string_view(kind) != "dumb";
}

bool output_is_closed() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return poll(&output, 1, 0) > 0 && (output.revents & POLLERR);
}

ProgressPrinter::ProgressPrinter(const Settings& settings)
    : silent_(settings.program.silent),
      terminal_(is_terminal(STDOUT_FILENO)),
      may_end_early_(settings.options.train.schedule == gcmc::Schedule::plateau),
      keeps_(!settings.program.save_dir.empty()),
      member_(settings.options.run.folds > 0 ? "fold" : "model"),
      log_interval_(settings.program.log_interval),
      time_left_(settings.options),
      may_be_long_(settings.program.checkpoint_dir.empty() && !settings.program.resume &&
                   settings.options.train.time_budget == 0 &&
                   (settings.options.run.folds == 0 || settings.options.run.fold > 0)) {}

void ProgressPrinter::operator()(const gcmc::Progress& progress) {
  const std::lock_guard lock(mutex_);
  const bool next_refit = std::exchange(refit_, progress.refit) != progress.refit;
  const bool refit_begins = progress.phase == Phase::refit && (phase_ != Phase::refit || next_refit);
  phase_ = progress.phase;
  draws_ = progress.draws;
  steps_are_done_ = phase_ != Phase::embedding && progress.iteration == progress.max_iterations;
  const bool next_model = std::exchange(model_, progress.model) != progress.model;
  refits_ = progress.phase == Phase::refit || (refits_ && progress.phase == Phase::embedding);
  time_left_.observe(progress);
  tell_long_run();
  if (next_model || refit_begins) {
    loss_ = train_rmse_ = seconds_ = 0;
    steps_ = 0;
  }
  if (silent_) return;
  if (next_model) {
    valid_rmse_ = -1;
    validation_told_at_ = 0;
    if (!terminal_) std::printf("%s %d of %d\n", *member_ == 'f' ? "Fold" : "Model", progress.model, progress.models);
  }
  if (progress.phase == Phase::embedding) return tell_embedding(progress);
  if (progress.valid_rmse) valid_rmse_ = *progress.valid_rmse;
  loss_ += progress.loss;
  train_rmse_ += progress.train_rmse;
  seconds_ += progress.seconds_step;
  ++steps_;
  if (terminal_)
    rewrite(progress);
  else
    print_line(progress);
}

void ProgressPrinter::tell_stop() {
  const std::lock_guard lock(mutex_);
  leave_line(!silent_ && terminal_ && drawn_at_ != decltype(drawn_at_){});
  const char* end = keeps_ ? "tested and saved" : "tested";
  std::string what;
  if (finished_)
    what = "training has ended, and the files are being written";
  else if (model_ > 1)
    what = text("%s %d is given up, those before it are kept", member_, model_);
  else if (phase_ == Phase::embedding)
    what = text("no more draws: the embeddings are of one pass instead of %d, then the model is %s", draws_, end);
  else if (steps_are_done_)
    what = text("the last iteration is done, the model is %s", end);
  else if (phase_ == Phase::refit && refit_ > 1)
    what = text("refit %d is given up, the model of those before it is %s", refit_, end);
  else if (phase_ == Phase::refit)
    what = text("the refit is given up, the model of the first training is %s", end);
  else
    what = text("this iteration ends, then the model so far is %s", end);
  std::fprintf(stderr, "gcmc: stopping: %s; a second Ctrl-C ends at once\n", what.c_str());
}

/// Once the estimate is worth something.
void ProgressPrinter::tell_long_run() {
  constexpr std::chrono::seconds settled{3};
  constexpr double long_run = 600;
  if (!may_be_long_ || std::chrono::steady_clock::now() - start_ < settled) return;
  may_be_long_ = false;
  const double seconds = time_left_.seconds();
  if (seconds <= long_run) return;
  leave_line(!silent_ && terminal_);
  tell_note("this training may take " + duration(seconds) +
            ": with --checkpoint-dir DIR (or --save-dir DIR --resume) the same command goes on after a cut");
}

/// On a terminal each draw, elsewhere the first.
void ProgressPrinter::tell_embedding(const gcmc::Progress& progress) {
  if (!terminal_ && progress.draw == 1) {
    std::printf("Averaging embeddings over %d draws of dropout\n", progress.draws);
    std::fflush(stdout);
  }
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || (progress.draw > 1 && now - drawn_at_ < between_redraws)) return;
  drawn_at_ = now;
  rewrite_line(model_prefix(progress) + text("averaging embeddings: draw %d/%d  ", progress.draw, progress.draws) +
               duration(time_left_.seconds()) + " left");
}

/// With its number where there are several.
std::string ProgressPrinter::refit_text(const char* name, const gcmc::Progress& progress) {
  return name + (progress.refits > 1 ? text(" %d/%d", progress.refit, progress.refits) : "") + " ";
}

std::string ProgressPrinter::model_prefix(const gcmc::Progress& progress) const {
  return progress.models > 1 ? text("%s %d/%d  ", member_, progress.model, progress.models) : "";
}

void ProgressPrinter::rewrite(const gcmc::Progress& progress) {
  const bool last = progress.iteration == progress.max_iterations;
  const auto now = std::chrono::steady_clock::now();
  if (!last && now - drawn_at_ < between_redraws) return;
  drawn_at_ = now;
  const bool refit = progress.phase == Phase::refit;
  std::string line =
      model_prefix(progress) + (refit ? refit_text("refit", progress) : "") +
      text("%lld/%lld  ", static_cast<long long>(progress.iteration), static_cast<long long>(progress.max_iterations));
  line += (may_end_early_ && !refit ? "at most " : "") + duration(time_left_.seconds()) + " left";
  if (valid_rmse_ >= 0 && !refit)
    line += "  Val RMSE " + figure(valid_rmse_) + "  best " + figure(progress.best_valid_rmse) +
            text(" at %lld", static_cast<long long>(progress.best_iteration));
  rewrite_line(line + "  loss " + figure(progress.loss));
}

void ProgressPrinter::rewrite_line(std::string line) {
  line.resize(std::min(line.size(), terminal_columns() - 1));
  std::printf("\r\x1b[K%s", line.c_str());
  std::fflush(stdout);
}

/// Means since the last line, at each log interval, and at validations that lie as far apart or further.
void ProgressPrinter::print_line(const gcmc::Progress& progress) {
  const bool tells_validation = progress.valid_rmse && progress.iteration - validation_told_at_ >= log_interval_;
  if (progress.iteration % log_interval_ != 0 && !tells_validation) return;
  if (progress.valid_rmse) validation_told_at_ = progress.iteration;
  const auto steps = static_cast<double>(steps_);
  std::string line = (progress.phase == Phase::refit ? refit_text("Refit", progress) : "") +
                     text("Iter=%lld", static_cast<long long>(progress.iteration)) + ", loss=" + figure(loss_ / steps) +
                     ", rmse=" + figure(train_rmse_ / steps) + text(", time=%.4f", seconds_ / steps);
  if (progress.valid_rmse) line += ",\tVal RMSE=" + figure(*progress.valid_rmse);
  if (progress.test_rmse) line += ", Test RMSE=" + figure(*progress.test_rmse);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  steps_ = 0;
  loss_ = train_rmse_ = seconds_ = 0;
}

void ProgressPrinter::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  if (silent_ || !terminal_ || drawn_at_ == decltype(drawn_at_){}) return;
  std::printf("\n");
  std::fflush(stdout);
}

TunePrinter::TunePrinter(const gcmc::TunePlan& plan, const std::vector<gcmc::TuneRun>& done, bool silent)
    : plan_(plan),
      silent_(silent),
      trials_(gcmc::draw_trials(plan)),
      rungs_(gcmc::tune_rungs(plan, static_cast<gcmc::Index>(trials_.size()))),
      terminal_(is_terminal(STDOUT_FILENO)) {
  std::string what;
  for (const gcmc::Rung& rung : rungs_) {
    planned_runs_ += gcmc::Offset{rung.trials} * plan.base.train.seeds;
    planned_ += gcmc::Offset{rung.trials} * plan.base.train.seeds * rung.iterations;
    what += text("%s%d x %lld", what.empty() ? "" : ", ", rung.trials, static_cast<long long>(rung.iterations));
  }
  for (const gcmc::TuneRun& run : done) count(run);
  resumed_ = iterations_ = ended_;
  if (silent_) return;
  std::printf("Search of %zu options, trials x iterations: %s\n", plan.space.size(), what.c_str());
  if (!done.empty())
    std::printf("%zu runs are done%s\n", done.size(), runs_ < planned_runs_ ? ", the search goes on" : "");
  std::fflush(stdout);
}

void TunePrinter::count(const gcmc::TuneRun& run) {
  planned_runs_ = std::max(planned_runs_, ++runs_);
  ended_ += rungs_[static_cast<std::size_t>(run.rung - 1)].iterations;
  const bool better = run.rung > best_.rung || (run.rung == best_.rung && run.valid_rmse < best_.valid_rmse);
  if (run.valid_rmse && better) best_ = run;
}

void TunePrinter::iteration() {
  const std::lock_guard lock(mutex_);
  ++iterations_;
  rewrite();
}

void TunePrinter::operator()(const gcmc::TuneRun& run) {
  const std::lock_guard lock(mutex_);
  count(run);
  if (terminal_)
    rewrite();
  else
    print_line(run);
}

void TunePrinter::print_line(const gcmc::TuneRun& run) const {
  if (silent_) return;
  std::string line = text("Trial=%d, Rung=%d/%zu, Iter=%lld", run.trial, run.rung, rungs_.size(),
                          static_cast<long long>(rungs_[static_cast<std::size_t>(run.rung - 1)].iterations));
  if (plan_.base.train.seeds > 1)
    line += ", Seed=" + std::to_string(plan_.base.train.seed + static_cast<std::uint64_t>(run.repeat));
  line += text(", time=%.1f", run.seconds);
  if (run.valid_rmse)
    line +=
        text(", Best Iter Idx=%lld, Val RMSE=", static_cast<long long>(run.best_iteration)) + figure(*run.valid_rmse);
  else
    line += ", failed: " + run.error;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void TunePrinter::rewrite() {
  const auto now = std::chrono::steady_clock::now();
  if (silent_ || !terminal_ || now - drawn_at_ < between_redraws) return;
  drawn_at_ = now;
  std::string line = text("%lld/%lld runs", static_cast<long long>(runs_), static_cast<long long>(planned_runs_));
  if (best_.valid_rmse)
    line += "  best validation RMSE " + figure(*best_.valid_rmse) +
            text(" of trial %d after %lld iterations", best_.trial,
                 static_cast<long long>(rungs_[static_cast<std::size_t>(best_.rung - 1)].iterations));
  const auto done = static_cast<double>(std::max(iterations_, ended_));
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double speed = (done - static_cast<double>(resumed_)) / seconds;
  if (speed > 0) line += "  " + duration(std::max(static_cast<double>(planned_) - done, 0.0) / speed) + " left";
  line.resize(std::min(line.size(), terminal_columns() - 1));
  std::printf("\r\x1b[K%s", line.c_str());
  std::fflush(stdout);
}

void TunePrinter::tell_stop() {
  const std::lock_guard lock(mutex_);
  leave_line(!silent_ && terminal_ && drawn_at_ != decltype(drawn_at_){});
  std::fprintf(stderr, "gcmc: stopping: the running trainings are left where they are; a second Ctrl-C ends at once\n");
}

void TunePrinter::finish() {
  if (drawn_at_ == decltype(drawn_at_){}) return;
  std::printf("\n");
  std::fflush(stdout);
}

std::string summary_line(const gcmc::TrialResult& best) {
  return text("Best Trial=%d, Best Iter Idx=%.0f, Best Valid RMSE=", best.trial, best.best_iteration) +
         figure(best.valid_rmse.back());
}

std::string summary_line(const gcmc::RunMetrics& metrics) {
  std::string line = text("Best Iter Idx=%lld", static_cast<long long>(metrics.best_iteration));
  if (metrics.best_valid_rmse) line += ", Best Valid RMSE=" + figure(*metrics.best_valid_rmse);
  if (metrics.test_ratings > 0) line += ", Best Test RMSE=" + figure(metrics.best_test_rmse);
  return line;
}

std::string summary_line(const gcmc::FoldMetrics& metrics) {
  std::string line = mean_iteration(metrics.folds);
  if (metrics.mean_valid_rmse() > 0) line += ", Best Valid RMSE=" + figure(metrics.mean_valid_rmse());
  line += ", Best Test RMSE=" + figure(metrics.mean_test_rmse());
  if (metrics.folds.size() > 1) line += ", deviation=" + figure(metrics.test_rmse_deviation());
  return line + text(", folds=%zu", metrics.folds.size());
}

std::string summary_line(const gcmc::EnsembleMetrics& metrics) {
  std::string line = mean_iteration(metrics.members);
  if (metrics.mean_valid_rmse() > 0) line += ", Best Valid RMSE=" + figure(metrics.mean_valid_rmse());
  if (metrics.test.count > 0) line += ", Best Test RMSE=" + figure(metrics.test.rmse());
  return line;
}
