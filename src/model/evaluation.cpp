// Errors, calibration and groups of an evaluation, and the comparison of two models. Ranking is in ranking.cpp.
#include "gcmc/model/evaluation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "ranking.hpp"
#include "rated_items.hpp"

namespace gcmc {
namespace {

constexpr std::size_t pairs_at_once = 8192, bins = 10;

/// Ratings of training from each of these on.
constexpr std::array<Offset, 7> group_begins = {0, 1, 5, 20, 100, 500, 2000};

/// The level of a value, or -1.
Index level_of(const std::vector<double>& levels, double value) {
  const auto found = std::lower_bound(levels.begin(), levels.end(), value);
  return found != levels.end() && *found == value ? static_cast<Index>(found - levels.begin()) : -1;
}

void add_error(Metrics& metrics, double error) {
  ++metrics.count;
  metrics.squared_error += error * error;
  metrics.absolute_error += std::abs(error);
}

/// Groups of one side by activity.
class Groups {
 public:
  Groups() {
    for (std::size_t g = 0; g < group_begins.size(); ++g)
      groups_.push_back({group_begins[g],
                         g + 1 < group_begins.size() ? group_begins[g + 1] - 1 : std::numeric_limits<Offset>::max(),
                         {},
                         {}});
  }
  void add(Offset ratings, double error, double baseline_error) {
    const auto next = std::upper_bound(group_begins.begin(), group_begins.end(), ratings);
    ActivityGroup& group = groups_[static_cast<std::size_t>(next - group_begins.begin()) - 1];
    add_error(group.model, error);
    add_error(group.baseline, baseline_error);
  }
  std::vector<ActivityGroup> take() {
    std::erase_if(groups_, [](const ActivityGroup& group) { return group.model.count == 0; });
    return std::move(groups_);
  }

 private:
  std::vector<ActivityGroup> groups_;
};

/// The ratings that a model was trained on.
class Trained {
 public:
  explicit Trained(const SavedModel& model) : rated_(model, "rated") {}
  /// Pairs of one user mostly stand together.
  bool holds(const RatedPair& pair) {
    if (pair.user < 0 || pair.item < 0) return false;
    if (pair.user != user_) items_ = rated_.items_of(user_ = pair.user);
    return std::binary_search(items_.begin(), items_.end(), pair.item);
  }

 private:
  const RatedPart rated_;
  Index user_ = -1;
  std::span<const Index> items_;
};

/// Sums over pairs, which become an evaluation.
class Errors {
 public:
  Errors(const Predictor& predictor, Evaluation& result)
      : predictor_(predictor), baseline_(predictor.model().baseline()), trained_(predictor.model()), result_(result) {
    result_.reliability.resize(bins);
  }

  void add(std::span<const RatedPair> pairs) {
    const std::vector<double>& levels = predictor_.model().levels;
    std::vector<Predictor::Pair> numbers;
    for (const RatedPair& pair : pairs) numbers.emplace_back(pair.user, pair.item);
    const Predictor::Scores scores = predictor_.score(numbers);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      add_errors(pairs[k], scores.ratings[k]);
      const bool known = pairs[k].user >= 0 && pairs[k].item >= 0;
      const Index level = level_of(levels, pairs[k].value);
      result_.unknown += !known;
      result_.trained += trained_.holds(pairs[k]);
      result_.no_such_level += level < 0;
      if (known && level >= 0)
        add_level(std::span(scores.probabilities).subspan(k * levels.size(), levels.size()), level);
    }
  }

  void finish() {
    result_.by_user = users_.take();
    result_.by_item = items_.take();
    double error = 0, count = 0;
    for (ReliabilityBin& bin : result_.reliability) {
      const auto size = static_cast<double>(bin.count);
      error += std::abs(bin.predicted - bin.observed);
      count += size;
      if (bin.count == 0) continue;
      bin.predicted /= size;
      bin.observed /= size;
    }
    if (count > 0) result_.calibration_error = error / count;
  }

 private:
  void add_errors(const RatedPair& pair, double rating) {
    const double error = rating - pair.value, baseline_error = baseline_.predict(pair.user, pair.item) - pair.value;
    const auto activity = [&](Side side, Index node) { return node < 0 ? 0 : predictor_.ratings_of(side, node); };
    add_error(result_.model, error);
    add_error(result_.baseline, baseline_error);
    users_.add(activity(user_side, pair.user), error, baseline_error);
    items_.add(activity(item_side, pair.item), error, baseline_error);
  }
  void add_level(std::span<const double> p, Index level) {
    Metrics& sums = result_.levels;
    ++sums.count;
    sums.cross_entropy -= std::log(std::max(p[static_cast<std::size_t>(level)], std::numeric_limits<double>::min()));
    sums.correct += std::max_element(p.begin(), p.end()) - p.begin() == level;
    for (std::size_t r = 0; r < p.size(); ++r) {
      ReliabilityBin& bin = result_.reliability[std::min(static_cast<std::size_t>(p[r] * bins), bins - 1)];
      ++bin.count;
      bin.predicted += p[r];
      bin.observed += static_cast<Index>(r) == level;
    }
  }

  const Predictor& predictor_;
  const BiasBaseline baseline_;
  Trained trained_;
  Evaluation& result_;
  Groups users_, items_;
};

}  // namespace

std::vector<RatedPair> rated_pairs(const Predictor& predictor, const Ratings& ratings) {
  validate(ratings);
  const auto numbers = [](const std::vector<std::string>& ids, const auto& find) {
    std::vector<Index> found;
    found.reserve(ids.size());
    for (const std::string& id : ids) found.push_back(find(id));
    return found;
  };
  const auto users = numbers(ratings.user_ids, [&](const auto& id) { return predictor.user_index(id); });
  const auto items = numbers(ratings.item_ids, [&](const auto& id) { return predictor.item_index(id); });
  std::vector<RatedPair> pairs;
  pairs.reserve(ratings.entries.size());
  for (const Rating& rating : ratings.entries)
    pairs.push_back({users[static_cast<std::size_t>(rating.user)], items[static_cast<std::size_t>(rating.item)],
                     ratings.levels[rating.level]});
  return pairs;
}

std::vector<RatedPair> tested_pairs(const Predictor& predictor) {
  const SavedModel& model = predictor.model();
  require(model.tensors.contains("tested.offsets") && model.tensors.contains("tested.levels"),
          "the model does not hold the test part of its run, as those of older versions do not");
  const RatedPart tested(model, "tested");
  const auto count = static_cast<Offset>(model.values<Index>("tested.items").size());
  const auto& levels = model.values<Level>("tested.levels", {count});
  std::vector<RatedPair> pairs;
  for (Index user = 0; user < static_cast<Index>(model.user_ids.size()); ++user) {
    std::size_t place = tested.begin(user);
    for (const Index item : tested.items_of(user)) pairs.push_back({user, item, model.levels.at(levels[place++])});
  }
  return pairs;
}

Offset count_trained(const Predictor& predictor, std::span<const RatedPair> pairs) {
  Trained trained(predictor.model());
  return std::count_if(pairs.begin(), pairs.end(), [&](const RatedPair& pair) { return trained.holds(pair); });
}

Evaluation evaluate(const Predictor& predictor, std::span<const RatedPair> pairs, const EvaluationOptions& options) {
  require(!pairs.empty(), "evaluate: there is no rated pair");
  for (std::size_t k = 0; k < pairs.size(); ++k)
    require(is_rating_value(pairs[k].value), [&] {
      return "evaluate: pair " + std::to_string(k) + " has the value " + std::to_string(pairs[k].value) +
             ", a finite number no further from 0 than 1e12 was expected";
    });
  Evaluation result;
  result.pairs = static_cast<Offset>(pairs.size());
  result.top = options.top;
  result.relevant = options.relevant.value_or(std::min(predictor.model().mean, predictor.model().levels.back()));
  Errors errors(predictor, result);
  for (std::size_t begin = 0; begin < pairs.size(); begin += pairs_at_once)
    errors.add(pairs.subspan(begin, std::min(pairs_at_once, pairs.size() - begin)));
  errors.finish();
  if (options.ranking) rank(predictor, pairs, result);
  return result;
}

Comparison compare(std::span<const RatedPair> pairs, std::span<const double> first, std::span<const double> second) {
  require(first.size() == pairs.size() && second.size() == pairs.size() && !pairs.empty(), [&] {
    return "compare: " + std::to_string(first.size()) + " and " + std::to_string(second.size()) + " predictions of " +
           std::to_string(pairs.size()) + " pairs";
  });
  struct Sum {
    double difference = 0, count = 0;
  };
  std::map<Index, Sum> by_user;
  double first_error = 0, second_error = 0;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const double a = first[k] - pairs[k].value, b = second[k] - pairs[k].value;
    first_error += a * a;
    second_error += b * b;
    Sum& sum = by_user[pairs[k].user];
    sum.difference += b * b - a * a;
    sum.count += 1;
  }
  const auto count = static_cast<double>(pairs.size()), users = static_cast<double>(by_user.size());
  Comparison result{std::sqrt(first_error / count), std::sqrt(second_error / count),
                    (second_error - first_error) / count};
  double square = 0;
  for (const auto& [user, sum] : by_user) {
    const double rest = sum.difference - sum.count * result.difference;
    square += rest * rest;
  }
  if (users > 1) result.standard_error = std::sqrt(square * users / (users - 1)) / count;
  if (result.standard_error > 0)
    result.p = std::erfc(std::abs(result.difference) / result.standard_error / std::sqrt(2.0));
  else if (users > 1 && result.difference != 0)  // the same for each user
    result.p = 0;
  return result;
}

}  // namespace gcmc
