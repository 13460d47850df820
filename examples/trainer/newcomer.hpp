// Somebody new, by a file of their ratings.
#pragma once

#include <string>

#include "gcmc/model/predictor.hpp"

/// Reads a table of item,rating ("-": standard input) and folds the user in. Items that the model does not have, and
/// values between its levels, which are taken for the nearest, are counted in notes.
gcmc::Newcomer read_newcomer(const gcmc::Predictor& predictor, const std::string& path);
