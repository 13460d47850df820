// Predictions from saved models, scored by the CPU backend.
#include "gcmc/model/predictor.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "profiles.hpp"
#include "rated_items.hpp"
#include "scorer.hpp"

namespace gcmc {
namespace {

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

bool has_ratings(const SavedModel& model) {
  return model.tensors.contains("rated.offsets") && model.tensors.contains("rated.items");
}

/// How many ratings of training each user has; 0 where the model was loaded without them.
std::vector<Offset> count_by_user(const SavedModel& model) {
  std::vector<Offset> counts(model.user_ids.size());
  if (!has_ratings(model)) return counts;
  const RatedPart rated(model, "rated");
  for (std::size_t user = 0; user < counts.size(); ++user) counts[user] = rated.count(static_cast<Index>(user));
  return counts;
}

std::vector<Offset> count_by_item(const SavedModel& model) {
  std::vector<Offset> counts(model.item_ids.size());
  if (!has_ratings(model)) return counts;
  const RatedPart rated(model, "rated");
  for (std::size_t user = 0; user < model.user_ids.size(); ++user)
    for (const Index item : rated.items_of(static_cast<Index>(user))) ++counts[static_cast<std::size_t>(item)];
  return counts;
}

/// The places of pairs with known ids, those of a user together, in `order`. So many pairs as users or more are counted
/// by user, fewer sorted.
void order_by_user(std::span<const Predictor::Pair> pairs, std::size_t users, std::vector<std::size_t>& order,
                   std::vector<std::size_t>& begin) {
  const auto known = [](const Predictor::Pair& pair) { return pair.first >= 0 && pair.second >= 0; };
  order.clear();
  bool sorted = true;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    if (!known(pairs[k])) continue;
    sorted = sorted && (order.empty() || pairs[order.back()].first <= pairs[k].first);
    order.push_back(k);
  }
  if (sorted) return;
  if (pairs.size() < users) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return pairs[a].first < pairs[b].first; });
    return;
  }
  begin.assign(users + 1, 0);
  for (const Predictor::Pair& pair : pairs)
    if (known(pair)) ++begin[static_cast<std::size_t>(pair.first) + 1];
  for (std::size_t user = 0; user < users; ++user) begin[user + 1] += begin[user];
  for (std::size_t k = 0; k < pairs.size(); ++k)
    if (known(pairs[k])) order[begin[static_cast<std::size_t>(pairs[k].first)]++] = k;
}

}  // namespace

std::vector<Predictor::Member> Predictor::members_of(const std::vector<SavedModel>& models) {
  std::vector<Member> members;
  for (const SavedModel& model : models)
    for (Index k = 0; k < model.members(); ++k) members.push_back({&model, k});
  return members;
}

Predictor::Predictor(SavedModel model, int threads) : Predictor(one(std::move(model)), threads) {}

Predictor::Predictor(std::vector<SavedModel> models, int threads)
    : models_(checked(std::move(models))),
      members_(members_of(models_)),
      baseline_(model().baseline()),
      users_(model().user_ids),
      items_(model().item_ids),
      user_ratings_(count_by_user(model())),
      item_counts_(std::make_unique<ItemCounts>()),
      lender_(std::make_unique<Lender>(threads)),
      encoders_(std::make_unique<Encoders>()),
      profiles_(std::make_unique<Profiles>()) {
  for (const auto& [model, number] : members_) {
    if (std::holds_alternative<std::vector<double>>(model->tensor("user_embedding").values))
      scorers_.push_back(std::make_unique<TypedScorer<double>>(*model, number));
    else
      scorers_.push_back(std::make_unique<TypedScorer<float>>(*model, number));
  }
}
Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

bool Predictor::reads(const std::string& tensor) {
  for (const char* name : {"user_embedding", "item_embedding", "calibration", "rated.offsets", "rated.items",
                           "tested.offsets", "tested.items"})
    if (tensor == name) return true;
  return tensor.starts_with("decoder.") || tensor.starts_with("baseline.");
}

Index Predictor::user_index(std::string_view id) const { return users_.find(id); }
Index Predictor::item_index(std::string_view id) const { return items_.find(id); }

Offset Predictor::ratings_of(Side side, Index node) const {
  check_node(side, node);
  return ratings_of_nodes(side)[static_cast<std::size_t>(node)];
}

const std::vector<Offset>& Predictor::ratings_of_nodes(Side side) const {
  if (side == user_side) return user_ratings_;
  std::call_once(item_counts_->once, [&] { item_counts_->counts = count_by_item(model()); });
  return item_counts_->counts;
}

void Predictor::check_node(Side side, Index node) const {
  const auto nodes = static_cast<Offset>((side == user_side ? model().user_ids : model().item_ids).size());
  require(node >= 0 && node < nodes, [&] {
    return std::string("predictor: ") + (side == user_side ? "user" : "item") + " number " + std::to_string(node) +
           " is not in the model";
  });
}

void Predictor::score_unclipped(std::span<const Pair> pairs, const Guests* guests, std::span<double> ratings,
                                std::span<double> probabilities, Memory& memory) const {
  const auto average = [&](double& sum) { sum /= static_cast<double>(scorers_.size()); };
  const bool users_are_guests = guests && guests->side == user_side;
  order_by_user(pairs, users_are_guests ? pairs.size() + 1 : model().user_ids.size(), memory.order,
                memory.begin_of_user);
  std::fill(probabilities.begin(), probabilities.end(), 0.0);
  std::fill(ratings.begin(), ratings.end(), 0.0);
  const std::span<const std::size_t> order = memory.order;
  memory.run((order.size() + block_pairs - 1) / block_pairs, [&](std::size_t block, Worker& worker) {
    const std::size_t begin = block * block_pairs;
    for (std::size_t m = 0; m < scorers_.size(); ++m)
      scorers_[m]->add(order.subspan(begin, std::min(block_pairs, order.size() - begin)), pairs, Guests::of(guests, m),
                       worker, ratings, probabilities);
  });
  std::for_each(probabilities.begin(), probabilities.end(), average);
  const auto known = [&](Side side, Index node) { return guests && guests->side == side ? -1 : node; };
  for (std::size_t k = 0; k < ratings.size(); ++k)
    if (const auto [user, item] = pairs[k]; user < 0 || item < 0)
      ratings[k] = baseline_.unclipped(known(user_side, user), known(item_side, item));
    else
      average(ratings[k]);
}

void Predictor::score(std::span<const Pair> pairs, const Guests* guests, std::span<double> ratings,
                      std::span<double> probabilities, Memory& memory) const {
  score_unclipped(pairs, guests, ratings, probabilities, memory);
  for (double& rating : ratings) rating = clipped(rating);
}

double Predictor::clipped(double rating) const {
  return std::clamp(rating, model().levels.front(), model().levels.back());
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
  score(pairs, nullptr, ratings, probabilities, *memory);
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
    for (std::size_t e = 0; e < part.size(); ++e)
      metrics.add(ratings[e], std::span(probabilities).subspan(e * values.size(), values.size()), values,
                  part[e].level);
  }
  return metrics;
}

}  // namespace gcmc
