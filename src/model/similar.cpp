// Nodes whose embeddings point the same way.
#include <algorithm>
#include <cmath>

#include "gcmc/model/predictor.hpp"

namespace gcmc {
namespace {

/// Adds weight * cos(row `node`, row k) to similarity[k]; 0 where a row is zero.
template <class T>
void add_cosines(const std::vector<T>& rows, std::size_t width, Index node, double weight,
                 std::vector<double>& similarity) {
  const auto row = [&](std::size_t k) { return std::span(rows).subspan(k * width, width); };
  const auto product = [](std::span<const T> a, std::span<const T> b) {
    double sum = 0;
    for (std::size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
    return sum;
  };
  const std::span<const T> own = row(static_cast<std::size_t>(node));
  const double own_square = product(own, own);
  for (std::size_t k = 0; k < similarity.size(); ++k) {
    const double length = std::sqrt(own_square * product(row(k), row(k)));
    if (length > 0) similarity[k] += weight * product(own, row(k)) / length;
  }
}

}  // namespace

std::vector<Predictor::Neighbour> Predictor::similar(Side side, Index node, Index top) const {
  check_node(side, node);
  require(top >= 0, [&] { return "predictor: " + std::to_string(top) + " neighbours: use 0 or more"; });
  const char* name = side == user_side ? "user_embedding" : "item_embedding";
  std::vector<double> similarity((side == user_side ? model().user_ids : model().item_ids).size());
  for (const SavedModel& member : models_) {
    const Tensor& tensor = member.tensor(name);
    const auto width = static_cast<std::size_t>(tensor.shape[1]);
    const double weight = 1 / static_cast<double>(models_.size());
    if (const auto* rows = std::get_if<std::vector<double>>(&tensor.values))
      add_cosines(*rows, width, node, weight, similarity);
    else
      add_cosines(member.values<float>(name), width, node, weight, similarity);
  }
  std::vector<Neighbour> best;
  for (Index other = 0; other < static_cast<Index>(similarity.size()); ++other)
    if (other != node && ratings_of(side, other) > 0)
      best.push_back({other, similarity[static_cast<std::size_t>(other)]});
  const auto last = best.begin() + std::min(static_cast<std::ptrdiff_t>(best.size()), std::ptrdiff_t{top});
  std::partial_sort(best.begin(), last, best.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.similarity > b.similarity || (a.similarity == b.similarity && a.node < b.node);
  });
  best.erase(last, best.end());
  return best;
}

}  // namespace gcmc
