// The safetensors format: 8 bytes of header length, a JSON header padded with spaces, then the tensors' bytes.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include "../input_file.hpp"
#include "../json.hpp"
#include "../output_file.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/model_folder.hpp"
#include "safetensors.hpp"

namespace gcmc {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian values");

using nlohmann::json;

constexpr Offset length_bytes = 8;
constexpr Offset longest_header = 100'000'000;  // the limit of the reference reader
constexpr const char* metadata_name = "__metadata__";
constexpr const char* checksum_name = "checksum";

struct Type {
  const char* name;
  Offset bytes;
};
/// In the order of Tensor::values' alternatives.
constexpr std::array<Type, 5> types = {{{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}}};

/// Where one tensor lies; begin and end count bytes from the end of the header.
struct Entry {
  std::string name;
  std::size_t type = 0;
  std::vector<Offset> shape;
  Offset begin = 0, end = 0;
};

/// Product of the shape times `bytes`; -1 if it does not fit 63 bits.
Offset byte_count(const std::vector<Offset>& shape, Offset bytes) {
  Offset product = bytes;
  for (const Offset extent : shape)
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) return -1;
  return product;
}

/// Makes entries of the events of a header that check_json has passed; anything that is no tensor's is refused.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  std::vector<Entry> take() { return std::move(entries_); }
  std::map<std::string, std::string> take_metadata() { return std::move(metadata_); }

  bool null() override { refuse(); }
  bool boolean(bool) override { refuse(); }
  bool number_integer(number_integer_t) override { refuse(); }
  bool number_float(number_float_t, const string_t&) override { refuse(); }
  bool binary(binary_t&) override { refuse(); }

  bool number_unsigned(number_unsigned_t value) override {
    if (numbers_ == nullptr || value > std::numeric_limits<Offset>::max()) refuse();
    if (numbers_->size() == most_dimensions) fail("\"" + field_ + "\" has more than 16 numbers");
    numbers_->push_back(static_cast<Offset>(value));
    return true;
  }
  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      metadata_[field_] = value;
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype") refuse();
    const auto found = std::find_if(types.begin(), types.end(), [&](const Type& type) { return value == type.name; });
    if (found == types.end()) fail("dtype " + json_quoted(value) + " is not one of F32, F64, I32, I64, U8");
    entry_.type = static_cast<std::size_t>(found - types.begin());
    has_type_ = true;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::file) {
      place_ = Place::header;
      return true;
    }
    if (place_ != Place::header) refuse();
    place_ = entry_.name == metadata_name ? Place::metadata : Place::tensor;
    return true;
  }
  bool end_object() override {
    if (place_ == Place::tensor) add_entry();
    place_ = Place::header;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || numbers_ != nullptr || (field_ != "shape" && field_ != "data_offsets")) refuse();
    numbers_ = field_ == "shape" ? &entry_.shape : &offsets_;
    (field_ == "shape" ? has_shape_ : has_offsets_) = true;
    return true;
  }
  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }
  bool key(string_t& name) override {
    if (place_ == Place::header) {
      entry_ = {name, 0, {}, 0, 0};
      offsets_.clear();
      has_type_ = has_shape_ = has_offsets_ = false;
    } else if (place_ == Place::tensor) {
      if (name != "dtype" && name != "shape" && name != "data_offsets")
        fail(json_quoted(name) + " is not one of dtype, shape, data_offsets");
      field_ = name;
    } else {
      field_ = name;
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

 private:
  enum class Place { file, header, metadata, tensor };
  static constexpr std::size_t most_dimensions = 16;

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(path_ + ": tensor " + json_quoted(entry_.name) + ": " + what);
  }
  /// A value that cannot be where it is.
  [[noreturn]] void refuse() const {
    if (entry_.name == metadata_name) throw InputError(path_ + ": \"__metadata__\" is not an object of texts");
    if (place_ == Place::header)
      throw InputError(path_ + ": tensor " + json_quoted(entry_.name) + " is not described by a JSON object");
    if (numbers_ != nullptr) fail("\"" + field_ + "\" holds something that is not a whole number of 63 bits");
    fail("\"" + field_ + (field_ == "dtype" ? "\" is not text" : "\" is not an array"));
  }

  void add_entry() {
    if (!has_type_) fail("\"dtype\" is not text");
    if (!has_shape_) fail("\"shape\" is not an array");
    if (!has_offsets_) fail("\"data_offsets\" is not an array");
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1]) fail("\"data_offsets\" is not a begin and an end");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    const Offset needed = byte_count(entry_.shape, types[entry_.type].bytes);
    if (needed < 0) fail("its shape has more than 2^63 bytes");
    if (needed != entry_.end - entry_.begin)
      fail("its shape and dtype take " + std::to_string(needed) + " bytes but its offsets " +
           std::to_string(entry_.end - entry_.begin));
    entries_.push_back(std::move(entry_));
  }

  const std::string& path_;
  Place place_ = Place::file;
  Entry entry_;        ///< the one that is read
  std::string field_;  ///< of the tensor, or of the metadata
  std::vector<Offset> offsets_;
  std::vector<Offset>* numbers_ = nullptr;  ///< where the array that is open goes
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

struct Header {
  std::vector<Entry> entries;  ///< in order of offset
  std::map<std::string, std::string> metadata;
};

/// The entries must cover the `data_bytes` after the header once, without gaps.
Header parse_header(std::string_view text, Offset data_bytes, const std::string& path) {
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  check_json(text, path, {.names = any, .values = any});
  HeaderReader reader(path);
  json::sax_parse(text, &reader);
  std::vector<Entry> entries = reader.take();
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  Offset covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != covered)
      throw InputError(path + ": tensor " + json_quoted(entry.name) + " begins at byte " + std::to_string(entry.begin) +
                       " of the data, but the one before it ends at " + std::to_string(covered));
    covered = entry.end;
  }
  if (covered != data_bytes)
    throw InputError(path + ": the header describes " + std::to_string(covered) + " bytes of data, the file has " +
                     std::to_string(data_bytes) + (covered > data_bytes ? " (cut short?)" : " (bytes too many)"));
  return {std::move(entries), reader.take_metadata()};
}

/// The tensor without values.
Tensor tensor_of(const Entry& entry) {
  switch (entry.type) {
    case 0:
      return {entry.shape, std::vector<float>()};
    case 1:
      return {entry.shape, std::vector<double>()};
    case 2:
      return {entry.shape, std::vector<Index>()};
    case 3:
      return {entry.shape, std::vector<Offset>()};
    default:
      return {entry.shape, std::vector<Level>()};
  }
}

void read_values(Tensor& tensor, InputFile& file, const Entry& entry, const std::string& path) {
  const auto size = static_cast<std::size_t>(entry.end - entry.begin);
  std::visit(
      [&](auto& values) {
        values.resize(size / sizeof(values[0]));
        require(file.read(values.data(), size),
                [&] { return path + ": tensor " + json_quoted(entry.name) + " cannot be read (cut short?)"; });
      },
      tensor.values);
}

/// Wider types first, so that gapless tensors stay aligned to their type; then by name.
std::vector<Entry> lay_out(const std::map<std::string, Tensor>& tensors, const std::string& path) {
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tensors) {
    if (name == metadata_name) throw InputError(path + ": a tensor cannot be named \"__metadata__\"");
    Entry entry{name, tensor.values.index(), tensor.shape, 0, 0};
    const auto count = std::visit([](const auto& values) { return static_cast<Offset>(values.size()); }, tensor.values);
    if (byte_count(tensor.shape, 1) != count)
      throw InputError(path + ": tensor " + json_quoted(name) + " has " + std::to_string(count) +
                       " values, which its shape does not");
    entry.end = count * types[entry.type].bytes;
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return types[a.type].bytes > types[b.type].bytes; });
  Offset covered = 0;
  for (Entry& entry : entries) {
    entry.begin = covered;
    entry.end += covered;
    covered = entry.end;
  }
  return entries;
}

/// The header's text, padded so that the data begin at a multiple of 64 bytes.
std::string header_text(const std::vector<Entry>& entries, const std::map<std::string, std::string>& metadata,
                        const std::string& path) {
  json header = json::object();
  if (!metadata.empty()) header[metadata_name] = metadata;
  for (const Entry& entry : entries)
    header[entry.name] = {
        {"dtype", types[entry.type].name}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
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
                const std::map<std::string, std::string>& metadata, bool checked) {
  auto entries = lay_out(tensors, path);
  if (checked) {
    const Offset end = entries.empty() ? 0 : entries.back().end;
    entries.push_back({checksum_name, types.size() - 1, {sum_bytes}, end, end + sum_bytes});
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
  for (const Entry& entry : entries)
    if (entry.name != checksum_name || !checked)
      std::visit([&](const auto& values) { write(values.data(), static_cast<std::size_t>(entry.end - entry.begin)); },
                 tensors.at(entry.name).values);
  if (checked) file.write(&sum, sizeof sum);
  file.commit();
}

/// Reads up to the tensors' bytes.
Header read_header(InputFile& file, const std::string& path) {
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

std::map<std::string, Tensor> read_tensors(InputFile& file, const std::vector<Entry>& entries, const std::string& path,
                                           const TensorFilter& wanted) {
  std::map<std::string, Tensor> tensors;
  for (const Entry& entry : entries) {
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

void write_checked_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  write_file(path, tensors, metadata, true);
}

std::map<std::string, Tensor> read_safetensors(const std::string& path, const TensorFilter& wanted) {
  InputFile file(path);
  return read_tensors(file, read_header(file, path).entries, path, wanted);
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
