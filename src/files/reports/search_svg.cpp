// A search as an SVG: validation RMSE of every trial over the rungs, and the values of the best five.
#include <algorithm>

#include "gcmc/files/search_folder.hpp"
#include "svg.hpp"

namespace gcmc {
namespace {

constexpr double plot_top = 106, plot_bottom = 352, table_top = 424, row_height = 19;
constexpr std::size_t table_rows = 5;

struct Plot {
  std::vector<Rung> rungs;
  std::vector<TrialResult> ranking;  ///< those with an RMSE that can be drawn
  const TrialResult* best = nullptr;
  Extent y;

  /// The rungs lie evenly: their iterations grow by a factor.
  double column(std::size_t rung) const {
    const double width = (plot_right - plot_left) / static_cast<double>(rungs.size());
    return plot_left + width * (static_cast<double>(rung) + 0.5);
  }
  bool above(double rmse) const { return rmse > y.high; }
  double row(double rmse) const {
    return std::max(plot_bottom - (rmse - y.low) / y.span() * (plot_bottom - plot_top), plot_top + 6);
  }
};

/// The better three quarters of all values and as much again, so that bad trials do not press the good ones flat; the
/// baseline unless it is far off.
Extent rmse_range(const std::vector<TrialResult>& ranking, double baseline) {
  std::vector<double> values;
  for (const TrialResult& trial : ranking)
    values.insert(values.end(), trial.valid_rmse.begin(), trial.valid_rmse.end());
  if (values.empty()) return {0, 1};
  std::sort(values.begin(), values.end());
  const double low = values.front(), quartile = values[values.size() * 3 / 4];
  Extent range{low, std::min(values.back(), 2 * quartile - low)};
  const double reach = range.span();
  if (baseline > range.low - reach && baseline < range.high + reach)
    range = {std::min(range.low, baseline), std::max(range.high, baseline)};
  const double margin = std::max(0.06 * range.span(), std::max(1e-3 * std::abs(low), 1e-6));
  return {range.low - margin, range.high + margin};
}

void draw_axes(Picture& picture, const Plot& plot) {
  const Ticks y = ticks(plot.y, 6, false);
  for (const double value : y.values) {
    picture.line(plot_left, plot.row(value), plot_right, plot.row(value), "#E4E7EB", 1);
    picture.text(plot_left - 9, plot.row(value) + 4.2, fixed(value, y.decimals), {12, grey, "end"});
  }
  for (std::size_t rung = 0; rung < plot.rungs.size(); ++rung) {
    const double x = plot.column(rung);
    picture.line(x, plot_top, x, plot_bottom, "#EEF0F2", 1);
    const Offset iterations = plot.rungs[rung].iterations;
    picture.text(x, plot_bottom + 18, count_text(iterations) + (iterations == 1 ? " iteration" : " iterations"),
                 {12, dark, "middle"});
    const auto trained = std::count_if(plot.ranking.begin(), plot.ranking.end(),
                                       [&](const TrialResult& trial) { return trial.valid_rmse.size() > rung; });
    picture.text(x, plot_bottom + 34, count_text(trained) + (trained == 1 ? " trial" : " trials"),
                 {12, grey, "middle"});
  }
  picture.line(plot_left, plot_bottom, plot_right, plot_bottom, "#9AA1AB", 1);
}

/// The trial's points, joined; one above the plot is hollow, at its upper edge.
void draw_trial(Picture& picture, const Plot& plot, const TrialResult& trial) {
  const bool best = &trial == plot.best;
  const char* colour = best ? vermillion : blue;
  for (std::size_t rung = 1; rung < trial.valid_rmse.size(); ++rung)
    picture.line(plot.column(rung - 1), plot.row(trial.valid_rmse[rung - 1]), plot.column(rung),
                 plot.row(trial.valid_rmse[rung]), best ? vermillion : "#A9C7DC", best ? 2 : 1);
  for (std::size_t rung = 0; rung < trial.valid_rmse.size(); ++rung) {
    const double rmse = trial.valid_rmse[rung];
    picture.circle(plot.column(rung), plot.row(rmse), best ? 4 : 2.6, plot.above(rmse) ? "#FFFFFF" : colour, colour);
  }
}

/// Names the best trial and the baseline in the right margin, apart from each other.
void draw_labels(Picture& picture, const Plot& plot, double baseline) {
  const bool baseline_shown = baseline > plot.y.low && baseline < plot.y.high;
  double best_row = -100;
  if (plot.best) {
    best_row = plot.row(plot.best->valid_rmse.back());
    picture.text(plot_right + 9, best_row + 4.2,
                 "trial " + std::to_string(plot.best->trial) + ": " + value_text(plot.best->valid_rmse.back()),
                 {12, vermillion, "start", true});
  }
  if (!baseline_shown) return;
  double row = plot.row(baseline);
  picture.line(plot_left, row, plot_right, row, grey, 1.5, "6 4");
  if (std::abs(row - best_row) < 16) row = best_row + (row < best_row ? -16 : 16);
  picture.text(plot_right + 9, row + 4.2, "baseline " + value_text(baseline), {12, grey});
}

/// A table of the best trials, with as many options as fit.
void draw_table(Picture& picture, const TuneReport& report, const Plot& plot) {
  const std::size_t rows = std::min(table_rows, plot.ranking.size());
  double x = plot_left;
  const auto column = [&](const std::string& name, const auto& cell) {
    std::size_t longest = name.size();
    for (std::size_t k = 0; k < rows; ++k) longest = std::max(longest, cell(plot.ranking[k]).size());
    const double next = x + 7 * static_cast<double>(longest) + 18;
    const bool fits = next < page_width - 10;
    picture.text(x, table_top, fits ? name : "\u2026", {12, grey});
    for (std::size_t k = 0; k < rows && fits; ++k) {
      const bool best = &plot.ranking[k] == plot.best;
      picture.text(x, table_top + row_height * static_cast<double>(k + 1), cell(plot.ranking[k]),
                   {12, best ? vermillion : dark, "start", best});
    }
    x = next;
    return fits;
  };
  column("trial", [](const TrialResult& trial) { return std::to_string(trial.trial); });
  column("RMSE", [](const TrialResult& trial) { return value_text(trial.valid_rmse.back()); });
  column("iterations",
         [&](const TrialResult& t) { return count_text(plot.rungs[t.valid_rmse.size() - 1].iterations); });
  for (std::size_t j = 0; j < report.plan.space.size(); ++j)
    if (!column(report.plan.space[j].option, [&](const TrialResult& trial) { return trial.values[j]; })) break;
}

std::string subtitle(const TuneReport& report, const Plot& plot, std::size_t trials, Offset failed) {
  std::string text = count_text(static_cast<Offset>(trials)) + (trials == 1 ? " trial" : " trials");
  if (failed) text += ", " + std::to_string(failed) + " of them failed";
  if (!report.result.complete) text += " (stopped before the end)";
  if (report.plan.base.train.seeds > 1)
    text += "; means over " + std::to_string(report.plan.base.train.seeds) + " seeds";
  if (plot.best) {
    text += "; best validation RMSE " + value_text(plot.best->valid_rmse.back());
    text += ", bias baseline " + value_text(report.baseline_valid_rmse);
    if (plot.best->valid_rmse.back() >= report.baseline_valid_rmse) text += ", which it does not beat";
  }
  return text;
}

}  // namespace

std::string tune_svg(const TuneReport& report) {
  Plot plot;
  plot.rungs = tune_rungs(report.plan, static_cast<Index>(draw_trials(report.plan).size()));
  plot.ranking = rank_trials(report.plan, report.result.runs);
  const auto undrawable = [](const TrialResult& trial) {
    return trial.valid_rmse.empty() || !std::all_of(trial.valid_rmse.begin(), trial.valid_rmse.end(), drawable);
  };
  const std::size_t trials = plot.ranking.size();
  const Offset failed = std::count_if(plot.ranking.begin(), plot.ranking.end(),
                                      [](const TrialResult& trial) { return !trial.error.empty(); });
  std::erase_if(plot.ranking, undrawable);
  if (!plot.ranking.empty() && plot.ranking.front().error.empty()) plot.best = &plot.ranking.front();
  plot.y = rmse_range(plot.ranking, report.baseline_valid_rmse);

  Picture picture;
  picture.begin("Search: " + escaped(report.dataset), subtitle(report, plot, trials, failed));
  picture.text(plot_left, plot_top - 9, "validation RMSE", {12, grey});
  draw_axes(picture, plot);
  for (auto trial = plot.ranking.rbegin(); trial != plot.ranking.rend(); ++trial) draw_trial(picture, plot, *trial);
  draw_labels(picture, plot, report.baseline_valid_rmse);
  draw_table(picture, report, plot);
  picture.add("</svg>");
  return picture.take();
}

}  // namespace gcmc
