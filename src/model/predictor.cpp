// Predictions from saved models, scored by the CPU backend.
#include "gcmc/model/predictor.hpp"

#include <algorithm>
#include <cmath>

#include "scorer.hpp"

namespace gcmc {
namespace {

std::unordered_map<std::string_view, Index> numbered(const std::vector<std::string>& ids) {
  std::unordered_map<std::string_view, Index> numbers;
  numbers.reserve(ids.size());
  for (std::size_t k = 0; k < ids.size(); ++k) numbers.emplace(ids[k], static_cast<Index>(k));
  return numbers;
}

/// Models whose answers can be averaged.
std::vector<SavedModel> checked(std::vector<SavedModel> models) {
  require(!models.empty(), "predictor: no model");
  const SavedModel& first = models.front();
  const std::vector<double>& levels = first.levels;
  require(!levels.empty(), "predictor: the model has no rating values");
  validate_levels(levels);
  for (std::size_t k = 1; k < models.size(); ++k)
    require(models[k].levels == levels && models[k].user_ids == first.user_ids && models[k].item_ids == first.item_ids,
            [&] { return "predictor: model " + std::to_string(k + 1) + " has other ids or levels than the first"; });
  return models;
}

Index find(const std::unordered_map<std::string_view, Index>& numbers, std::string_view id) {
  const auto found = numbers.find(id);
  return found == numbers.end() ? -1 : found->second;
}

std::vector<SavedModel> one(SavedModel model) {
  std::vector<SavedModel> models;
  models.push_back(std::move(model));
  return models;
}

/// Throws InputError for a number beyond the model's.
void check_pairs(std::span<const Predictor::Pair> pairs, const SavedModel& model) {
  const auto users = static_cast<Offset>(model.user_ids.size()), items = static_cast<Offset>(model.item_ids.size());
  for (std::size_t k = 0; k < pairs.size(); ++k)
    require(pairs[k].first < users && pairs[k].second < items, [&] {
      return "predictor: pair " + std::to_string(k) + " is user " + std::to_string(pairs[k].first) + ", item " +
             std::to_string(pairs[k].second) + ", but the model has " + std::to_string(users) + " users and " +
             std::to_string(items) + " items";
    });
}

/// The places of pairs with known ids, those of a user together.
void order_by_user(std::span<const Predictor::Pair> pairs, std::vector<std::size_t>& order) {
  order.clear();
  for (std::size_t k = 0; k < pairs.size(); ++k)
    if (pairs[k].first >= 0 && pairs[k].second >= 0) order.push_back(k);
  const auto before = [&](std::size_t a, std::size_t b) {
    return pairs[a].first < pairs[b].first || (pairs[a].first == pairs[b].first && a < b);
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);
}

}  // namespace

Predictor::Predictor(SavedModel model, int threads) : Predictor(one(std::move(model)), threads) {}

Predictor::Predictor(std::vector<SavedModel> models, int threads)
    : models_(checked(std::move(models))),
      baseline_(model().baseline()),
      users_(numbered(model().user_ids)),
      items_(numbered(model().item_ids)),
      lender_(std::make_unique<Lender>(threads)) {
  const Lender::Loan memory(*lender_);
  for (const SavedModel& member : models_) {
    if (std::holds_alternative<std::vector<double>>(member.tensor("user_embedding").values))
      scorers_.push_back(std::make_unique<TypedScorer<double>>((*memory).cpu, member));
    else
      scorers_.push_back(std::make_unique<TypedScorer<float>>((*memory).cpu, member));
  }
}
Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

bool Predictor::reads(const std::string& tensor) {
  for (const char* name : {"user_embedding", "item_embedding", "calibration", "rated.offsets", "rated.items"})
    if (tensor == name) return true;
  return tensor.starts_with("decoder.") || tensor.starts_with("baseline.");
}

Index Predictor::user_index(std::string_view id) const { return find(users_, id); }
Index Predictor::item_index(std::string_view id) const { return find(items_, id); }

void Predictor::score(std::span<const Pair> pairs, std::span<double> ratings, std::span<double> probabilities,
                      Memory& memory) const {
  const auto average = [&](double& sum) { sum /= static_cast<double>(scorers_.size()); };
  order_by_user(pairs, memory.order);
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  std::fill(ratings.begin(), ratings.end(), 0.0);
  for (const auto& scorer : scorers_) scorer->add(pairs, memory, ratings, probabilities);
  std::for_each(probabilities.begin(), probabilities.end(), average);
  for (std::size_t k = 0; k < ratings.size(); ++k)
    if (const auto [user, item] = pairs[k]; user < 0 || item < 0)
      ratings[k] = baseline_.predict(user, item);
    else
      average(ratings[k]);
}

void Predictor::score(std::span<const Pair> pairs, std::span<double> ratings, std::span<double> probabilities) const {
  const std::size_t levels = model().levels.size();
  require((ratings.empty() || ratings.size() == pairs.size()) &&
              (probabilities.empty() || probabilities.size() == pairs.size() * levels),
          [&] {
            return "predictor: room for " + std::to_string(ratings.size()) + " ratings and " +
                   std::to_string(probabilities.size()) + " probabilities, but there are " +
                   std::to_string(pairs.size()) + " pairs and " + std::to_string(levels) + " levels";
          });
  check_pairs(pairs, model());
  const Lender::Loan memory(*lender_);
  score(pairs, ratings, probabilities, *memory);
}

Predictor::Scores Predictor::score(std::span<const Pair> pairs) const {
  Scores scores{std::vector<double>(pairs.size()), std::vector<double>(pairs.size() * model().levels.size())};
  score(pairs, scores.ratings, scores.probabilities);
  return scores;
}

std::vector<double> Predictor::predict(std::span<const Pair> pairs) const {
  std::vector<double> ratings(pairs.size());
  score(pairs, ratings, {});
  return ratings;
}

std::vector<double> Predictor::probabilities(std::span<const Pair> pairs) const {
  std::vector<double> probabilities(pairs.size() * model().levels.size());
  score(pairs, {}, probabilities);
  return probabilities;
}

/// Into memory.pairs, in order of item.
void Predictor::unrated_items(Index user, Memory& memory) const {
  const auto users = static_cast<Offset>(model().user_ids.size()), items = static_cast<Offset>(model().item_ids.size());
  const auto& offsets = model().values<Offset>("rated.offsets", {users + 1});
  const auto& rated = model().values<Index>("rated.items");
  const Offset begin = offsets[user], end = offsets[user + 1];
  require(0 <= begin && begin <= end && end <= static_cast<Offset>(rated.size()), [&] {
    return "predictor: rated.offsets of user " + std::to_string(user) + " are " + std::to_string(begin) + " to " +
           std::to_string(end) + ", but rated.items has " + std::to_string(rated.size());
  });
  memory.rated.assign(static_cast<std::size_t>(items), 0);
  for (Offset e = begin; e < end; ++e) {
    require(rated[e] >= 0 && rated[e] < items, [&] {
      return "predictor: rated.items: entry " + std::to_string(e) + " is " + std::to_string(rated[e]) +
             ", but the model has " + std::to_string(items) + " items";
    });
    memory.rated[rated[e]] = 1;
  }
  memory.pairs.clear();
  for (Index item = 0; item < items; ++item)
    if (!memory.rated[item]) memory.pairs.emplace_back(user, item);
}

std::vector<Predictor::Recommendation> Predictor::recommend(Index user, Index top) const {
  require(user >= 0 && user < static_cast<Offset>(model().user_ids.size()),
          [&] { return "predictor: user number " + std::to_string(user) + " is not in the model"; });
  require(top >= 0, [&] { return "predictor: " + std::to_string(top) + " items to recommend: use 0 or more"; });
  const Lender::Loan loan(*lender_);
  Memory& memory = *loan;
  unrated_items(user, memory);
  memory.ratings.resize(memory.pairs.size());
  score(memory.pairs, memory.ratings, {}, memory);
  std::vector<Recommendation>& best = memory.best;
  best.clear();
  for (std::size_t k = 0; k < memory.pairs.size(); ++k) best.push_back({memory.pairs[k].second, memory.ratings[k]});
  const auto last = best.begin() + std::min(static_cast<std::ptrdiff_t>(best.size()), std::ptrdiff_t{top});
  std::partial_sort(best.begin(), last, best.end(), [](const auto& a, const auto& b) {
    return a.rating > b.rating || (a.rating == b.rating && a.item < b.item);
  });
  return {best.begin(), last};
}

Metrics evaluate(const Predictor& predictor, std::span<const Rating> pairs) {
  constexpr std::size_t most = 8192;  // pairs at a time
  const SavedModel& model = predictor.model();
  const std::vector<double>& values = model.levels;
  require_in_range(pairs, model.user_ids.size(), model.item_ids.size(), values.size(), "evaluate");
  std::vector<Predictor::Pair> ids;
  std::vector<double> ratings(std::min(most, pairs.size())), probabilities(ratings.size() * values.size());
  Metrics metrics;
  for (std::size_t begin = 0; begin < pairs.size(); begin += most) {
    const auto part = pairs.subspan(begin, std::min(most, pairs.size() - begin));
    ids.clear();
    for (const Rating& rating : part) ids.emplace_back(rating.user, rating.item);
    predictor.score(ids, std::span(ratings).first(part.size()),
                    std::span(probabilities).first(part.size() * values.size()));
    for (std::size_t e = 0; e < part.size(); ++e) {
      const auto p = std::span(probabilities).subspan(e * values.size(), values.size());
      const double error = ratings[e] - values[part[e].level];
      metrics.squared_error += error * error;
      metrics.absolute_error += std::abs(error);
      metrics.cross_entropy -= std::log(p[part[e].level]);
      metrics.correct += std::max_element(p.begin(), p.end()) - p.begin() == part[e].level;
    }
  }
  metrics.count = static_cast<Offset>(pairs.size());
  return metrics;
}

}  // namespace gcmc
