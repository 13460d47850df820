// Option sets: those that the two earlier codes ran with, the best that we know, and `auto`, which looks at the
// ratings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/options/options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// The options named `preset` ("dgl", "paper", "best"), with what its authors ran on `data_name` where they said so.
/// Throws InputError on another name, and on "auto", which auto_options gives.
GCMC_EXPORT Options preset_options(std::string_view preset, std::string_view data_name);

/// One option that differs from the preset dgl, its value as text, and why.
struct Choice {
  std::string option, value, reason;
};

/// What auto chooses for these ratings: by their number, their density (ratings a user or item), the levels and whether
/// both sides have features. Choices of one reason follow each other. The rules were chosen by validation error
/// (docs/accuracy.md). Deterministic; cost O(1).
GCMC_EXPORT std::vector<Choice> auto_choices(const Ratings& ratings);

/// The preset dgl with these choices, named auto, for the set `data_name`.
GCMC_EXPORT Options auto_options(const Ratings& ratings, std::string_view data_name);

}  // namespace gcmc
