// What every loaded model must answer, whatever its file held.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "gcmc/model/predictor.hpp"

namespace gcmc {

/// Whether the first few users and items, and unknown ones, get ratings between the levels and probabilities. Rounding
/// may lead beyond either by a little.
inline bool answers_are_sane(const Predictor& predictor) {
  const SavedModel& model = predictor.model();
  const auto few = [](const std::vector<std::string>& ids) {
    return static_cast<Index>(std::min<std::size_t>(ids.size(), 5));
  };
  std::vector<Predictor::Pair> pairs;
  for (Index user = -1; user < few(model.user_ids); ++user)
    for (Index item = -1; item < few(model.item_ids); ++item) pairs.emplace_back(user, item);
  const Predictor::Scores scores = predictor.score(pairs);
  const double lowest = model.levels.front(), highest = model.levels.back(),
               slack = 1e-5 * std::max(std::abs(lowest), std::abs(highest));
  return std::all_of(scores.ratings.begin(), scores.ratings.end(),
                     [&](double rating) { return rating >= lowest - slack && rating <= highest + slack; }) &&
         std::all_of(scores.probabilities.begin(), scores.probabilities.end(),
                     [](double p) { return p >= 0 && p < 1 + 1e-5; });
}

}  // namespace gcmc
