// Ranked lists of all items, and what they hold of the pairs that are rated.
#pragma once

#include <span>

#include "gcmc/model/evaluation.hpp"

namespace gcmc {

/// Fills the rankings of `result`, whose `relevant` and `top` say what is asked.
void rank(const Predictor& predictor, std::span<const RatedPair> pairs, Evaluation& result);

}  // namespace gcmc
