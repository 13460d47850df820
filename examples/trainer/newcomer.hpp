// Somebody or something new, by a file of its ratings.
#pragma once

#include <string>

#include "gcmc/model/predictor.hpp"

/// Reads a table of item,rating (of an item: user,rating; "-": standard input) and folds the newcomer in. Ids that the
/// model does not have, and values between its levels, which are taken for the nearest, are counted in notes.
gcmc::Newcomer read_newcomer(const gcmc::Predictor& predictor, gcmc::Side side, const std::string& path);
