// Embeddings in fewer bits: what is stored of them, and the way back.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"

namespace gcmc {

inline constexpr const char *embedding_names[] = {"user_embedding", "item_embedding"}, *scale_suffix = ".scale";

inline bool is_scale(const std::string& tensor) {
  return std::any_of(std::begin(embedding_names), std::end(embedding_names),
                     [&](const char* name) { return tensor == std::string(name) + scale_suffix; });
}

/// The nearest bfloat16, the even one of two; of finite values.
inline float as_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000);
}

/// [members][rows], or [rows], of a tensor [members][rows][D] or [rows][D].
inline std::vector<Offset> shape_of_rows(const Tensor& tensor) {
  return {tensor.shape.begin(), tensor.shape.end() - 1};
}

/// Rows of embeddings as whole numbers from -127 to 127, into I32, and the scale of each row, which they are times.
inline std::pair<Tensor, Tensor> in_bytes(const Tensor& tensor) {
  const auto& values = std::get<std::vector<float>>(tensor.values);
  const auto width = static_cast<std::size_t>(tensor.shape.back()), rows = values.size() / width;
  std::vector<Index> numbers(values.size());
  std::vector<float> scales(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    float largest = 0;
    for (std::size_t k = row * width; k < (row + 1) * width; ++k) largest = std::max(largest, std::abs(values[k]));
    scales[row] = largest / 127;
    for (std::size_t k = row * width; k < (row + 1) * width && scales[row] > 0; ++k)
      numbers[k] = std::clamp(static_cast<Index>(std::lround(values[k] / scales[row])), Index{-127}, Index{127});
  }
  return {{tensor.shape, std::move(numbers)}, {shape_of_rows(tensor), std::move(scales)}};
}

/// The tensors with embeddings as they are to be stored, those of them as BF16 or I8. Throws InputError for embeddings
/// in double.
inline std::map<std::string, Tensor> narrowed(std::map<std::string, Tensor> tensors, EmbeddingPrecision precision) {
  if (precision == EmbeddingPrecision::full) return tensors;
  for (const char* name : embedding_names) {
    Tensor& tensor = tensors.at(name);
    auto* values = std::get_if<std::vector<float>>(&tensor.values);
    require(values, "a model in double keeps its precision: only embeddings in float can be stored in fewer bits");
    if (precision == EmbeddingPrecision::bf16) {
      std::transform(values->begin(), values->end(), values->begin(), as_bf16);
      continue;
    }
    auto [numbers, scales] = in_bytes(tensor);
    tensor = std::move(numbers);
    tensors[std::string(name) + scale_suffix] = std::move(scales);
  }
  return tensors;
}

/// Gives embeddings that are whole numbers their scales, which go. Throws InputError, beginning with `path`, where one
/// is there without the other. Tensors without values, which were not asked for, get their type.
inline void widen(std::map<std::string, Tensor>& tensors, const std::string& path) {
  for (const char* name : embedding_names) {
    const auto scales = tensors.find(std::string(name) + scale_suffix);
    if (scales == tensors.end()) continue;
    const std::string where = path + ": tensor \"" + name + "\"";
    const auto embedding = tensors.find(name);
    require(embedding != tensors.end() && embedding->second.shape.size() >= 2,
            [&] { return where + " is missing or no matrix, but its scales are there"; });
    Tensor& tensor = embedding->second;
    const auto* numbers = std::get_if<std::vector<Index>>(&tensor.values);
    const auto* of_rows = std::get_if<std::vector<float>>(&scales->second.values);
    require(numbers && of_rows && scales->second.shape == shape_of_rows(tensor),
            [&] { return where + " and its scales are not I8 and F32 of as many rows"; });
    std::vector<float> values(numbers->size());
    const std::size_t rows = values.empty() ? 0 : of_rows->size(), width = rows == 0 ? 0 : values.size() / rows;
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t k = row * width; k < (row + 1) * width; ++k)
        values[k] = static_cast<float>((*numbers)[k]) * (*of_rows)[row];
    tensor.values = std::move(values);
    tensors.erase(scales);
  }
}

}  // namespace gcmc
