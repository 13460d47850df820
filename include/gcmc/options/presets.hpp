// Option sets: those that the two earlier codes ran with, the best that we know, and `auto` and `fast`, which look at
// the ratings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/options/options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// The options named `preset` ("dgl", "paper", "best"), with what its authors ran on `data_name` where they said so.
/// Throws InputError on another name, and on those that look at the ratings.
GCMC_EXPORT Options preset_options(std::string_view preset, std::string_view data_name);

/// Whether a preset's options depend on the ratings: "auto" and "fast".
GCMC_EXPORT bool looks_at_ratings(std::string_view preset);

/// One option that differs from the preset dgl, its value as text, and why.
struct Choice {
  std::string option, value, reason;
};

/// What auto or fast chooses for these ratings: by their number, their density (ratings a user or item), the levels,
/// whether a side has features and, fast, by the seconds that there are (0: not known). Choices of one reason follow
/// each other. The rules were chosen by validation error (docs/accuracy.md). Deterministic; cost O(1). Throws
/// InputError for a preset that does not look at ratings.
GCMC_EXPORT std::vector<Choice> preset_choices(std::string_view preset, const Ratings& ratings, double time_budget = 0);

/// Any preset for these ratings, which are the set `data_name`: of auto and fast, dgl with their choices.
GCMC_EXPORT Options preset_options(std::string_view preset, std::string_view data_name, const Ratings& ratings,
                                   double time_budget = 0);

}  // namespace gcmc
