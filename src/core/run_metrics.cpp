// What follows from a run's figures: means over several runs, and whether the baseline was beaten.
#include <cmath>

#include "gcmc/report.hpp"

namespace gcmc {
namespace {

/// Mean of `value` over the members that have it; 0 if none has.
template <class Function>
double mean_over(const std::vector<RunMetrics>& members, const Function& value) {
  double sum = 0;
  int count = 0;
  for (const RunMetrics& member : members)
    if (const std::optional<double> one = value(member)) {
      sum += *one;
      ++count;
    }
  return count ? sum / count : 0;
}

}  // namespace

std::optional<bool> RunMetrics::beats_baseline() const {
  if (test_ratings > 0) return best_test_rmse < baseline_test_rmse;
  if (!best_valid_rmse || !baseline_valid_rmse || valid_in_training) return std::nullopt;
  return *best_valid_rmse < *baseline_valid_rmse;
}

double EnsembleMetrics::mean_valid_rmse() const {
  return mean_over(members, [](const RunMetrics& member) { return member.best_valid_rmse; });
}
double EnsembleMetrics::mean_test_rmse() const {
  return mean_over(members, [](const RunMetrics& member) { return std::optional(member.best_test_rmse); });
}
double EnsembleMetrics::test_rmse_deviation() const {
  if (members.size() < 2) return 0;
  const double mean = mean_test_rmse(), count = static_cast<double>(members.size());
  const double square = mean_over(members, [&](const RunMetrics& member) {
    return std::optional((member.best_test_rmse - mean) * (member.best_test_rmse - mean));
  });
  return std::sqrt(square * count / (count - 1));
}
std::optional<bool> EnsembleMetrics::beats_baseline() const {
  if (members.empty() || test.count == 0) return std::nullopt;
  return test.rmse() < members.front().baseline_test_rmse;
}

}  // namespace gcmc
