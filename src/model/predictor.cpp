// Predictions from a saved model, scored by the CPU backend.
#include "gcmc/model/predictor.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gcmc/cpu.hpp"
#include "gcmc/layers/bilinear_decoder.hpp"

namespace gcmc {

/// Scores known pairs; hides the element type.
class Predictor::Scorer {
 public:
  virtual ~Scorer() = default;
  /// Writes the expected rating and, if probabilities is not null, the levels' probabilities of each pair.
  virtual void score(std::span<const Pair> pairs, double* ratings, double* probabilities) = 0;
};

template <class T>
class Predictor::TypedScorer final : public Predictor::Scorer {
 public:
  TypedScorer(Cpu& cpu, const SavedModel& model)
      : cpu_(cpu),
        levels_(static_cast<Index>(model.levels.size())),
        values_(cpu_, {model.levels.begin(), model.levels.end()}),
        calibration_(model.calibration()) {
    const auto users = static_cast<Index>(model.user_ids.size()), items = static_cast<Index>(model.item_ids.size());
    const Tensor& basis = model.tensors.at("decoder.basis");
    bases_ = static_cast<Index>(basis.shape.at(0));
    const auto output = static_cast<Index>(basis.shape.at(1));
    items_ = Matrix<Cpu, T>(cpu_, items, output);
    items_.set(values(model, "item_embedding"));
    coefficients_ = Matrix<Cpu, T>(cpu_, bases_, levels_);
    coefficients_.set(values(model, "decoder.coefficients"));
    Matrix<Cpu, T> user(cpu_, users, output), p(cpu_, bases_ * output, output);
    user.set(values(model, "user_embedding"));
    p.set(values(model, "decoder.basis"));
    user_basis_ = Matrix<Cpu, T>(cpu_, users, bases_ * row_stride<T>(output));
    const MatrixView<const T> all = p.const_view();
    cpu_.run(Multiply<T>{
        user.const_view(), {all.data, bases_, output, output, all.stride}, false, false, user_basis_.view()});
  }

  /// Runs of pairs with the same user, one operation each: the cost of a call is that of its pairs, not of all users.
  void score(std::span<const Pair> pairs, double* ratings, double* probabilities) override {
    std::vector<std::size_t> order(pairs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return pairs[a].first < pairs[b].first; });
    // Kernels may read a line behind an array.
    std::vector<Index> items(pairs.size() + row_alignment / sizeof(Index));
    for (std::size_t e = 0; e < order.size(); ++e) items[e] = pairs[order[e]].second;
    std::vector<T> prediction(pairs.size());
    std::vector<T> probability(probabilities ? pairs.size() * static_cast<std::size_t>(levels_) : 0);
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
      const Index user = pairs[order[first]].first;
      while (last < order.size() && pairs[order[last]].first == user) ++last;
      score_user(user, {items.data() + first, last - first}, prediction.data() + first,
                 probabilities ? probability.data() + first * static_cast<std::size_t>(levels_) : nullptr);
    }
    for (std::size_t e = 0; e < order.size(); ++e) {
      const auto expected = static_cast<double>(prediction[e]);
      if (ratings) ratings[order[e]] = calibration_ ? (*calibration_)(expected) : expected;
      if (probabilities)
        std::copy_n(probability.begin() + static_cast<std::ptrdiff_t>(e) * levels_, levels_,
                    probabilities + order[e] * static_cast<std::size_t>(levels_));
    }
  }

 private:
  static const std::vector<T>& values(const SavedModel& model, const std::string& name) {
    const auto found = model.tensors.find(name);
    if (found == model.tensors.end()) throw InputError("predictor: the model has no tensor '" + name + "'");
    const auto* typed = std::get_if<std::vector<T>>(&found->second.values);
    if (!typed) throw InputError("predictor: tensor '" + name + "' has another element type than the embeddings");
    return *typed;
  }

  void score_user(Index user, std::span<const Index> items, T* prediction, T* probability) {
    const auto count = static_cast<Offset>(items.size());
    std::vector<Offset> begin(static_cast<std::size_t>(levels_) + 1,
                              count);  // all at the first level: it is not looked at
    begin[0] = 0;
    const Index chunk_begin[] = {0, 1};
    const MatrixView<const T> all = user_basis_.const_view();
    cpu_.run(Predict<T>{
        {1, items_.view().rows, levels_, static_cast<Index>(count), begin.data(), begin.data() + 1, items.data()},
        chunk_begin,
        1,
        bases_,
        {all.row(user), 1, all.columns, all.stride},
        items_.const_view(),
        coefficients_.const_view().data,
        values_.data(),
        nullptr,
        prediction,
        probability});
  }

  Cpu& cpu_;
  Index levels_, bases_ = 0;
  Matrix<Cpu, T> user_basis_, items_, coefficients_;
  Buffer<Cpu, T> values_;
  std::optional<Calibration> calibration_;
};

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
  for (std::size_t k = 1; k < models.size(); ++k)
    require(models[k].levels == first.levels && models[k].user_ids == first.user_ids &&
                models[k].item_ids == first.item_ids,
            [&] { return "predictor: model " + std::to_string(k + 1) + " has other ids or levels than the first"; });
  return models;
}

Index find(const std::unordered_map<std::string_view, Index>& numbers, std::string_view id) {
  const auto found = numbers.find(id);
  return found == numbers.end() ? -1 : found->second;
}

}  // namespace

Predictor::Predictor(SavedModel model, int threads)
    : Predictor(
          [&] {
            std::vector<SavedModel> one;
            one.push_back(std::move(model));
            return one;
          }(),
          threads) {}

Predictor::Predictor(std::vector<SavedModel> models, int threads)
    : models_(checked(std::move(models))),
      baseline_(model().baseline()),
      users_(numbered(model().user_ids)),
      items_(numbered(model().item_ids)),
      cpu_(std::make_unique<Cpu>(threads)) {
  for (const SavedModel& member : models_) {
    const auto found = member.tensors.find("user_embedding");
    if (found == member.tensors.end()) throw InputError("predictor: the model has no tensor 'user_embedding'");
    if (std::holds_alternative<std::vector<double>>(found->second.values))
      scorers_.push_back(std::make_unique<TypedScorer<double>>(*cpu_, member));
    else
      scorers_.push_back(std::make_unique<TypedScorer<float>>(*cpu_, member));
  }
}
Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

Index Predictor::user_index(std::string_view id) const { return find(users_, id); }
Index Predictor::item_index(std::string_view id) const { return find(items_, id); }

namespace {

/// Adds one model's numbers to the sum of the models before it.
void add(std::vector<double>& sum, const std::vector<double>& values) {
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += values[k];
}

/// The pairs whose ids are both known, and where they stood. Throws InputError for a number beyond the model's.
std::vector<std::size_t> known_pairs(std::span<const Predictor::Pair> pairs, const SavedModel& model,
                                     std::vector<Predictor::Pair>& known) {
  std::vector<std::size_t> places;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const Index user = pairs[k].first, item = pairs[k].second;
    require(user < static_cast<Offset>(model.user_ids.size()) && item < static_cast<Offset>(model.item_ids.size()),
            [&] {
              return "predictor: pair " + std::to_string(k) + " is user " + std::to_string(user) + ", item " +
                     std::to_string(item) + ", but the model has " + std::to_string(model.user_ids.size()) +
                     " users and " + std::to_string(model.item_ids.size()) + " items";
            });
    if (user < 0 || item < 0) continue;
    known.push_back(pairs[k]);
    places.push_back(k);
  }
  return places;
}

}  // namespace

std::vector<double> Predictor::predict(std::span<const Pair> pairs) const {
  std::vector<Pair> known;
  const std::vector<std::size_t> places = known_pairs(pairs, model(), known);
  std::vector<double> ratings(pairs.size()), sum(known.size()), scored(known.size());
  for (std::size_t k = 0; k < pairs.size(); ++k) ratings[k] = baseline_.predict(pairs[k].first, pairs[k].second);
  for (const auto& scorer : scorers_) {
    scorer->score(known, scored.data(), nullptr);
    add(sum, scored);
  }
  for (std::size_t k = 0; k < places.size(); ++k) ratings[places[k]] = sum[k] / static_cast<double>(scorers_.size());
  return ratings;
}

std::vector<double> Predictor::probabilities(std::span<const Pair> pairs) const {
  const std::size_t levels = model().levels.size();
  std::vector<Pair> known;
  const std::vector<std::size_t> places = known_pairs(pairs, model(), known);
  std::vector<double> all(pairs.size() * levels), sum(known.size() * levels), scored(known.size() * levels);
  for (const auto& scorer : scorers_) {
    scorer->score(known, nullptr, scored.data());
    add(sum, scored);
  }
  for (double& value : sum) value /= static_cast<double>(scorers_.size());
  for (std::size_t k = 0; k < places.size(); ++k)
    std::copy_n(sum.begin() + static_cast<std::ptrdiff_t>(k * levels), levels,
                all.begin() + static_cast<std::ptrdiff_t>(places[k] * levels));
  return all;
}

std::vector<Predictor::Recommendation> Predictor::recommend(Index user, Index top) const {
  require(user >= 0 && user < static_cast<Offset>(model().user_ids.size()),
          [&] { return "predictor: user number " + std::to_string(user) + " is not in the model"; });
  const auto& offsets = std::get<std::vector<Offset>>(model().tensors.at("rated.offsets").values);
  const auto& rated = std::get<std::vector<Index>>(model().tensors.at("rated.items").values);
  std::vector<char> seen(model().item_ids.size());
  for (Offset e = offsets[user]; e < offsets[user + 1]; ++e) seen[rated[e]] = 1;
  std::vector<Pair> pairs;
  for (std::size_t item = 0; item < seen.size(); ++item)
    if (!seen[item]) pairs.emplace_back(user, static_cast<Index>(item));
  const std::vector<double> ratings = predict(pairs);
  std::vector<Recommendation> best;
  for (std::size_t k = 0; k < pairs.size(); ++k) best.push_back({pairs[k].second, ratings[k]});
  const auto count =
      static_cast<std::ptrdiff_t>(std::min(best.size(), static_cast<std::size_t>(std::max(top, Index{0}))));
  std::partial_sort(best.begin(), best.begin() + count, best.end(), [](const auto& a, const auto& b) {
    return a.rating > b.rating || (a.rating == b.rating && a.item < b.item);
  });
  best.resize(static_cast<std::size_t>(count));
  return best;
}

Metrics evaluate(const Predictor& predictor, std::span<const Rating> pairs) {
  constexpr std::size_t most = 100000;  // pairs at a time
  const std::vector<double>& values = predictor.model().levels;
  Metrics metrics;
  for (std::size_t begin = 0; begin < pairs.size(); begin += most) {
    const auto part = pairs.subspan(begin, std::min(most, pairs.size() - begin));
    std::vector<Predictor::Pair> ids;
    for (const Rating& rating : part) ids.emplace_back(rating.user, rating.item);
    const std::vector<double> all = predictor.probabilities(ids), ratings = predictor.predict(ids);
    for (std::size_t e = 0; e < part.size(); ++e) {
      const auto p = std::span(all).subspan(e * values.size(), values.size());
      const double error = ratings[e] - values.at(part[e].level);
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
