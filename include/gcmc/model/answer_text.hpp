// How answers of a Predictor are put in words and digits, wherever they are shown.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

#include "gcmc/model/predictor.hpp"

namespace gcmc {

/// Digits behind the point of a rating: six, or as many as make six significant ones where all levels are small.
inline int rating_decimals(const SavedModel& model) {
  constexpr int usual = 6;
  if (model.levels.empty()) return usual;
  const double size = std::max(std::abs(model.levels.front()), std::abs(model.levels.back()));
  if (size == 0) return usual;
  return std::clamp(usual - 1 - static_cast<int>(std::floor(std::log10(size))), usual, 20);
}

/// Appends a number with so many digits behind the point, and no exponent.
inline void append_fixed(std::string& to, double value, int decimals) {
  std::array<char, 400> digits;
  to.append(digits.data(),
            std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, decimals).ptr);
}

/// As short as the level is, of nine digits at most: 4, 3.5, 1000001.
inline std::string level_name(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

/// The item's title, "" if there is none, or no such item.
inline std::string title_of(const SavedModel& model, Index item) {
  const bool has = item >= 0 && static_cast<std::size_t>(item) < model.item_titles.size();
  return has ? model.item_titles[static_cast<std::size_t>(item)] : "";
}

/// What is to be said of a pair's rating: "unknown user", "no ratings in training (item)", or nothing. Numbers as in
/// Predictor::Pair.
inline std::string note(const Predictor& predictor, Index user, Index item) {
  if (user < 0 && item < 0) return "unknown user and item";
  if (user < 0) return "unknown user";
  if (item < 0) return "unknown item";
  const bool no_user = predictor.ratings_of(user_side, user) == 0, no_item = predictor.ratings_of(item_side, item) == 0;
  if (!no_user && !no_item) return "";
  return std::string("no ratings in training (") + (no_user ? no_item ? "user and item" : "user" : "item") + ")";
}

/// The level nearest to a value, the lower one of two.
inline Level nearest_level(const std::vector<double>& levels, double value) {
  const auto nearer = [&](double a, double b) { return std::abs(a - value) < std::abs(b - value); };
  return static_cast<Level>(std::min_element(levels.begin(), levels.end(), nearer) - levels.begin());
}

}  // namespace gcmc
