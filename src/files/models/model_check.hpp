// What a saved model must hold: checked before it is written and after it is read.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../json.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/id_numbers.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/layers/model_layers.hpp"
#include "model_paths.hpp"

namespace gcmc {

enum class TensorType { f32, f64, i32, i64, u8, real };  ///< as Tensor::values' alternatives; real: F32 or F64

inline const char* type_name(TensorType type) {
  constexpr const char* names[] = {"F32", "F64", "I32", "I64", "U8", "F32 or F64"};
  return names[static_cast<std::size_t>(type)];
}

/// Checks of one model; messages begin with the file in `folder` that is wrong.
class ModelCheck {
 public:
  /// Tensors that are not `wanted` have no values.
  ModelCheck(const SavedModel& model, const std::string& folder, const TensorFilter& wanted = {})
      : model_(model),
        tensors_path_(folder + tensors_file),
        config_path_(folder + config_file),
        folder_(folder),
        wanted_(wanted) {}

  void run() const {
    check_levels();
    check_numbers();
    check_shapes();
    check_ids(model_.user_ids, folder_ + users_file);
    check_ids(model_.item_ids, folder_ + items_file);
    check_titles();
    for (const auto& [name, tensor] : model_.tensors) check_finite(name, tensor);
    check_magnitudes();
    check_rated("rated");
    if (has_tested()) check_rated("tested");
  }

 private:
  Offset users() const { return static_cast<Offset>(model_.user_ids.size()); }
  Offset items() const { return static_cast<Offset>(model_.item_ids.size()); }
  Offset levels() const { return static_cast<Offset>(model_.levels.size()); }

  void check_levels() const {
    const auto& values = model_.levels;
    if (values.empty() || values.size() > 255)
      throw InputError(config_path_ + ": " + std::to_string(values.size()) + " rating values, 1 to 255 are possible");
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!is_rating_value(values[i]) || (i > 0 && values[i] <= values[i - 1]))
        throw InputError(config_path_ + ": rating value " + std::to_string(i) +
                         " is not a number within 1e12 of 0, or not above the one before");
  }

  static void check_ids(const std::vector<std::string>& ids, const std::string& path) {
    const auto where = [&](std::size_t line) { return path + ": line " + std::to_string(line + 1); };
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i].empty()) throw InputError(where(i) + ": the id is empty");
      if (ids[i].find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
        throw InputError(where(i) + ": the id holds a line break or a zero byte");
    }
    const IdNumbers numbers(ids);
    if (const Index k = numbers.twice(); k >= 0)
      throw InputError(where(static_cast<std::size_t>(k)) + ": the id '" + ids[static_cast<std::size_t>(k)] +
                       "' is there twice");
    if (numbers.is_crowded()) throw InputError(path + ": the ids were chosen to make look-ups slow");
  }

  void check_titles() const {
    const auto& titles = model_.item_titles;
    if (!titles.empty() && titles.size() != model_.item_ids.size())
      throw InputError(folder_ + titles_file + ": " + std::to_string(titles.size()) + " titles, there are " +
                       std::to_string(items()) + " items");
    for (std::size_t i = 0; i < titles.size(); ++i)
      if (titles[i].find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
        throw InputError(folder_ + titles_file + ": line " + std::to_string(i + 1) +
                         ": the title holds a line break or a zero byte");
  }

  void check_numbers() const {
    if (std::max(model_.metrics.size(), model_.split.size()) > JsonBounds().names)
      throw InputError(config_path_ + ": more than " + std::to_string(JsonBounds().names) +
                       " metrics or words of split");
    std::size_t categories = 0;
    for (const auto& side : model_.encodings)
      for (const FeatureEncoding& encoding : side)
        categories += 3 + encoding.categories.size() + 2 * encoding.means.size();
    if (categories > JsonBounds().values / 2)
      throw InputError(config_path_ + ": the encodings of features have more than " +
                       std::to_string(JsonBounds().values / 2) + " values");
    if (!std::isfinite(model_.mean)) throw InputError(config_path_ + ": \"baseline_mean\" is not finite");
    for (const auto& [name, value] : model_.metrics)
      if (!std::isfinite(value)) throw InputError(config_path_ + ": metric \"" + name + "\" is not finite");
    try {
      validate(model_.options);
    } catch (const Error& problem) {
      throw InputError(config_path_ + ": " + problem.what());
    }
  }

  const Tensor& find(const std::string& name) const {
    const auto found = model_.tensors.find(name);
    if (found == model_.tensors.end()) throw InputError(tensors_path_ + ": tensor \"" + name + "\" is missing");
    return found->second;
  }
  bool is_read(const std::string& name) const { return !wanted_ || wanted_(name); }
  bool has(const std::string& name) const { return model_.tensors.count(name) > 0; }

  /// Checks shape, type and count of values; returns the values' type.
  TensorType expect(const std::string& name, const std::vector<Offset>& shape, TensorType type) const {
    const Tensor& tensor = find(name);
    if (tensor.shape != shape)
      throw InputError(tensors_path_ + ": tensor \"" + name + "\" has shape " + shape_text(tensor.shape) +
                       ", the options, ids and rating values need " + shape_text(shape));
    const auto actual = static_cast<TensorType>(tensor.values.index());
    const bool fits =
        type == TensorType::real ? actual == TensorType::f32 || actual == TensorType::f64 : actual == type;
    if (!fits)
      throw InputError(tensors_path_ + ": tensor \"" + name + "\" is " + type_name(actual) + ", not " +
                       type_name(type));
    Offset count = is_read(name) ? 1 : 0;
    for (const Offset extent : shape) count *= extent;
    const auto values = std::visit([](const auto& v) { return static_cast<Offset>(v.size()); }, tensor.values);
    if (values != count)
      throw InputError(tensors_path_ + ": tensor \"" + name + "\" has " + std::to_string(values) + " values, not " +
                       std::to_string(count));
    return actual;
  }

  void check_shapes() const {
    const Offset output = model_.options.model.output;
    const TensorType real = expect("user_embedding", model_.shape_with_members({users(), output}), TensorType::real);
    expect("item_embedding", model_.shape_with_members({items(), output}), real);
    const ModelSizes sizes = model_sizes();
    for (const ParameterPiece& piece : parameter_pieces(sizes))
      if (!is_slim() || !is_of_encoder(piece.name)) expect(piece.name, model_.shape_with_members(piece.shape()), real);
    for (const Side side : {user_side, item_side}) check_encodings(side, sizes);
    if (model_.options.train.calibrate) expect("calibration", {2}, TensorType::f64);
    expect("baseline.user_bias", {users()}, TensorType::f64);
    expect("baseline.item_bias", {items()}, TensorType::f64);
    expect_rated("rated");
    if (has_tested()) expect_rated("tested");
  }

  void expect_rated(const std::string& part) const {
    expect(part + ".offsets", {users() + 1}, TensorType::i64);
    const auto& shape = find(part + ".items").shape;
    expect(part + ".items", {shape.empty() ? 0 : shape[0]}, TensorType::i32);
    expect(part + ".levels", {shape[0]}, TensorType::u8);
  }

  static bool is_of_encoder(const std::string& name) {
    return name.starts_with("encoder.") || name.starts_with("dense.") || name.starts_with("features.");
  }
  /// A model for answers alone may lack the encoder, all of it.
  bool is_slim() const {
    return std::none_of(model_.tensors.begin(), model_.tensors.end(),
                        [](const auto& tensor) { return is_of_encoder(tensor.first); });
  }

  /// Models of older versions lack all of it.
  bool has_tested() const { return has("tested.offsets") || has("tested.items") || has("tested.levels"); }

  /// Rows of a member's tensor that depend on nothing else: 0 where it is not there, at least 1 where it is.
  Index rows_of(const std::string& name) const {
    if (!has(name)) return 0;
    const auto& shape = find(name).shape;
    const std::size_t axis = model_.members() > 1 ? 1 : 0;
    const Offset rows = axis < shape.size() ? shape[axis] : 1;
    return rows < 1 || rows > std::numeric_limits<Index>::max() ? 1 : static_cast<Index>(rows);
  }

  /// A side has features where it has any of their tensors; the weights' rows are the feature columns.
  ModelSizes model_sizes() const {
    ModelSizes sizes{.nodes = {static_cast<Index>(users()), static_cast<Index>(items())},
                     .levels = static_cast<Index>(levels())};
    for (const Side side : {user_side, item_side}) {
      const std::string name = ModelLayers::features_name(side);
      sizes.feature_columns[side] = rows_of(name + ".weight");
      sizes.sparse_columns[side] = rows_of(name + ".sparse");
      const bool weighted = sizes.feature_columns[side] > 0 || sizes.sparse_columns[side] > 0;
      if (!weighted && (has(name + ".bias") || has(name + ".dense"))) (void)find(name + ".weight");
    }
    return sizes;
  }

  /// Of a model with these options, ids and rating values.
  std::vector<ParameterPiece> parameter_pieces(const ModelSizes& sizes) const {
    try {
      return ModelLayers(model_.options.model, sizes).pieces();
    } catch (const Error& problem) {
      throw InputError(config_path_ + ": " + problem.what());
    }
  }

  void check_encodings(Side side, const ModelSizes& sizes) const {
    try {
      validate_encodings(model_.encodings[side], sizes.feature_columns[side], sizes.sparse_columns[side],
                         static_cast<std::size_t>(sizes.nodes[side]),
                         "\"features\" of " + ModelLayers::name(side) + ": ");
    } catch (const Error& problem) {
      throw InputError(config_path_ + ": " + problem.what());
    }
  }

  /// The largest magnitude of floating-point values; that of integers is not asked for. Compares bits without the sign,
  /// which ascend with the magnitude and are largest of all in what is not finite.
  template <class T>
  static double largest(const std::vector<T>& values) {
    if constexpr (!std::is_floating_point_v<T>)
      return 0;
    else {
      using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::int32_t, std::int64_t>;
      Bits largest = 0;
      for (const T value : values)
        largest = std::max(largest, std::bit_cast<Bits>(value) & std::numeric_limits<Bits>::max());
      return static_cast<double>(std::bit_cast<T>(largest));
    }
  }
  static double largest(const Tensor& tensor) {
    return std::visit([](const auto& values) { return largest(values); }, tensor.values);
  }

  void check_finite(const std::string& name, const Tensor& tensor) const {
    if (std::isfinite(largest(tensor))) return;
    std::visit(
        [&](const auto& values) {
          const auto bad = std::find_if(values.begin(), values.end(),
                                        [](auto value) { return !std::isfinite(static_cast<double>(value)); });
          throw InputError(tensors_path_ + ": tensor \"" + name + "\": value " + std::to_string(bad - values.begin()) +
                           " is not finite");
        },
        tensor.values);
  }

  /// A prediction sums products u P v a (BilinearDecoder) from left to right: none may overflow, whatever the signs.
  void check_magnitudes() const {
    const bool single = std::holds_alternative<std::vector<float>>(find("user_embedding").values);
    const double most = (single ? double{std::numeric_limits<float>::max()} : std::numeric_limits<double>::max()) / 8;
    const double output = model_.options.model.output, bases = model_.options.model.bases;
    double bound = 1;
    for (const auto& [name, terms] : {std::pair("user_embedding", 1.0), std::pair("decoder.basis", output),
                                      std::pair("item_embedding", output), std::pair("decoder.coefficients", bases)}) {
      if (!is_read(name)) return;
      bound *= terms * largest(find(name));
      if (!(bound <= most))
        throw InputError(tensors_path_ + ": tensor \"" + name +
                         "\": its values are so large that predictions could overflow");
    }
  }

  void check_rated(const std::string& part) const {
    check_rated_levels(part);
    const std::string where = tensors_path_ + ": tensor \"" + part;
    if (!is_read(part + ".offsets") || !is_read(part + ".items")) return;
    const auto& offsets = std::get<std::vector<Offset>>(find(part + ".offsets").values);
    const auto& rated_items = std::get<std::vector<Index>>(find(part + ".items").values);
    const bool covers = offsets.front() == 0 && offsets.back() == static_cast<Offset>(rated_items.size());
    if (!covers || !std::is_sorted(offsets.begin(), offsets.end()))
      throw InputError(where + ".offsets\" does not ascend from 0 to the " + std::to_string(rated_items.size()) +
                       " entries of " + part + ".items");
    std::uint32_t largest = 0;  // a negative number, too
    for (const Index item : rated_items) largest = std::max(largest, static_cast<std::uint32_t>(item));
    if (rated_items.empty() || largest < static_cast<std::uint32_t>(items())) return;
    const auto bad =
        std::find_if(rated_items.begin(), rated_items.end(), [&](Index item) { return item < 0 || item >= items(); });
    throw InputError(where + ".items\": entry " + std::to_string(bad - rated_items.begin()) + " is " +
                     std::to_string(*bad) + ", there are " + std::to_string(items()) + " items");
  }

  void check_rated_levels(const std::string& part) const {
    const auto& rated_levels = std::get<std::vector<Level>>(find(part + ".levels").values);
    for (std::size_t i = 0; i < rated_levels.size(); ++i)
      if (rated_levels[i] >= levels())
        throw InputError(tensors_path_ + ": tensor \"" + part + ".levels\": entry " + std::to_string(i) + " is " +
                         std::to_string(rated_levels[i]) + ", there are " + std::to_string(levels()) +
                         " rating values");
  }

  const SavedModel& model_;
  std::string tensors_path_, config_path_, folder_;
  TensorFilter wanted_;
};

}  // namespace gcmc
