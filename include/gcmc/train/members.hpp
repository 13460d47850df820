// Several refits as the members of one saved model, and the errors of their mean.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gcmc/layers/model.hpp"
#include "gcmc/train/save.hpp"
#include "gcmc/train/trainer.hpp"

namespace gcmc {

/// Weights and embeddings of each member, by name, side by side (SavedModel). Throws InputError if one has another
/// tensor, or one of another type or shape, than the first.
inline void add_members(SavedModel& saved, std::vector<std::map<std::string, Tensor>> members) {
  require(!members.empty(), "saved model: no member");
  std::map<std::string, Tensor>& first = members.front();
  const auto count = static_cast<Offset>(members.size());
  for (auto& [name, tensor] : first) {
    const std::vector<Offset> shape = tensor.shape;
    const auto append = [&, &name = name](auto& values) {
      values.reserve(values.size() * members.size());
      for (std::size_t k = 1; k < members.size(); ++k) {
        const auto found = members[k].find(name);
        const bool fits =
            members[k].size() == first.size() && found != members[k].end() && found->second.shape == shape;
        const auto* more =
            fits ? std::get_if<std::remove_reference_t<decltype(values)>>(&found->second.values) : nullptr;
        require(more, [&] { return "saved model: tensor \"" + name + "\" is not alike in all members"; });
        values.insert(values.end(), more->begin(), more->end());
      }
    };
    std::visit(append, tensor.values);
    if (count > 1) tensor.shape.insert(tensor.shape.begin(), count);
    saved.tensors[name] = std::move(tensor);
  }
}

/// A member's parameters and embeddings in a Model made for these ratings and options. Throws InputError as restore().
template <class B, class T>
requires Backend<B, T>
void restore_embedded(Model<B, T>& model, const SavedModel& saved, Index member) {
  restore(model, saved, member);
  for (const Side side : {user_side, item_side}) {
    const std::size_t nodes = (side == user_side ? saved.user_ids : saved.item_ids).size();
    const std::string name = ModelLayers::name(side) + "_embedding";
    model.set_embedding(side, saved.values_of<T>(member, name, {static_cast<Offset>(nodes), model.options().output}));
  }
}

/// Errors of what a saved model of these ratings answers for a part of them: the mean of its members' expected ratings,
/// through the calibrating line, and of their probabilities. Throws InputError as restore(). Cost: O(members pairs B
/// D), and memory for the pairs' probabilities.
template <class B, class T>
requires Backend<B, T> Metrics evaluate_members(B& backend, const SavedModel& saved, const Ratings& ratings,
                                                std::span<const Rating> part) {
  Metrics metrics;
  if (part.empty()) return metrics;
  const ScoredPart<B> scored(backend, ratings, part);
  const std::size_t pairs = scored.values.size(), levels = ratings.levels.size();
  std::vector<double> predictions(pairs), probabilities(pairs * levels);
  Buffer<B, T> predicted(backend, static_cast<Offset>(pairs)), chances(backend, static_cast<Offset>(pairs * levels));
  const auto add = [&](const std::vector<T>& values, std::vector<double>& sums) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += static_cast<double>(values[k]) / saved.members();
  };
  for (Index member = 0; member < saved.members(); ++member) {
    Model<B, T> model(backend, shape_of(ratings), saved.options.model, saved.options.train.seed);
    restore_embedded(model, saved, member);
    model.predict(scored.pairs.pairs(), predicted.data(), chances.data());
    add(predicted.get(), predictions);
    add(chances.get(), probabilities);
  }
  const Calibration none{0, 1, ratings.levels.front(), ratings.levels.back()},
      line = saved.calibration().value_or(none);
  for (std::size_t e = 0; e < pairs; ++e) {
    const auto level = std::ranges::lower_bound(ratings.levels, scored.values[e]) - ratings.levels.begin();
    metrics.add(line(predictions[e]), std::span(probabilities).subspan(e * levels, levels), ratings.levels,
                static_cast<Level>(level));
  }
  return metrics;
}

}  // namespace gcmc
