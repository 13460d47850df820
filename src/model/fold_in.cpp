// One node's way through the encoder, in doubles, from the tensors of a saved model.
#include "gcmc/model/fold_in.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "gcmc/base/error.hpp"
#include "gcmc/layers/model_layers.hpp"

namespace gcmc {

/// Hides the element type.
class FoldIn::Encoder {
 public:
  virtual ~Encoder() = default;
  virtual Index width() const = 0;
  /// The ratings' messages, times `sign`, into the sums [hidden].
  virtual void add(NodeRating rating, double sign, std::span<double> sums) const = 0;
  /// Row k of z is of row k of the sums, which are of counts[k] ratings. Many rows read the weights once.
  virtual void finish(std::span<const double> sums, std::span<const std::size_t> counts, std::span<double> z) const = 0;
  virtual std::size_t hidden() const = 0;
};

template <class T>
class FoldIn::TypedEncoder final : public FoldIn::Encoder {
 public:
  TypedEncoder(const SavedModel& model, Side side, Index member)
      : options_(convolution_options(model.options.model)),
        levels_(static_cast<Index>(model.levels.size())),
        shape_(options_, levels_),
        sources_(static_cast<Index>((side == user_side ? model.item_ids : model.user_ids).size())),
        output_(model.options.model.output),
        normalization_(model.options.model.normalization) {
    const std::string dense = ModelLayers::dense_name(side, model.tensors.contains("dense.both.weight"));
    const auto values = [&](const std::string& name, const std::vector<Offset>& shape) {
      return model.values_of<T>(member, name, shape);
    };
    table_ = values(ModelLayers::encoder_name(other(side)) + ".weight", {shape_.tables, sources_, shape_.width});
    weight_ = values(dense + ".weight", {shape_.hidden, output_});
    if (model.options.model.dense_bias) bias_ = values(dense + ".bias", {output_});
    const Index units = model.options.model.feature_units;
    if (const std::string features = ModelLayers::features_name(side); model.tensors.contains(features + ".bias"))
      add_features_of_none(values(features + ".bias", {units}), values(features + ".dense", {units, output_}));
    if (normalization_ == Normalization::symmetric) count_scales(model, side);
  }

  Index width() const override { return output_; }
  std::size_t hidden() const override { return static_cast<std::size_t>(shape_.hidden); }

  void add(NodeRating rating, double sign, std::span<double> sums) const override {
    require(rating.other >= 0 && rating.other < sources_ && rating.level < levels_, [&] {
      return "fold-in: a rating of node " + std::to_string(rating.other) + " at level " + std::to_string(rating.level) +
             ", but the model has " + std::to_string(sources_) + " and " + std::to_string(levels_) + " levels";
    });
    const double scale = source_scale_.empty() ? sign : sign * source_scale_[static_cast<std::size_t>(rating.other)];
    for (Index table = options_.ordinal ? 0 : rating.level; table <= rating.level; ++table)
      add_row(table, rating.level, rating.other, scale, sums);
    if (options_.implicit) add_row(levels_, levels_, rating.other, scale, sums);
  }

  void finish(std::span<const double> sums, std::span<const std::size_t> counts, std::span<double> z) const override {
    const auto width = static_cast<std::size_t>(output_), units = hidden();
    for (std::size_t k = 0; k < z.size(); ++k) {
      z[k] = bias_.empty() ? 0 : bias_[k % width];
      if (!of_features_.empty()) z[k] += of_features_[k % width];
    }
    std::vector<double> scales, weights(4 * width);
    for (const std::size_t count : counts) scales.push_back(scale_of(static_cast<Offset>(count)));
    for (std::size_t first = 0; first < units; first += 4) {
      const std::size_t now = std::min<std::size_t>(4, units - first);
      std::copy_n(weight_.begin() + static_cast<std::ptrdiff_t>(first * width), now * width, weights.begin());
      for (std::size_t row = 0; row < counts.size(); ++row) {
        std::array<double, 4> values{};
        for (std::size_t h = 0; h < now; ++h)
          values[h] = activation_value(options_.activation, scales[row] * sums[row * units + first + h]);
        if (values != std::array<double, 4>{}) add_units(values, weights.data(), z.subspan(row * width, width));
      }
    }
    // A prediction sums products of it, which may be larger (ModelCheck bounds those of the model's own embeddings).
    const double most = std::sqrt(static_cast<double>(std::numeric_limits<T>::max()));
    require(std::all_of(z.begin(), z.end(), [&](double value) { return std::abs(value) <= most; }),
            "fold-in: the encoder's weights are so large that the embedding overflows");
  }

 private:
  /// Four units' values times their weights [4][D] onto z, the first one first: z is read and written once.
  static void add_units(const std::array<double, 4>& values, const double* weights, std::span<double> z) {
    const std::size_t width = z.size();
    for (std::size_t d = 0; d < width; ++d)
      z[d] = z[d] + values[0] * weights[d] + values[1] * weights[width + d] + values[2] * weights[2 * width + d] +
             values[3] * weights[3 * width + d];
  }

  /// What the layer of side features adds to a node whose features are all 0.
  void add_features_of_none(std::span<const T> bias, std::span<const T> dense) {
    of_features_.assign(static_cast<std::size_t>(output_), 0.0);
    for (std::size_t u = 0; u < bias.size(); ++u) {
      const double value = activation_value(options_.activation, static_cast<double>(bias[u]));
      for (std::size_t d = 0; d < of_features_.size(); ++d)
        of_features_[d] += value * static_cast<double>(dense[u * of_features_.size() + d]);
    }
  }

  /// As DegreeScale.
  double scale_of(Offset degree) const {
    if (degree == 0) return 0;
    const auto count = static_cast<double>(degree);
    return normalization_ == Normalization::symmetric ? 1 / std::sqrt(count) : 1 / count;
  }

  /// Of the nodes of the other side, by their numbers of ratings.
  void count_scales(const SavedModel& model, Side side) {
    const auto users = static_cast<Offset>(model.user_ids.size());
    const std::vector<Offset>& offsets = model.values<Offset>("rated.offsets", {users + 1});
    const std::vector<Index>& items = model.values<Index>("rated.items");
    std::vector<Offset> degree(static_cast<std::size_t>(sources_));
    if (side == user_side) {
      for (const Index item : items) {
        require(item >= 0 && item < sources_, [&] { return "fold-in: rated.items has " + std::to_string(item); });
        ++degree[static_cast<std::size_t>(item)];
      }
    } else {
      for (std::size_t user = 0; user < degree.size(); ++user)
        degree[user] = std::max(offsets[user + 1] - offsets[user], Offset{0});
    }
    for (const Offset count : degree) source_scale_.push_back(scale_of(count));
  }

  /// The table's row of `source` into the columns that level `block` has.
  void add_row(Index table, Index block, Index source, double scale, std::span<double> sums) const {
    const auto width = static_cast<std::size_t>(shape_.width);
    const bool stack = options_.aggregation == Aggregation::stack;
    const T* row =
        table_.data() + (static_cast<std::size_t>(table) * static_cast<std::size_t>(sources_) + source) * width;
    double* sum = sums.data() + (stack ? static_cast<std::size_t>(block) * width : 0);
    for (std::size_t c = 0; c < width; ++c) sum[c] += scale * static_cast<double>(row[c]);
  }

  ConvolutionOptions options_;
  Index levels_;
  ConvolutionShape shape_;
  Index sources_, output_;
  Normalization normalization_;
  std::span<const T> table_, weight_, bias_;
  std::vector<double> source_scale_;  ///< empty: 1
  std::vector<double> of_features_;   ///< added to every embedding; empty: nothing
};

FoldIn::FoldIn(const SavedModel& model, Side side, Index member) {
  require(member >= 0 && member < model.members(), [&] {
    return "fold-in: there is no member " + std::to_string(member) + " of " + std::to_string(model.members());
  });
  const std::string table = ModelLayers::encoder_name(other(side)) + ".weight";
  require(model.tensors.contains(table), [&] {
    return "fold-in: the model has no encoder (\"" + table +
           "\" is missing), without which nothing new is embedded or explained: was it exported slim? Use the model "
           "that it was exported from";
  });
  if (std::holds_alternative<std::vector<double>>(model.tensor("user_embedding").values))
    encoder_ = std::make_unique<TypedEncoder<double>>(model, side, member);
  else
    encoder_ = std::make_unique<TypedEncoder<float>>(model, side, member);
}
FoldIn::~FoldIn() = default;
FoldIn::FoldIn(FoldIn&&) noexcept = default;
FoldIn& FoldIn::operator=(FoldIn&&) noexcept = default;

Index FoldIn::width() const { return encoder_->width(); }

void FoldIn::embed(std::span<const NodeRating> ratings, std::span<double> z) const {
  require(z.size() == static_cast<std::size_t>(width()), [&] {
    return "fold-in: room for " + std::to_string(z.size()) + " values of an embedding, which has " +
           std::to_string(width());
  });
  std::vector<double> sums(encoder_->hidden());
  for (const NodeRating& rating : ratings) encoder_->add(rating, 1, sums);
  const std::size_t count = ratings.size();
  encoder_->finish(sums, {&count, 1}, z);
}

std::vector<double> FoldIn::embed_without_parts(std::span<const NodeRating> ratings, std::size_t parts) const {
  constexpr std::size_t most = 16;  // rows at once, which stay in the cache
  const auto columns = static_cast<std::size_t>(width());
  std::vector<double> all(encoder_->hidden()), sums, rows(parts * columns);
  std::vector<std::size_t> counts;
  for (const NodeRating& rating : ratings) encoder_->add(rating, 1, all);
  for (std::size_t first = 0; first < parts; first += most) {
    const std::size_t last = std::min(first + most, parts);
    sums.clear();
    counts.assign(last - first, ratings.size());
    for (std::size_t part = first; part < last; ++part) {
      sums.insert(sums.end(), all.begin(), all.end());
      const std::span<double> rest = std::span(sums).last(all.size());
      for (std::size_t k = part; k < ratings.size(); k += parts, --counts[part - first])
        encoder_->add(ratings[k], -1, rest);
    }
    encoder_->finish(sums, counts, std::span(rows).subspan(first * columns, (last - first) * columns));
  }
  return rows;
}

}  // namespace gcmc
