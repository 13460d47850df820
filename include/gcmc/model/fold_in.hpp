// The encoder of a saved model, for one node at a time: embeds from its ratings who was not in training.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/base/views.hpp"
#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// A rating that a node has: whom it is about, by the model's number of the other side, and its level.
struct NodeRating {
  Index other = 0;
  Level level = 0;
  friend bool operator==(const NodeRating&, const NodeRating&) = default;
};

/// Embeds nodes of one side from their ratings, by the model's tables (van den Berg et al. 2017, eq. 1, 2 and 10):
///   z = W^T act(join over r of c sum over the ratings (j, r) of c_j W_r[j]) + b,
/// c by the number of ratings, c_j by that of node j among the model's own (rated.*): the node takes the place of one
/// that was there. Its side features are taken to be missing, that is, 0. A node of training without features gets the
/// embedding that one pass of the encoder gave it, up to rounding; the mean over draws of dropout (embedding_draws) is
/// what it estimates.
///
/// Const members may be called from any number of threads. Memory: 8 bytes a node of the other side.
class GCMC_EXPORT FoldIn {
 public:
  /// By one member of the model, which must outlive it. Throws InputError that names the tensor if one of the encoder's
  /// or rated.* is missing, or has another type or shape than the options, ids and levels ask for, and for a member
  /// that is not there.
  FoldIn(const SavedModel& model, Side side, Index member = 0);
  FoldIn(SavedModel&&, Side, Index = 0) = delete;
  ~FoldIn();
  FoldIn(FoldIn&&) noexcept;
  FoldIn& operator=(FoldIn&&) noexcept;

  Index width() const;  ///< D, of an embedding

  /// z, as many values as width(). Without ratings it is what a node without any got. Throws InputError for a number or
  /// a level that the model does not have, and for another size. Cost: O(ratings H + H D), H the units; with ordinal,
  /// levels times the former. Sums run in the ratings' order.
  void embed(std::span<const NodeRating> ratings, std::span<double> z) const;

  /// Row p is z without the ratings k of which k % parts is p: parts x width() values. Cost: O(ratings H + parts H D).
  std::vector<double> embed_without_parts(std::span<const NodeRating> ratings, std::size_t parts) const;

 private:
  class Encoder;
  template <class T>
  class TypedEncoder;
  std::unique_ptr<const Encoder> encoder_;
};

}  // namespace gcmc
