// A trained model in host memory: everything a prediction needs, tensors by name.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/options/options.hpp"
#include "gcmc/ratings/baseline.hpp"
#include "gcmc/ratings/features.hpp"
#include "gcmc/ratings/metrics.hpp"

namespace gcmc {

/// A dense row-major tensor F32, F64, I32, I64 or U8.
struct Tensor {
  std::vector<Offset> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<Index>, std::vector<Offset>, std::vector<Level>>
      values;
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// [3, 75]
inline std::string shape_text(const std::vector<Offset>& shape) {
  std::string text;
  for (const Offset extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

/// Everything a prediction needs, in host memory. Tensors by name (unpadded):
///   encoder.user.weight [tables][users][width], encoder.item.weight, dense.user.weight [hidden][D], dense.user.bias
///   [D], dense.item.* or dense.both.*, features.user.weight, .bias, .dense, .sparse (and item), decoder.basis
///   [B][D][D], decoder.coefficients [B][R], user_embedding [users][D], item_embedding [items][D]; all F32 or all F64;
///   baseline.user_bias [users], baseline.item_bias [items] F64;
///   calibration [2] F64: offset and slope, with the option calibrate;
///   rated.offsets [users+1] I64, rated.items I32, rated.levels U8: the ratings behind the embeddings, by user;
///   tested.offsets, .items, .levels: the same of the test part, which models of older versions lack.
/// A model of several members (the option refits) answers with the mean of theirs. Of the tensors from encoder.* to
/// item_embedding it has one a member, in one tensor whose shape begins with their number: [K][users][D].
struct SavedModel {
  Options options;
  std::string dataset;
  std::vector<double> levels;
  std::vector<std::string> user_ids, item_ids;
  std::vector<std::string> item_titles;  ///< one an item, or none at all
  std::map<std::string, Tensor> tensors;
  std::array<std::vector<FeatureEncoding>, 2> encodings = {};  ///< of the features of users, of items
  double mean = 0;                                             ///< of the training ratings, for the baseline
  std::map<std::string, double> metrics;                       ///< best_valid_rmse, best_test_rmse, ...
  std::map<std::string, std::string> split;                    ///< how the ratings were split, in words and numbers

  /// Trainings that it is of, side by side.
  Index members() const { return options.train.members(); }
  /// Of a tensor whose shape in each member is this one.
  std::vector<Offset> shape_with_members(std::vector<Offset> shape) const {
    if (members() > 1) shape.insert(shape.begin(), Offset{members()});
    return shape;
  }

  /// The tensor of this name. Throws InputError if there is none.
  const Tensor& tensor(const std::string& name) const {
    const auto found = tensors.find(name);
    require(found != tensors.end(), [&] { return "saved model: tensor \"" + name + "\" is missing"; });
    return found->second;
  }
  /// Its values. Throws InputError too if they are of another type.
  template <class T>
  const std::vector<T>& values(const std::string& name) const {
    const auto* values = std::get_if<std::vector<T>>(&tensor(name).values);
    require(values, [&] { return "saved model: tensor \"" + name + "\" has another element type"; });
    return *values;
  }
  /// The same, and throws InputError if they are of another shape.
  template <class T>
  const std::vector<T>& values(const std::string& name, std::initializer_list<Offset> shape) const {
    return values<T>(name, std::span(shape.begin(), shape.size()));
  }
  template <class T>
  const std::vector<T>& values(const std::string& name, std::span<const Offset> shape) const {
    const std::vector<T>& values = this->values<T>(name);
    Offset count = 1;
    for (const Offset extent : shape) count *= extent;
    const std::vector<Offset>& actual = tensor(name).shape;
    const bool fits = std::equal(actual.begin(), actual.end(), shape.begin(), shape.end());
    require(fits && static_cast<Offset>(values.size()) == count, [&] {
      return "saved model: tensor \"" + name + "\" has shape " + shape_text(actual) + " and " +
             std::to_string(values.size()) + " values, not shape " + shape_text({shape.begin(), shape.end()});
    });
    return values;
  }
  /// Those of one member, of this shape. Throws as values().
  template <class T>
  std::span<const T> values_of(Index member, const std::string& name, const std::vector<Offset>& shape) const {
    const std::vector<T>& all = values<T>(name, shape_with_members(shape));
    const std::size_t count = all.size() / static_cast<std::size_t>(members());
    return std::span(all).subspan(static_cast<std::size_t>(member) * count, count);
  }

  BiasBaseline baseline() const {
    require(!levels.empty(), "saved model: no rating values");
    return {mean, levels.front(), levels.back(),
            values<double>("baseline.user_bias", {static_cast<Offset>(user_ids.size())}),
            values<double>("baseline.item_bias", {static_cast<Offset>(item_ids.size())})};
  }
  /// Of the decoder's expected ratings, where there is one.
  std::optional<Calibration> calibration() const {
    if (!tensors.contains("calibration")) return std::nullopt;
    require(!levels.empty(), "saved model: no rating values");
    const std::vector<double>& line = values<double>("calibration", {2});
    return Calibration{line.front(), line.back(), levels.front(), levels.back()};
  }
};

}  // namespace gcmc
