// The preset `auto`: options chosen by what the ratings are, each with its reason.
#pragma once

#include "gcmc/options.hpp"
#include "gcmc/ratings.hpp"

namespace gcmc {

/// One option that differs from the preset dgl, its value as text, and why.
struct Choice {
  std::string option, value, reason;
};

/// What auto chooses for these ratings: by their number, their density (ratings a user or item), the levels and whether
/// both sides have features. Choices of one reason follow each other. The rules were chosen by validation error
/// (docs/accuracy.md). Deterministic; cost O(1).
std::vector<Choice> auto_choices(const Ratings& ratings);

/// The preset dgl with these choices, named auto, for the set `data_name`.
Options auto_options(const Ratings& ratings, std::string_view data_name);

}  // namespace gcmc
