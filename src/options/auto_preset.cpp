// Rules that choose options for a set of ratings that nobody has tuned for.
#include "gcmc/base/text.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/ratings/common_levels.hpp"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <utility>

namespace gcmc {
namespace {

constexpr Offset many_ratings = 300000;  // from here on, steps are dear
constexpr Offset too_many_to_refit = 5000000;
constexpr Offset enough_to_calibrate = 20000;  // a line fitted to a tenth of fewer costs as much error as it removes
constexpr Index narrowest_block = 16;
/// Mean numbers of ratings of a user or item from which on fewer messages are dropped.
constexpr Offset sparse = 40, dense = 150;
constexpr Index many_levels = 8;  // from these on, blocks of units are narrow

/// What fast trains where it has `from` microseconds a rating or more. Few units and little dropout learn most in
/// little time, and have learnt all that they can soon.
struct Pace {
  double from;
  Index width;     ///< units of each block, at most
  Offset numbers;  ///< of the tables of ids, for each rating, at most: more take longer to update than they bring
  const char* outputs;
  Offset steps;
  const char* dropout;
  const char* dropout_if_narrower;  ///< where `numbers` made the blocks narrower than `width`
  const char* draws;
  const char* smoothing;
  const char* rate;
};
constexpr Pace of_sparse[] = {{0, 32, 25, "32", 250, "0.25", "0.15", "0", "0.1", "0.01"},
                              {11, 64, 25, "64", 500, "0.3", "0.3", "0", "0.1", "0.01"},
                              {25, 64, 25, "64", 500, "0.5", "0.3", "20", "0.1", "0.01"},
                              {50, 80, 50, "75", 1500, "0.6", "0.5", "100", "0.1", "0.01"}};
/// Steps are dear; from 22 on, there is time for what best trains on ml-1m.
constexpr Pace of_dense[] = {{0, 32, 25, "32", 500, "0.15", "0.15", "0", "0.1", "0.03"},
                             {4.5, 32, 25, "32", 500, "0.15", "0.15", "0", "0.1", "0.02"},
                             {11, 64, 25, "64", 500, "0.3", "0.3", "20", "0", "0.02"},
                             {14, 64, 25, "64", 500, "0.35", "0.35", "50", "0", "0.02"},
                             {22, 64, 50, "75", 600, "0.4", "0.4", "100", "0", "0.02"}};
/// Without a budget: microseconds a rating, and seconds that nobody grudges. Few ratings are soon over-fitted.
constexpr double without_budget = 25, least_without_budget = 3;
constexpr Offset few_ratings = 50000, steps_of_few = 500;

class Chooser {
 public:
  explicit Chooser(const Ratings& ratings)
      : ratings_(ratings),
        count_(static_cast<Offset>(ratings.entries.size())),
        levels_(static_cast<Index>(ratings.levels.size())) {}

  /// The preset auto.
  std::vector<Choice> best_error() {
    choose({{"gcn_agg_accum", "stack"},
            {"implicit", "true"},
            {"train_min_lr", "0.0001"},
            {"train_schedule", "cosine"},
            {"train_average_decay", "0.95"},
            {"train_valid_interval", "auto"},
            {"embedding_draws", "200"}},
           "a block of units for each level and one for all, averaged weights, and embeddings averaged over dropout, "
           "lower the error on every set tried");
    choose_start();
    choose_dropout();
    choose_width();
    choose_features();
    choose_calibration();
    choose_refit();
    return std::move(choices_);
  }

  /// The preset fast. `budget` is in seconds; 0: unknown.
  std::vector<Choice> least_time(double budget) {
    choose({{"gcn_agg_accum", "stack"},
            {"implicit", "true"},
            {"train_min_lr", "0.0001"},
            {"train_schedule", "cosine"},
            {"train_average_decay", "0.95"}},
           "one cycle of the rate, and averaged weights");
    choose({{"train_valid_interval", "auto"}, {"train_selection", "last"}, {"train_on_valid", "true"}},
           "validation ratings are trained on, and decide nothing");
    choose_by_time(budget);
    return std::move(choices_);
  }

 private:
  using Setting = std::pair<const char*, std::string>;

  Offset mean_degree() const {
    const auto nodes = static_cast<Offset>(ratings_.user_ids.size() + ratings_.item_ids.size());
    return nodes > 0 ? 2 * count_ / nodes : 0;
  }

  /// Smoothing gives a part of a rating to the levels next to it: of two that is the opposite, and a level that nearly
  /// nobody means would get much of others.
  bool smooths() const { return levels_ > 2 && count_ > 0 && common_levels(ratings_, ratings_.entries).others == 0; }

  void choose(std::initializer_list<Setting> settings, const std::string& reason) {
    for (const auto& [option, value] : settings) {
      Options options;
      set_option(options, option, value);
      choices_.push_back({option, option_text(options, option), reason});
    }
  }

  std::string described() const {
    return count_text(count_) + " ratings, " + count_text(mean_degree()) + " a user or item, in " +
           std::to_string(levels_) + " levels";
  }

  void choose_start() {
    const bool many = count_ >= many_ratings, in_many_levels = levels_ >= many_levels;
    const char *of_many = mean_degree() >= dense ? "600" : "800", *of_few = in_many_levels ? "600" : "1000";
    choose({{"train_max_iter", many ? of_many : of_few}}, described());
    choose_factors(many ? "0.02" : "0.01");
  }

  void choose_factors(const char* rate) {
    choose({{"train_start", "factors"},
            {"train_lr", rate},
            {"train_table_lr_factor", "3"},
            {"train_warm_up", "10"},
            {"train_target_removal", "0.3"}},
           "weights begin with what a factorization knows, and the tables of ids go on in somewhat larger steps than "
           "the rest");
  }

  /// A user's or item's weights are fitted to its own ratings: the fewer, the more dropout they need. Narrow blocks of
  /// many levels need less, and so do many ratings, which train for as few steps.
  void choose_dropout() {
    constexpr const char *of_few[] = {"0.7", "0.6", "0.5"}, *of_many[] = {"0.6", "0.6", "0.4"};
    const Offset degree = mean_degree();
    const int density = (degree >= sparse ? 1 : 0) + (degree >= dense ? 1 : 0);
    if (levels_ >= many_levels)
      choose({{"gcn_dropout", "0.5"}}, std::to_string(levels_) + " levels: narrow blocks need little dropout");
    else
      choose(
          {{"gcn_dropout", (count_ >= many_ratings ? of_many : of_few)[density]}},
          count_text(degree) + " ratings a user or item, of " + count_text(count_) + ": the fewer, the more dropout");
  }

  void choose_by_time(double budget) {
    const auto count = static_cast<double>(std::max<Offset>(count_, 1));
    const double each =
        budget > 0 ? 1e6 * budget / count : std::max(without_budget, 1e6 * least_without_budget / count);
    const std::span<const Pace> paces = mean_degree() >= dense ? std::span<const Pace>(of_dense) : of_sparse;
    const Pace& pace = *std::find_if(paces.rbegin(), paces.rend(), [&](const Pace& p) { return each >= p.from; });
    choose_model(pace, (budget > 0 ? number_text(budget) + " s" : std::string("any time")) + " for " + described());
    if (&pace == &paces.back()) choose_features();
    if (&pace == of_dense)
      choose({{"train_start", "factors"},
              {"gcn_agg_norm_symm", "false"},
              {"train_lr", pace.rate},
              {"train_warm_up", "10"},
              {"train_target_removal", "0.3"}},
             "many ratings for so little time: weights begin with what a factorization knows, and ratings are "
             "predicted by others in place of dropout");
    else
      choose_factors(pace.rate);
  }

  void choose_model(const Pace& pace, const std::string& reason) {
    const Index width = width_for(pace);
    choose({{"gcn_agg_units", std::to_string(width * (levels_ + 1))},
            {"gcn_out_units", pace.outputs},
            {"gcn_dropout", width < pace.width ? pace.dropout_if_narrower : pace.dropout},
            {"embedding_draws", pace.draws},
            {"label_smoothing", smooths() ? pace.smoothing : "0"},
            {"train_max_iter", number_text(count_ < few_ratings ? std::min(pace.steps, steps_of_few) : pace.steps)}},
           reason);
  }

  Index width_for(const Pace& pace) const {
    const auto rows = static_cast<Offset>(ratings_.user_ids.size() + ratings_.item_ids.size()) * (levels_ + 1);
    const Offset most = pace.numbers * count_ / std::max<Offset>(rows, 1) / narrowest_block * narrowest_block;
    return static_cast<Index>(std::clamp<Offset>(most, narrowest_block, pace.width));
  }

  /// Stacked blocks of whole vectors, together about as wide as the usual hidden layer. With many ratings, whose steps
  /// are dear, 384 units do as well, in blocks of 64 or more.
  void choose_width() {
    const Index tables = levels_ + 1;
    const auto block = [&](Index units) {
      return std::max((units / tables + narrowest_block / 2) / narrowest_block, 1) * narrowest_block;
    };
    Index width = block(Options{}.model.units);
    if (count_ >= many_ratings) width = std::min(width, std::max(block(384), 64));
    choose({{"gcn_agg_units", std::to_string(width * tables)}},
           std::to_string(width) + " units for each of " + std::to_string(tables) + " blocks");
  }

  void choose_features() {
    const bool users = !ratings_.user_features.empty(), items = !ratings_.item_features.empty();
    if (users || items)
      choose({{"feature_dropout", "0.5"}}, std::string(users && items ? "users and items have"
                                                       : users        ? "users have"
                                                                      : "items have") +
                                               " side features");
  }

  /// Smoothed labels narrow the predictions, which the line corrects. With many ratings each they bring nothing.
  void choose_calibration() {
    if (count_ >= enough_to_calibrate)
      choose({{"label_smoothing", mean_degree() < dense && smooths() ? "0.1" : "0"}, {"calibrate", "true"}},
             count_text(count_) + " ratings, " + count_text(enough_to_calibrate) +
                 " or more: enough of them validate to fit a line to");
  }

  void choose_refit() {
    if (count_ < too_many_to_refit)
      choose({{"refit", "true"}}, "the model that is tested and saved learns from the validation ratings too");
  }

  const Ratings& ratings_;
  const Offset count_;
  const Index levels_;
  std::vector<Choice> choices_;
};

}  // namespace

bool looks_at_ratings(std::string_view preset) { return preset == "auto" || preset == "fast"; }

std::vector<Choice> preset_choices(std::string_view preset, const Ratings& ratings, double time_budget) {
  require(looks_at_ratings(preset), [&] { return "preset " + std::string(preset) + " does not look at the ratings"; });
  return preset == "auto" ? Chooser(ratings).best_error() : Chooser(ratings).least_time(time_budget);
}

Options preset_options(std::string_view preset, std::string_view data_name, const Ratings& ratings,
                       double time_budget) {
  if (!looks_at_ratings(preset)) return preset_options(preset, data_name);
  Options options = preset_options("dgl", data_name);
  options.preset = preset;
  for (const Choice& choice : preset_choices(preset, ratings, time_budget))
    set_option(options, choice.option, choice.value);
  return options;
}

}  // namespace gcmc
