#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

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

}  // namespace

bool is_terminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(descriptor) && kind && std::string_view(kind) != "dumb";
}

ProgressPrinter::ProgressPrinter(const gcmc::Options& options)
    : silent_(options.run.silent),
      terminal_(is_terminal(STDOUT_FILENO)),
      log_interval_(options.train.log_interval),
      valid_interval_(options.train.valid_interval) {}

void ProgressPrinter::operator()(const gcmc::Progress& progress) {
  if (silent_) return;
  if (progress.model != model_) {
    model_ = progress.model;
    valid_rmse_ = -1;
    if (!terminal_) std::printf("Model %d of %d\n", progress.model, progress.models);
  }
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

void ProgressPrinter::rewrite(const gcmc::Progress& progress) {
  const bool last = progress.iteration == progress.max_iterations;
  const auto now = std::chrono::steady_clock::now();
  if (!last && now - drawn_at_ < between_redraws) return;
  drawn_at_ = now;
  const auto remaining = static_cast<double>(progress.max_iterations - progress.iteration);
  std::string line = progress.models > 1 ? text("model %d/%d  ", progress.model, progress.models) : "";
  line +=
      text(progress.refit ? "refit %lld/%lld  loss %.4f" : "%lld/%lld  loss %.4f",
           static_cast<long long>(progress.iteration), static_cast<long long>(progress.max_iterations), progress.loss);
  if (valid_rmse_ >= 0)
    line += text("  validation RMSE %.4f  best %.4f at %lld", valid_rmse_, progress.best_valid_rmse,
                 static_cast<long long>(progress.best_iteration));
  line += "  " +
          duration(progress.seconds_total / static_cast<double>(std::max<gcmc::Offset>(progress.iteration, 1)) *
                   remaining) +
          " left";
  line.resize(std::min(line.size(), terminal_columns() - 1));
  std::printf("\r\x1b[K%s", line.c_str());
  std::fflush(stdout);
}

/// Means since the last line, at each log interval and at validations that are rarer than that.
void ProgressPrinter::print_line(const gcmc::Progress& progress) {
  const bool rare_validation = progress.valid_rmse && valid_interval_ >= log_interval_;
  if (progress.iteration % log_interval_ != 0 && !rare_validation) return;
  const auto steps = static_cast<double>(steps_);
  std::string line =
      text(progress.refit ? "Refit Iter=%lld, loss=%.4f, rmse=%.4f, time=%.4f"
                          : "Iter=%lld, loss=%.4f, rmse=%.4f, time=%.4f",
           static_cast<long long>(progress.iteration), loss_ / steps, train_rmse_ / steps, seconds_ / steps);
  if (progress.valid_rmse) line += text(",\tVal RMSE=%.4f", *progress.valid_rmse);
  if (progress.test_rmse) line += text(", Test RMSE=%.4f", *progress.test_rmse);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  steps_ = 0;
  loss_ = train_rmse_ = seconds_ = 0;
}

void ProgressPrinter::finish() {
  if (silent_ || !terminal_ || drawn_at_ == decltype(drawn_at_){}) return;
  std::printf("\n");
  std::fflush(stdout);
}

std::string summary_line(const gcmc::RunMetrics& metrics) {
  std::string line = text("Best Iter Idx=%lld", static_cast<long long>(metrics.best_iteration));
  if (metrics.best_valid_rmse) line += text(", Best Valid RMSE=%.4f", *metrics.best_valid_rmse);
  if (metrics.test_ratings > 0) line += text(", Best Test RMSE=%.4f", metrics.best_test_rmse);
  return line;
}

std::string summary_line(const gcmc::EnsembleMetrics& metrics) {
  double iterations = 0;
  for (const gcmc::RunMetrics& member : metrics.members) iterations += static_cast<double>(member.best_iteration);
  std::string line = text("Best Iter Idx=%.0f", iterations / static_cast<double>(metrics.members.size()));
  if (metrics.mean_valid_rmse() > 0) line += text(", Best Valid RMSE=%.4f", metrics.mean_valid_rmse());
  if (metrics.test.count > 0) line += text(", Best Test RMSE=%.4f", metrics.test.rmse());
  return line;
}
