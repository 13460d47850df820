// A trained model in host memory: everything a prediction needs, tensors by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/options/options.hpp"
#include "gcmc/ratings/baseline.hpp"
#include "gcmc/ratings/metrics.hpp"

namespace gcmc {

/// A dense row-major tensor F32, F64, I32, I64 or U8.
struct Tensor {
  std::vector<Offset> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<Index>, std::vector<Offset>, std::vector<Level>>
      values;
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// Everything a prediction needs, in host memory. Tensors by name (unpadded):
///   encoder.user.weight [tables][users][width], encoder.item.weight, dense.user.weight [hidden][D], dense.user.bias
///   [D], dense.item.* or dense.both.*, features.user.weight, .bias, .dense (and item), decoder.basis [B][D][D],
///   decoder.coefficients [B][R], user_embedding [users][D], item_embedding [items][D]; all F32 or all F64;
///   baseline.user_bias [users], baseline.item_bias [items] F64;
///   calibration [2] F64: offset and slope, with the option calibrate;
///   rated.offsets [users+1] I64, rated.items I32, rated.levels U8: the ratings behind the embeddings.
struct SavedModel {
  Options options;
  std::string dataset;
  std::vector<double> levels;
  std::vector<std::string> user_ids, item_ids;
  std::map<std::string, Tensor> tensors;
  double mean = 0;                           ///< of the training ratings, for the baseline
  std::map<std::string, double> metrics;     ///< best_valid_rmse, best_test_rmse, ...
  std::map<std::string, std::string> split;  ///< how the ratings were split, in words and numbers

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

  BiasBaseline baseline() const {
    require(!levels.empty(), "saved model: no rating values");
    return {mean, levels.front(), levels.back(), values<double>("baseline.user_bias"),
            values<double>("baseline.item_bias")};
  }
  /// Of the decoder's expected ratings, where there is one.
  std::optional<Calibration> calibration() const {
    if (!tensors.contains("calibration")) return std::nullopt;
    const std::vector<double>& line = values<double>("calibration");
    require(line.size() == 2 && !levels.empty(), "saved model: tensor \"calibration\" is not two F64");
    return Calibration{line.front(), line.back(), levels.front(), levels.back()};
  }
};

}  // namespace gcmc
