// The safetensors format: 8 bytes of header length, a JSON header padded with spaces, then the tensors' bytes.
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../input_file.hpp"
#include "../json.hpp"
#include "../output_file.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/large_pages.hpp"
#include "gcmc/files/model_folder.hpp"
#include "safetensors.hpp"
#include "safetensors_header.hpp"

namespace gcmc {
namespace {

using nlohmann::json;

constexpr const char* checksum_name = "checksum";

/// The tensor without values.
Tensor tensor_of(const TensorEntry& entry) {
  switch (entry.type) {
    case 0:
    case bf16_type:
      return {entry.shape, std::vector<float>()};
    case 1:
      return {entry.shape, std::vector<double>()};
    case 2:
    case i8_type:
      return {entry.shape, std::vector<Index>()};
    case 3:
      return {entry.shape, std::vector<Offset>()};
    default:
      return {entry.shape, std::vector<Level>()};
  }
}

/// All of the tensor's bytes.
template <class T>
void read_values(std::vector<T>& values, InputFile& file, const TensorEntry& entry, const std::string& path) {
  const auto size = static_cast<std::size_t>(entry.end - entry.begin);
  reserve_in_large_pages(values, size / sizeof(T));
  values.resize(size / sizeof(T));
  require(file.read(values.data(), size),
          [&] { return path + ": tensor " + json_quoted(entry.name) + " cannot be read (cut short?)"; });
}

void read_values(Tensor& tensor, InputFile& file, const TensorEntry& entry, const std::string& path) {
  if (entry.type == bf16_type) {
    std::vector<std::uint16_t> halves;
    read_values(halves, file, entry, path);
    std::vector<float> values;
    reserve_in_large_pages(values, halves.size());
    values.resize(halves.size());
    std::transform(halves.begin(), halves.end(), values.begin(),
                   [](std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); });
    tensor.values = std::move(values);
  } else if (entry.type == i8_type) {
    std::vector<std::int8_t> numbers;
    read_values(numbers, file, entry, path);
    tensor.values = std::vector<Index>(numbers.begin(), numbers.end());
  } else {
    std::visit([&](auto& values) { read_values(values, file, entry, path); }, tensor.values);
  }
}

/// The type in the file.
std::size_t type_of(const std::string& name, const Tensor& tensor, const NarrowTensors& narrow) {
  if (!narrow.contains(name)) return tensor.values.index();
  return std::holds_alternative<std::vector<float>>(tensor.values) ? bf16_type : i8_type;
}

/// Calls write(data, bytes) for the values as the file has them.
template <class Write>
void write_values(const Tensor& tensor, const TensorEntry& entry, const Write& write) {
  const auto size = static_cast<std::size_t>(entry.end - entry.begin);
  if (entry.type == bf16_type) {
    std::vector<std::uint16_t> halves;
    for (const float value : std::get<std::vector<float>>(tensor.values))
      halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
    write(halves.data(), size);
  } else if (entry.type == i8_type) {
    const auto& values = std::get<std::vector<Index>>(tensor.values);
    const std::vector<std::int8_t> numbers(values.begin(), values.end());
    write(numbers.data(), size);
  } else {
    std::visit([&](const auto& values) { write(values.data(), size); }, tensor.values);
  }
}

/// Wider types first, so that gapless tensors stay aligned to their type; then by name.
std::vector<TensorEntry> lay_out(const std::map<std::string, Tensor>& tensors, const NarrowTensors& narrow,
                                 const std::string& path) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    if (name == metadata_name) throw InputError(path + ": a tensor cannot be named \"__metadata__\"");
    TensorEntry entry{name, type_of(name, tensor, narrow), tensor.shape, 0, 0};
    const auto count = std::visit([](const auto& values) { return static_cast<Offset>(values.size()); }, tensor.values);
    if (byte_count(tensor.shape, 1) != count)
      throw InputError(path + ": tensor " + json_quoted(name) + " has " + std::to_string(count) +
                       " values, which its shape does not");
    entry.end = count * element_types[entry.type].bytes;
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return element_types[a.type].bytes > element_types[b.type].bytes;
  });
  Offset covered = 0;
  for (TensorEntry& entry : entries) {
    entry.begin = covered;
    entry.end += covered;
    covered = entry.end;
  }
  return entries;
}

/// The header's text, padded so that the data begin at a multiple of 64 bytes.
std::string header_text(const std::vector<TensorEntry>& entries, const std::map<std::string, std::string>& metadata,
                        const std::string& path) {
  json header = json::object();
  if (!metadata.empty()) header[metadata_name] = metadata;
  for (const TensorEntry& entry : entries)
    header[entry.name] = {
        {"dtype", element_types[entry.type].name}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& problem) {
    throw InputError(path + ": a tensor's name or the metadata cannot be written: " + json_problem(problem));
  }
  const Offset size = static_cast<Offset>(text.size());
  text.resize(static_cast<std::size_t>(round_up(size + length_bytes, row_alignment) - length_bytes), ' ');
  if (static_cast<Offset>(text.size()) > longest_header)
    throw InputError(path + ": the header would exceed " + std::to_string(longest_header) + " bytes");
  return text;
}

using Sum = std::uint32_t;
constexpr Offset sum_bytes = sizeof(Sum);

Sum add_to_sum(Sum sum, const void* data, std::size_t size) {
  return size == 0 ? sum : static_cast<Sum>(crc32_z(sum, static_cast<const Bytef*>(data), size));
}

void write_file(const std::string& path, const std::map<std::string, Tensor>& tensors,
                const std::map<std::string, std::string>& metadata, bool checked, const NarrowTensors& narrow = {}) {
  auto entries = lay_out(tensors, narrow, path);
  if (checked) {
    const Offset end = entries.empty() ? 0 : entries.back().end;
    entries.push_back({checksum_name, u8_type, {sum_bytes}, end, end + sum_bytes});
  }
  const auto header = header_text(entries, metadata, path);
  const auto length = static_cast<std::uint64_t>(header.size());
  OutputFile file(path);
  Sum sum = 0;
  const auto write = [&](const void* data, std::size_t size) {
    if (checked) sum = add_to_sum(sum, data, size);
    file.write(data, size);
  };
  write(&length, sizeof length);
  write(header.data(), header.size());
  for (const TensorEntry& entry : entries)
    if (entry.name != checksum_name || !checked) write_values(tensors.at(entry.name), entry, write);
  if (checked) file.write(&sum, sizeof sum);
  file.commit();
}

/// Reads up to the tensors' bytes.
TensorHeader read_header(InputFile& file, const std::string& path) {
  const Offset size = file.size();
  std::uint64_t length = 0;
  if (size < length_bytes || !file.read(&length, length_bytes))
    throw InputError(path + ": not a safetensors file: " + std::to_string(size) +
                     " bytes, less than the 8 of its length");
  const auto most = static_cast<std::uint64_t>(std::min(size - length_bytes, longest_header));
  if (length > most)
    throw InputError(path + ": the header claims " + std::to_string(length) + " bytes, at most " +
                     std::to_string(most) + " are possible (not a safetensors file, or cut short?)");
  std::string header(length, ' ');
  if (!file.read(header.data(), header.size()) || header.empty() || header.front() != '{')
    throw InputError(path + ": its header does not begin with {");
  return parse_header(header, size - length_bytes - static_cast<Offset>(length), path);
}

std::map<std::string, Tensor> read_tensors(InputFile& file, const std::vector<TensorEntry>& entries,
                                           const std::string& path, const TensorFilter& wanted) {
  std::map<std::string, Tensor> tensors;
  for (const TensorEntry& entry : entries) {
    Tensor& tensor = tensors.emplace(entry.name, tensor_of(entry)).first->second;
    if (!wanted || wanted(entry.name))
      read_values(tensor, file, entry, path);
    else
      file.skip(entry.end - entry.begin);
  }
  return tensors;
}

/// Throws InputError unless the file's last bytes are the checksum of those before.
void check_sum(const std::string& path) {
  InputFile file(path);
  std::vector<char> piece(std::size_t{1} << 20);
  Sum sum = 0, stored = 0;
  for (Offset left = file.size() - sum_bytes; left > 0;) {
    const auto size = static_cast<std::size_t>(std::min(left, static_cast<Offset>(piece.size())));
    if (!file.read(piece.data(), size)) throw InputError(path + ": became shorter while it was read");
    sum = add_to_sum(sum, piece.data(), size);
    left -= static_cast<Offset>(size);
  }
  require(file.read(&stored, sizeof stored) && sum == stored,
          [&] { return path + ": its checksum is wrong: it is damaged, or not whole"; });
}

}  // namespace

void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  write_file(path, tensors, metadata, false);
}

void write_narrow_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata, const NarrowTensors& narrow) {
  write_file(path, tensors, metadata, false, narrow);
}

void write_checked_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  write_file(path, tensors, metadata, true);
}

std::map<std::string, Tensor> read_safetensors(const std::string& path, const TensorFilter& wanted) {
  InputFile file(path);
  return read_tensors(file, read_header(file, path).entries, path, wanted);
}

Tensor read_rows(const std::string& path, const std::string& name, std::span<const TensorRows> ranges) {
  InputFile file(path);
  const std::vector<TensorEntry> entries = read_header(file, path).entries;
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& one) { return one.name == name; });
  const std::string where = path + ": tensor " + json_quoted(name);
  require(entry != entries.end() && entry->shape.size() == 1, [&] { return where + " is missing or no list"; });
  const Offset bytes = element_types[entry->type].bytes;
  file.skip(entry->begin);
  Tensor all = tensor_of(*entry);
  all.shape = {0};
  Offset place = 0;
  for (const TensorRows& range : ranges) {
    require(place <= range.begin && range.begin <= range.end && range.end <= entry->shape.front(),
            [&] { return where + " has no rows " + std::to_string(range.begin) + " to " + std::to_string(range.end); });
    file.skip((range.begin - place) * bytes);
    place = range.end;
    Tensor part = tensor_of(*entry);
    read_values(part, file, {name, entry->type, {}, range.begin * bytes, range.end * bytes}, path);
    all.shape.front() += range.end - range.begin;
    std::visit(
        [&](auto& values) {
          const auto& more = std::get<std::decay_t<decltype(values)>>(part.values);
          values.insert(values.end(), more.begin(), more.end());
        },
        all.values);
  }
  return all;
}

std::map<std::string, Tensor> read_checked_safetensors(const std::string& path) {
  check_sum(path);
  std::map<std::string, Tensor> tensors =
      read_safetensors(path, [](const std::string& name) { return name != checksum_name; });
  tensors.erase(checksum_name);
  return tensors;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::string& path) {
  InputFile file(path);
  return read_header(file, path).metadata;
}

}  // namespace gcmc
