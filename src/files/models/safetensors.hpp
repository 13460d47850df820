// Safetensors files that carry a checksum, or values in fewer bits, and what else they say of themselves.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>

#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Names of tensors whose values are written in fewer bits: of F32 the upper half, BF16; of I32 the lowest byte, I8.
using NarrowTensors = std::set<std::string>;

/// As write_safetensors; of the narrow tensors what does not fit is cut off.
void write_narrow_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata, const NarrowTensors& narrow);

/// As write_safetensors, with one more tensor, "checksum" U8 [4], whose bytes are the file's last: the CRC-32 of all
/// bytes before them.
void write_checked_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata);
/// The way back, without that tensor. Throws as read_safetensors, and InputError if the checksum is wrong. Reads the
/// file twice.
std::map<std::string, Tensor> read_checked_safetensors(const std::string& path);

/// A range of a tensor's first dimension: rows begin .. end - 1.
struct TensorRows {
  Offset begin = 0, end = 0;
};
/// Of a tensor of one dimension, the values in these ranges, one after the other. Throws as read_safetensors, and
/// InputError if there is no such tensor or a range is not within it, or does not begin where the one before ended or
/// later.
Tensor read_rows(const std::string& path, const std::string& name, std::span<const TensorRows> ranges);

/// What the header says beside the tensors. No checksum is looked at.
std::map<std::string, std::string> read_safetensors_metadata(const std::string& path);

}  // namespace gcmc
