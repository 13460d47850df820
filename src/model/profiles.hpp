// Predicted ratings as vectors: their products without the ratings.
#pragma once

#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "gcmc/model/predictor.hpp"

namespace gcmc {

/// Of one member's nodes of one side. A node's profile has log p_r less its mean over the levels r, of every node of
/// the other side that has ratings: a level's logit less the mean logit, which is u^T Q_r v. So the product of two
/// profiles is z^T M z', M = sum over r of Q_r^T G Q_r, with G the sum of z z^T over the other side: D x D, whatever
/// the number of nodes.
struct Predictor::Profile {
  Profile(const Member& member, Side side, const std::vector<Offset>& ratings_of_others);

  std::span<const double> row(std::size_t node) const { return std::span(rows).subspan(node * width, width); }
  /// M z.
  std::vector<double> image_of(std::size_t node) const;

  std::size_t width = 0;
  std::vector<double> rows, form;  ///< embeddings; M
  std::vector<double> lengths;     ///< of the profiles
};

/// Of each member, by side; made when they are first asked for.
struct Predictor::Profiles {
  std::array<std::once_flag, 2> once;
  std::array<std::vector<Profile>, 2> of;
};

}  // namespace gcmc
