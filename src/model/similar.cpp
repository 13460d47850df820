// Nodes whose embeddings point the same way, and nodes whose predicted ratings do.
#include <algorithm>
#include <cmath>

#include "gcmc/model/predictor.hpp"
#include "profiles.hpp"

namespace gcmc {
namespace {

using Doubles = std::vector<double>;  ///< row-major

template <class A, class B>
double product(std::span<const A> a, std::span<const B> b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

/// Those of a member.
template <class Values>
auto part_of(const Values& values, const SavedModel& model, Index member) {
  const std::size_t count = values.size() / static_cast<std::size_t>(model.members());
  return std::span(values).subspan(static_cast<std::size_t>(member) * count, count);
}

Doubles in_doubles(const SavedModel& model, Index member, const std::string& name) {
  const auto copied = [&](const auto& values) {
    const auto part = part_of(values, model, member);
    return Doubles(part.begin(), part.end());
  };
  return std::visit(copied, model.tensor(name).values);
}

/// 0 where one of the vectors is, and where numbers are so large that there is none.
double cosine(double product, double lengths) {
  const double quotient = product / lengths;
  return lengths > 0 && std::isfinite(quotient) ? quotient : 0;
}

const char* embedding_of(Side side) { return side == user_side ? "user_embedding" : "item_embedding"; }

/// G of nodes [.][width]: sum over those with ratings of z z^T.
Doubles gram_matrix(const Doubles& nodes, std::size_t width, const std::vector<Offset>& ratings) {
  Doubles gram(width * width);
  for (std::size_t node = 0; node < ratings.size(); ++node) {
    if (ratings[node] == 0) continue;
    const double* z = nodes.data() + node * width;
    for (std::size_t d = 0; d < width; ++d)
      for (std::size_t e = 0; e <= d; ++e) gram[d * width + e] += z[d] * z[e];
  }
  for (std::size_t d = 0; d < width; ++d)
    for (std::size_t e = d + 1; e < width; ++e) gram[d * width + e] = gram[e * width + d];
  return gram;
}

/// C = A B of width x width matrices, A transposed if asked.
Doubles multiplied(const Doubles& a, bool transposed, const Doubles& b, std::size_t width) {
  Doubles c(width * width);
  for (std::size_t d = 0; d < width; ++d)
    for (std::size_t k = 0; k < width; ++k) {
      const double factor = transposed ? a[k * width + d] : a[d * width + k];
      for (std::size_t e = 0; e < width; ++e) c[d * width + e] += factor * b[k * width + e];
    }
  return c;
}

/// Q_r: the logits u^T Q_r v of level r, less their mean over the levels; of users' side transposed.
std::vector<Doubles> centred_forms(const SavedModel& model, Index member, Side side, std::size_t width) {
  const Doubles basis = in_doubles(model, member, "decoder.basis"),
                a = in_doubles(model, member, "decoder.coefficients");
  const std::size_t levels = model.levels.size(), bases = a.size() / levels;
  std::vector<Doubles> forms(levels, Doubles(width * width));
  for (std::size_t s = 0; s < bases; ++s) {
    const std::span<const double> of_levels = std::span(a).subspan(s * levels, levels);
    double mean = 0;
    for (const double value : of_levels) mean += value / static_cast<double>(levels);
    for (std::size_t r = 0; r < levels; ++r)
      for (std::size_t d = 0; d < width; ++d)
        for (std::size_t e = 0; e < width; ++e)
          forms[r][side == item_side ? d * width + e : e * width + d] +=
              (of_levels[r] - mean) * basis[(s * width + d) * width + e];
  }
  return forms;
}

}  // namespace

Predictor::Profile::Profile(const Member& member, Side side, const std::vector<Offset>& ratings_of_others) {
  const auto& [model, number] = member;
  rows = in_doubles(*model, number, embedding_of(side));
  width = static_cast<std::size_t>(model->tensor(embedding_of(side)).shape.back());
  form.resize(width * width);
  const Doubles gram = gram_matrix(in_doubles(*model, number, embedding_of(other(side))), width, ratings_of_others);
  for (const Doubles& q : centred_forms(*model, number, side, width)) {
    const Doubles part = multiplied(q, true, multiplied(gram, false, q, width), width);
    for (std::size_t k = 0; k < part.size(); ++k) form[k] += part[k];
  }
  for (std::size_t node = 0; node * width < rows.size(); ++node) {
    const std::vector<double> image = image_of(node);
    lengths.push_back(std::sqrt(std::max(product(row(node), std::span<const double>(image)), 0.0)));
  }
}

std::vector<double> Predictor::Profile::image_of(std::size_t node) const {
  std::vector<double> image(width);
  for (std::size_t d = 0; d < width; ++d)
    image[d] = product(std::span<const double>(form).subspan(d * width, width), row(node));
  return image;
}

const std::vector<Predictor::Profile>& Predictor::profiles(Side side) const {
  std::call_once(profiles_->once[side], [&] {
    std::vector<Profile> made;
    for (const Member& member : members_) made.emplace_back(member, side, ratings_of_nodes(other(side)));
    profiles_->of[side] = std::move(made);
  });
  return profiles_->of[side];
}

/// The mean over the members of the cosine with each node.
std::vector<double> Predictor::likeness_of_ratings(Side side, Index node) const {
  const auto own = static_cast<std::size_t>(node);
  std::vector<double> means;
  for (const Profile& profile : profiles(side)) {
    means.resize(profile.lengths.size());
    const std::vector<double> image = profile.image_of(own);
    for (std::size_t k = 0; k < means.size(); ++k)
      means[k] +=
          cosine(product(std::span<const double>(image), profile.row(k)), profile.lengths[own] * profile.lengths[k]) /
          static_cast<double>(members_.size());
  }
  return means;
}

std::vector<double> Predictor::likeness_of_embeddings(Side side, Index node) const {
  const double weight = 1 / static_cast<double>(members_.size());
  std::vector<double> means((side == user_side ? model().user_ids : model().item_ids).size());
  for (const auto& [model, number] : members_) {
    const Tensor& tensor = model->tensor(embedding_of(side));
    const auto width = static_cast<std::size_t>(tensor.shape.back());
    const auto add_cosines = [&, model = model, number = number](const auto& all) {
      const auto values = part_of(all, *model, number);
      const auto row = [&](std::size_t k) { return values.subspan(k * width, width); };
      const auto own = row(static_cast<std::size_t>(node));
      const double own_square = product(own, own);
      for (std::size_t k = 0; k < means.size(); ++k)
        means[k] += weight * cosine(product(own, row(k)), std::sqrt(own_square * product(row(k), row(k))));
    };
    std::visit(add_cosines, tensor.values);
  }
  return means;
}

std::vector<Predictor::Neighbour> Predictor::similar(Side side, Index node, Index top, Likeness by) const {
  check_node(side, node);
  require(top >= 0, [&] { return "predictor: " + std::to_string(top) + " neighbours: use 0 or more"; });
  const std::vector<double> likeness =
      by == Likeness::ratings ? likeness_of_ratings(side, node) : likeness_of_embeddings(side, node);
  const std::vector<Offset>& ratings = ratings_of_nodes(side);
  std::vector<Neighbour> best;
  for (std::size_t other = 0; other < likeness.size(); ++other)
    if (static_cast<Index>(other) != node && ratings[other] > 0)
      best.push_back({static_cast<Index>(other), likeness[other]});
  const auto last = best.begin() + std::min(static_cast<std::ptrdiff_t>(best.size()), std::ptrdiff_t{top});
  std::partial_sort(best.begin(), last, best.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.similarity > b.similarity || (a.similarity == b.similarity && a.node < b.node);
  });
  best.erase(last, best.end());
  return best;
}

}  // namespace gcmc
