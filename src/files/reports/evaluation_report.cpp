// An evaluation as JSON and as an SVG.
#include "gcmc/files/evaluation_report.hpp"

#include <cmath>
#include <limits>

#include "../json.hpp"
#include "svg.hpp"

namespace gcmc {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const std::vector<ActivityGroup>& groups) {
  auto list = ordered_json::array();
  for (const ActivityGroup& group : groups) {
    const bool open = group.most == std::numeric_limits<Offset>::max();
    list.push_back({{"least_ratings", group.least},
                    {"most_ratings", open ? ordered_json(nullptr) : ordered_json(group.most)},
                    {"pairs", group.model.count},
                    {"rmse", group.model.rmse()},
                    {"baseline_rmse", group.baseline.rmse()}});
  }
  return list;
}

ordered_json json_of(const Ranking& ranking) {
  return {{"ndcg", ranking.ndcg},           {"recall", ranking.recall},
          {"precision", ranking.precision}, {"reciprocal_rank", ranking.reciprocal_rank},
          {"coverage", ranking.coverage},   {"novelty", ranking.novelty}};
}

ordered_json json_of(const Comparison& comparison) {
  return {{"rmse", comparison.first_rmse},
          {"other_rmse", comparison.second_rmse},
          {"squared_error_difference", comparison.difference},
          {"standard_error", comparison.standard_error},
          {"p", comparison.p},
          {"other_unknown", comparison.unknown},
          {"other_trained", comparison.trained}};
}

/// "1 to 4", "2,000 or more".
std::string range_text(const ActivityGroup& group) {
  if (group.most == std::numeric_limits<Offset>::max()) return count_text(group.least) + " or more";
  if (group.least == group.most) return count_text(group.least);
  return count_text(group.least) + " to " + count_text(group.most);
}

constexpr double top = 130, bottom = 470;

/// Predicted probability across, observed share up; the size of a circle is the bin's share of all.
void draw_reliability(Picture& picture, const Evaluation& evaluation) {
  constexpr double left = plot_left, right = plot_left + (bottom - top);
  const auto x = [&](double p) { return left + p * (right - left); };
  const auto y = [&](double p) { return bottom - p * (bottom - top); };
  picture.text(left, top - 22, "Are its probabilities true?", {14, dark, "start", true});
  for (int tenth = 0; tenth <= 10; tenth += 2) {
    const double p = tenth / 10.0;
    picture.line(x(0), y(p), x(1), y(p), "#E4E7EB", 1);
    picture.text(left - 9, y(p) + 4.2, fixed(p, 1), {12, grey, "end"});
    picture.text(x(p), bottom + 18, fixed(p, 1), {12, grey, "middle"});
  }
  picture.line(x(0), y(0), x(1), y(1), grey, 1, "6 4");
  Offset count = 0;
  for (const ReliabilityBin& bin : evaluation.reliability) count += bin.count;
  std::string path;
  for (const ReliabilityBin& bin : evaluation.reliability)
    if (bin.count > 0) path += (path.empty() ? "" : " ") + pixel(x(bin.predicted)) + "," + pixel(y(bin.observed));
  picture.add("<polyline points=\"" + path + "\" fill=\"none\" stroke=\"" + blue + "\" stroke-width=\"1.6\"/>");
  for (const ReliabilityBin& bin : evaluation.reliability)
    if (bin.count > 0)
      picture.circle(x(bin.predicted), y(bin.observed),
                     3 + 9 * std::sqrt(static_cast<double>(bin.count) / static_cast<double>(count)), "#FFFFFF", blue);
  picture.text((left + right) / 2, bottom + 40, "predicted probability of a level, and the share that came true",
               {12, grey, "middle"});
}

/// Two bars a group: the model's RMSE and the baseline's.
double draw_groups(Picture& picture, double y, const char* title, const std::vector<ActivityGroup>& groups,
                   double largest) {
  constexpr double left = 590, right = 880, row = 24;
  picture.text(480, y, title, {14, dark, "start", true});
  y += 12;
  const auto bar = [&](double at, double value, const char* colour) {
    picture.add("<rect x=\"" + pixel(left) + "\" y=\"" + pixel(at) + "\" width=\"" +
                pixel(std::max(value / largest, 0.0) * (right - left)) + "\" height=\"7\" fill=\"" + colour + "\"/>");
  };
  for (const ActivityGroup& group : groups) {
    picture.text(left - 10, y + 13, range_text(group), {12, grey, "end"});
    bar(y + 1, group.model.rmse(), blue);
    bar(y + 9, group.baseline.rmse(), "#B8BEC7");
    picture.text(right + 6, y + 13, value_text(group.model.rmse()), {12, dark});
    y += row;
  }
  return y;
}

}  // namespace

std::string evaluation_json(const Evaluation& evaluation, const std::string& dataset,
                            const std::optional<Comparison>& comparison) {
  const bool leveled = evaluation.levels.count > 0, ranked = evaluation.ranked_users > 0;
  const auto measured = [](bool is, double value) { return is ? ordered_json(value) : ordered_json(nullptr); };
  ordered_json object;
  object["dataset"] = dataset;
  object["pairs"] = evaluation.pairs;
  object["unknown"] = evaluation.unknown;
  object["trained"] = evaluation.trained;
  object["no_such_level"] = evaluation.no_such_level;
  object["rmse"] = evaluation.model.rmse();
  object["mae"] = evaluation.model.mae();
  object["accuracy"] = measured(leveled, evaluation.levels.accuracy());
  object["loss"] = measured(leveled, evaluation.levels.loss());
  object["calibration_error"] = measured(leveled, evaluation.calibration_error);
  object["baseline_rmse"] = evaluation.baseline.rmse();
  object["baseline_mae"] = evaluation.baseline.mae();
  object["reliability"] = ordered_json::array();
  for (const ReliabilityBin& bin : evaluation.reliability)
    object["reliability"].push_back({{"count", bin.count},
                                     {"predicted", measured(bin.count > 0, bin.predicted)},
                                     {"observed", measured(bin.count > 0, bin.observed)}});
  object["by_user_ratings"] = json_of(evaluation.by_user);
  object["by_item_ratings"] = json_of(evaluation.by_item);
  object["top"] = evaluation.top;
  object["relevant"] = evaluation.relevant;
  object["ranked_users"] = evaluation.ranked_users;
  object["ranking"] = ranked ? json_of(evaluation.ranking) : ordered_json(nullptr);
  object["baseline_ranking"] = ranked ? json_of(evaluation.baseline_ranking) : ordered_json(nullptr);
  object["popularity_ranking"] = ranked ? json_of(evaluation.popularity) : ordered_json(nullptr);
  if (comparison) object["comparison"] = json_of(*comparison);
  return json_text(object, "evaluation");
}

std::string evaluation_svg(const Evaluation& evaluation, const std::string& dataset) {
  Picture picture;
  std::string line = count_text(evaluation.pairs) + " pairs: RMSE " + value_text(evaluation.model.rmse()) +
                     " (bias baseline " + value_text(evaluation.baseline.rmse()) + ")";
  if (evaluation.levels.count > 0) line += ", calibration error " + value_text(evaluation.calibration_error);
  if (evaluation.ranked_users > 0)
    line += ", nDCG@" + std::to_string(evaluation.top) + " " + value_text(evaluation.ranking.ndcg) + " (popularity " +
            value_text(evaluation.popularity.ndcg) + ")";
  picture.begin("GC-MC on " + escaped(dataset) + ": evaluation", line);
  draw_reliability(picture, evaluation);
  double largest = 1e-300;
  for (const auto* groups : {&evaluation.by_user, &evaluation.by_item})
    for (const ActivityGroup& group : *groups) largest = std::max({largest, group.model.rmse(), group.baseline.rmse()});
  const double y =
      draw_groups(picture, top - 22, "RMSE by the user's ratings in training", evaluation.by_user, largest);
  draw_groups(picture, y + 32, "... and by the item's", evaluation.by_item, largest);
  picture.line(480, bottom + 36, 500, bottom + 36, blue, 7);
  picture.text(508, bottom + 40, "model", {12, dark});
  picture.line(560, bottom + 36, 580, bottom + 36, "#B8BEC7", 7);
  picture.text(588, bottom + 40, "bias baseline", {12, dark});
  picture.add("</svg>");
  return picture.take();
}

}  // namespace gcmc
