// The training curve as an SVG: RMSE above, loss below, one iteration axis.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/files/run_folder.hpp"
#include "svg.hpp"

namespace gcmc {
namespace {

struct Point {
  double x = 0, y = 0;
};

struct Series {
  const char* name;
  const char* colour;
  std::vector<Point> points;
  bool sparse = false;  ///< read at some iterations only: marked, and its last value held to the right edge
};

/// One plot: its pixel rows (of the legend, the plot's top and bottom), what it shows, and the value range that fills
/// it.
struct Panel {
  const char* title;
  double legend, top, bottom;
  std::vector<Series> series;
  Extent x, y;
  std::optional<double> baseline;

  double column(double value) const { return plot_left + (value - x.low) / x.span() * (plot_right - plot_left); }
  double row(double value) const { return bottom - (value - y.low) / y.span() * (bottom - top); }
};

/// What fills a plot: the first series without the few early values that would press the rest flat (at most one more
/// span above the 90th and below the 1st percentile), every `shown` value and every series' last, and the baseline
/// unless it is far off.
Extent robust_range(const std::vector<Series>& series, std::vector<double> shown, std::optional<double> baseline) {
  std::vector<double> values;
  for (const Series& one : series)
    if (!one.points.empty()) shown.push_back(one.points.back().y);
  if (!series.empty())
    for (const Point& point : series.front().points) values.push_back(point.y);
  values.insert(values.end(), shown.begin(), shown.end());
  if (values.empty()) return {0, 1};
  std::sort(values.begin(), values.end());
  const auto percentile = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  const double low = percentile(0.01), high = percentile(0.9), span = high - low;
  Extent range{std::max(values.front(), low - span), std::min(values.back(), high + span)};
  for (const double value : shown) range = {std::min(range.low, value), std::max(range.high, value)};
  const double reach = 1.5 * range.span();
  if (baseline && *baseline > range.low - reach && *baseline < range.high + reach)
    range = {std::min(range.low, *baseline), std::max(range.high, *baseline)};
  const double smallest = std::max(std::abs(range.low) * 0.02, 1e-6);
  const double margin = range.span() < smallest ? smallest : 0.06 * range.span();
  return {range.low - margin, range.high + margin};
}

/// At most about 600 points that draw the same line: of each of 300 runs of points, the lowest and the highest.
std::vector<Point> decimated(const std::vector<Point>& points) {
  constexpr std::size_t runs = 300;
  if (points.size() <= 2 * runs) return points;
  std::vector<Point> kept = {points.front()};
  for (std::size_t run = 0; run < runs; ++run) {
    const auto begin = points.begin() + static_cast<Offset>(run * points.size() / runs);
    const auto end = points.begin() + static_cast<Offset>((run + 1) * points.size() / runs);
    auto [low, high] = std::minmax_element(begin, end, [](Point a, Point b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  kept.push_back(points.back());
  return kept;
}

void draw_axes(Picture& picture, const Panel& panel, bool iterations_labelled) {
  const Ticks y = ticks(panel.y, panel.bottom - panel.top > 150 ? 6 : 4, false), x = ticks(panel.x, 10, true);
  for (const double value : y.values) {
    picture.line(plot_left, panel.row(value), plot_right, panel.row(value), "#E4E7EB", 1);
    picture.text(plot_left - 9, panel.row(value) + 4.2, fixed(value, y.decimals), {12, grey, "end"});
  }
  for (const double value : x.values) {
    picture.line(panel.column(value), panel.top, panel.column(value), panel.bottom, "#EEF0F2", 1);
    if (iterations_labelled)
      picture.text(panel.column(value), panel.bottom + 18, count_text(static_cast<Offset>(std::llround(value))),
                   {12, grey, "middle"});
  }
  picture.line(plot_left, panel.bottom, plot_right, panel.bottom, "#9AA1AB", 1);
}

/// The panel's title, then one swatch and name a line.
void draw_legend(Picture& picture, const Panel& panel) {
  const double y = panel.legend;
  picture.text(plot_left, y, panel.title, {14, dark, "start", true});
  double x = plot_left + 8.4 * static_cast<double>(std::string_view(panel.title).size()) + 26;
  const auto entry = [&](const std::string& name, const char* colour, const char* dashes, bool dotted) {
    picture.line(x, y - 4.5, x + 26, y - 4.5, colour, 2, dashes);
    if (dotted) picture.circle(x + 13, y - 4.5, 2.2, colour, colour);
    picture.text(x + 32, y, name, {12, dark});
    x += 32 + 6.7 * static_cast<double>(name.size()) + 20;
  };
  for (const Series& series : panel.series) entry(series.name, series.colour, "", series.sparse);
  if (panel.baseline) entry("bias baseline (test)", grey, "6 4", false);
}

void draw_series(Picture& picture, const Panel& panel, const Series& series) {
  const auto points = decimated(series.points);
  if (points.empty()) return;
  std::string path;
  for (const Point& point : points)
    path += (path.empty() ? "" : " ") + pixel(panel.column(point.x)) + "," + pixel(panel.row(point.y));
  picture.add("<polyline points=\"" + path + "\" fill=\"none\" stroke=\"" + series.colour +
              "\" stroke-width=\"1.4\" stroke-linejoin=\"round\"/>");
  const bool marked = points.size() == 1 || (series.sparse && points.size() <= 40);
  for (const Point& point : points)
    if (marked) picture.circle(panel.column(point.x), panel.row(point.y), 1.6, series.colour, series.colour);
  const Point last = points.back();
  if (series.sparse && panel.column(last.x) < plot_right - 1)
    picture.line(panel.column(last.x), panel.row(last.y), plot_right, panel.row(last.y), series.colour, 1.2, "1.5 3.5");
}

/// Names the lines where they end, in the right margin, moved apart where they would overlap.
void draw_end_labels(Picture& picture, const Panel& panel) {
  struct Label {
    double y;
    std::string text;
    const char* colour;
  };
  std::vector<Label> labels;
  for (const Series& series : panel.series)
    if (!series.points.empty())
      labels.push_back(
          {panel.row(series.points.back().y), series.name + (" " + value_text(series.points.back().y)), series.colour});
  if (panel.baseline) {
    const char* arrow = *panel.baseline > panel.y.high ? " \u2191" : *panel.baseline < panel.y.low ? " \u2193" : "";
    labels.push_back({panel.row(*panel.baseline), "baseline " + value_text(*panel.baseline) + arrow, grey});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  constexpr double height = 16;
  double lowest = panel.top + 4;
  for (Label& label : labels) {
    label.y = std::max(std::min(label.y, panel.bottom - 2), lowest);
    lowest = label.y + height;
  }
  double highest = panel.bottom - 2;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    label->y = std::min(label->y, highest);
    highest = label->y - height;
  }
  for (const Label& label : labels) picture.text(plot_right + 9, label.y + 4.2, label.text, {12, label.colour});
}

void draw_panel(Picture& picture, const Panel& panel, bool iterations_labelled) {
  draw_axes(picture, panel, iterations_labelled);
  draw_legend(picture, panel);
  const std::string clip = std::string("clip-") + panel.title;
  picture.add("<clipPath id=\"" + clip + "\"><rect x=\"" + pixel(plot_left - 4) + "\" y=\"" + pixel(panel.top) +
              "\" width=\"" + pixel(plot_right - plot_left + 8) + "\" height=\"" + pixel(panel.bottom - panel.top) +
              "\"/></clipPath>");
  picture.add("<g clip-path=\"url(#" + clip + ")\">");
  if (panel.baseline)
    picture.line(plot_left, panel.row(*panel.baseline), plot_right, panel.row(*panel.baseline), grey, 1.5, "6 4");
  for (const Series& series : panel.series) draw_series(picture, panel, series);
  picture.add("</g>");
  draw_end_labels(picture, panel);
}

/// A line through both panels, its figures above them, rings at the RMSE it names.
void draw_best(Picture& picture, const Panel& rmse, const Panel& loss, const RunMetrics& metrics) {
  const double x = rmse.column(static_cast<double>(metrics.best_iteration));
  if (metrics.best_iteration <= 0 || !(x >= plot_left && x <= plot_right)) return;
  for (const Panel* panel : {&rmse, &loss}) picture.line(x, panel->top, x, panel->bottom, dark, 1, "2 3");
  std::string label = "best: iteration " + count_text(metrics.best_iteration);
  if (metrics.best_valid_rmse && drawable(*metrics.best_valid_rmse)) {
    label += ", validation " + value_text(*metrics.best_valid_rmse);
    picture.circle(x, rmse.row(*metrics.best_valid_rmse), 4.5, "#FFFFFF", blue);
  }
  if (metrics.test_ratings > 0 && drawable(metrics.best_test_rmse)) {
    label += ", test " + value_text(metrics.best_test_rmse);
    picture.circle(x, rmse.row(metrics.best_test_rmse), 4.5, "#FFFFFF", vermillion);
  }
  const double half = 3.5 * static_cast<double>(label.size());
  const double middle = std::clamp(x, plot_left + half, std::max(plot_left + half, page_width - 20 - half));
  picture.text(middle, rmse.top - 7, label, {12, dark, "middle", true});
}

Series collect(const std::vector<HistoryRow>& history, const char* name, const char* colour,
               std::optional<double> (*value)(const HistoryRow&)) {
  Series series{name, colour, {}, false};
  for (const HistoryRow& row : history)
    if (const auto y = value(row); y && drawable(*y)) series.points.push_back({static_cast<double>(row.iteration), *y});
  return series;
}

Panel rmse_panel(const std::vector<HistoryRow>& history, const RunMetrics& metrics) {
  Panel panel{"RMSE", 98, 132, 338, {}, {}, {}, {}};
  auto valid = collect(history, metrics.valid_in_training ? "validation*" : "validation", blue,
                       [](const HistoryRow& row) { return row.valid_rmse; });
  auto test = collect(history, "test", vermillion, [](const HistoryRow& row) { return row.test_rmse; });
  auto train =
      collect(history, "training", green, [](const HistoryRow& row) { return std::optional<double>(row.train_rmse); });
  test.sparse = true;
  valid.sparse = !valid.points.empty() && valid.points.size() < 100 && valid.points.size() * 2 < history.size();
  if (valid.points.empty() && test.points.size() < 2) panel.series.push_back(std::move(train));
  if (!valid.points.empty()) panel.series.push_back(std::move(valid));
  if (!test.points.empty()) panel.series.push_back(std::move(test));

  std::vector<double> shown;
  if (metrics.best_valid_rmse && drawable(*metrics.best_valid_rmse)) shown.push_back(*metrics.best_valid_rmse);
  if (metrics.test_ratings > 0 && drawable(metrics.best_test_rmse)) shown.push_back(metrics.best_test_rmse);
  if (metrics.test_ratings > 0 && drawable(metrics.baseline_test_rmse) && metrics.baseline_test_rmse > 0)
    panel.baseline = metrics.baseline_test_rmse;
  panel.y = robust_range(panel.series, shown, panel.baseline);
  return panel;
}

std::string subtitle(const RunMetrics& metrics) {
  std::string text = "GC-MC, preset " + escaped(metrics.preset) + ", seed " + std::to_string(metrics.seed) + ", " +
                     count_text(metrics.iterations) + (metrics.iterations == 1 ? " iteration" : " iterations");
  if (metrics.stopped) text += " (stopped before its time)";
  if (metrics.test_ratings > 0)
    text += "; test RMSE " + value_text(metrics.best_test_rmse) + ", MAE " + value_text(metrics.best_test_mae);
  if (metrics.beats_baseline() == false) text += "; does not beat the bias baseline";
  if (metrics.valid_in_training) text += "; *validation ratings were trained on";
  return text;
}

}  // namespace

std::string curve_svg(const std::vector<HistoryRow>& history, const RunMetrics& metrics) {
  Panel rmse = rmse_panel(history, metrics);
  Panel loss{"Loss", 373, 386, 490, {}, {}, {}, {}};
  loss.series.push_back(
      collect(history, "training loss", green, [](const HistoryRow& row) { return std::optional<double>(row.loss); }));
  loss.y = robust_range(loss.series, {}, {});
  Offset last = 1;
  for (const HistoryRow& row : history) last = std::max(last, row.iteration);
  rmse.x = loss.x = {0, static_cast<double>(last)};

  Picture picture;
  const std::string title = "Training curve: " + escaped(metrics.dataset);
  picture.begin(title, subtitle(metrics));
  draw_panel(picture, rmse, false);
  draw_panel(picture, loss, true);
  draw_best(picture, rmse, loss, metrics);
  if (history.empty())
    picture.text((plot_left + plot_right) / 2, 236, "no iteration was recorded", {13, grey, "middle"});
  picture.text((plot_left + plot_right) / 2, page_height - 12, "iteration", {12, grey, "middle"});
  picture.add("</svg>");
  return picture.take();
}

}  // namespace gcmc
