// What a set of ratings holds, as an SVG: levels on the left, ratings of a user and of an item on the right.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "gcmc/files/data_report.hpp"
#include "gcmc/options/option_names.hpp"
#include "svg.hpp"

namespace gcmc {
namespace {

struct Bar {
  std::string label;
  Offset count = 0;
};

/// A chart of bars that stand on `bottom`, with a line of text above it.
struct Chart {
  double left, right, top, bottom;
  const char* colour;
};

/// 1.2M, 34k, 567.
std::string short_count(Offset count) {
  const auto value = static_cast<double>(count);
  if (count >= 9'950'000) return fixed(value / 1e6, 0) + "M";
  if (count >= 999'500) return fixed(value / 1e6, 1) + "M";
  if (count >= 9'950) return fixed(value / 1e3, 0) + "k";
  if (count >= 1'000) return fixed(value / 1e3, 1) + "k";
  return std::to_string(count);
}

void draw_bars(Picture& picture, const Chart& chart, const std::string& title, const std::string& below,
               const std::vector<Bar>& bars) {
  picture.text(chart.left, chart.top - 26, title, {14, dark, "start", true});
  picture.text(chart.left, chart.bottom + 36, below, {12, grey});
  Offset most = 1;
  for (const Bar& bar : bars) most = std::max(most, bar.count);
  const double step = (chart.right - chart.left) / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  const double gap = std::min(6.0, 0.2 * step);
  const auto every = static_cast<std::size_t>(std::ceil(34 / step));  // labels that would overlap are left out
  for (std::size_t k = 0; k < bars.size(); ++k) {
    const double x = chart.left + step * static_cast<double>(k);
    double height = (chart.bottom - chart.top) * static_cast<double>(bars[k].count) / static_cast<double>(most);
    if (bars[k].count > 0) height = std::max(height, 1.0);
    picture.add("<rect x=\"" + pixel(x + gap / 2) + "\" y=\"" + pixel(chart.bottom - height) + "\" width=\"" +
                pixel(step - gap) + "\" height=\"" + pixel(height) + "\" fill=\"" + chart.colour + "\"/>");
    if (k % every != 0) continue;
    picture.text(x + step / 2, chart.bottom + 16, bars[k].label, {11, grey, "middle"});
    if (bars[k].count > 0)
      picture.text(x + step / 2, chart.bottom - height - 5, short_count(bars[k].count), {11, dark, "middle"});
  }
  picture.line(chart.left, chart.bottom, chart.right, chart.bottom, "#9AA1AB", 1);
}

/// Two decimals, or two digits where those would hide it.
std::string level_text(double level) {
  if (std::abs(level) >= 0.1) return number_text(std::round(level * 100) / 100);
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), level, std::chars_format::general, 2);
  return {text.data(), end.ptr};
}

std::vector<Bar> level_bars(const RatingStatistics& s) {
  std::vector<Bar> bars;
  for (std::size_t r = 0; r < s.levels.size(); ++r) bars.push_back({level_text(s.levels[r]), s.level_counts[r]});
  return bars;
}

std::vector<Bar> degree_bars(const DegreeStatistics& degrees) {
  std::vector<Bar> bars;
  for (const auto& bin : degrees.bins)
    bars.push_back({short_count(bin.first) + (bin.last > bin.first ? "+" : ""), bin.nodes});
  return bars;
}

std::string degree_text(const DegreeStatistics& d) {
  return "least " + count_text(d.least) + ", median " + fixed(d.median, d.median == std::floor(d.median) ? 0 : 1) +
         ", mean " + fixed(d.mean, 1) + ", most " + count_text(d.most) +
         (d.single ? "; one rating alone: " + count_text(d.single) : "");
}

}  // namespace

std::string data_svg(const RatingStatistics& s) {
  Picture picture;
  std::string subtitle = count_text(s.ratings) + " ratings by " + count_text(s.users) + " users of " +
                         count_text(s.items) + " items; " + value_text(100 * s.density) + " % of all pairs";
  if (s.timed) subtitle += "; " + time_text(s.first_time).substr(0, 10) + " to " + time_text(s.last_time).substr(0, 10);
  picture.begin(escaped(s.name), escaped(subtitle, 200));
  draw_bars(picture, {plot_left, 440, 130, 440, blue}, "Ratings by value",
            "mean " + value_text(s.mean) + ", deviation " + value_text(s.deviation), level_bars(s));
  draw_bars(picture, {520, 910, 130, 240, vermillion}, "Users by their number of ratings", degree_text(s.user),
            degree_bars(s.user));
  draw_bars(picture, {520, 910, 350, 460, green}, "Items by their number of ratings", degree_text(s.item),
            degree_bars(s.item));
  picture.add("</svg>");
  return picture.take();
}

}  // namespace gcmc
