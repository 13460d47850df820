// The header of a safetensors file: what tensors there are, of which type and shape, and where they lie.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../json.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian values");

inline constexpr Offset length_bytes = 8;
inline constexpr Offset longest_header = 100'000'000;  // the limit of the reference reader
inline constexpr const char* metadata_name = "__metadata__";

struct ElementType {
  const char* name;
  Offset bytes;
};
/// In the order of Tensor::values' alternatives; then what is wider in memory: BF16 as F32, and I8 as I32.
inline constexpr std::array<ElementType, 7> element_types = {
    {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}, {"BF16", 2}, {"I8", 1}}};
inline constexpr std::size_t u8_type = 4, bf16_type = 5, i8_type = 6;

/// Where one tensor lies; begin and end count bytes from the end of the header.
struct TensorEntry {
  std::string name;
  std::size_t type = 0;
  std::vector<Offset> shape;
  Offset begin = 0, end = 0;
};

/// Product of the shape times `bytes`; -1 if it does not fit 63 bits.
inline Offset byte_count(const std::vector<Offset>& shape, Offset bytes) {
  Offset product = bytes;
  for (const Offset extent : shape)
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) return -1;
  return product;
}

/// Makes entries of the events of a header that check_json has passed; anything that is no tensor's is refused.
class TensorHeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TensorHeaderReader(const std::string& path) : path_(path) {}

  std::vector<TensorEntry> take() { return std::move(entries_); }
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
    const auto found = std::find_if(element_types.begin(), element_types.end(),
                                    [&](const ElementType& type) { return value == type.name; });
    if (found == element_types.end())
      fail("dtype " + json_quoted(value) + " is not one of F32, F64, I32, I64, U8, BF16, I8");
    entry_.type = static_cast<std::size_t>(found - element_types.begin());
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
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

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
    const Offset needed = byte_count(entry_.shape, element_types[entry_.type].bytes);
    if (needed < 0) fail("its shape has more than 2^63 bytes");
    if (needed != entry_.end - entry_.begin)
      fail("its shape and dtype take " + std::to_string(needed) + " bytes but its offsets " +
           std::to_string(entry_.end - entry_.begin));
    entries_.push_back(std::move(entry_));
  }

  const std::string& path_;
  Place place_ = Place::file;
  TensorEntry entry_;  ///< the one that is read
  std::string field_;  ///< of the tensor, or of the metadata
  std::vector<Offset> offsets_;
  std::vector<Offset>* numbers_ = nullptr;  ///< where the array that is open goes
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

struct TensorHeader {
  std::vector<TensorEntry> entries;  ///< in order of offset
  std::map<std::string, std::string> metadata;
};

/// The entries must cover the `data_bytes` after the header once, without gaps.
inline TensorHeader parse_header(std::string_view text, Offset data_bytes, const std::string& path) {
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  check_json(text, path, {.names = any, .values = any});
  TensorHeaderReader reader(path);
  nlohmann::json::sax_parse(text, &reader);
  std::vector<TensorEntry> entries = reader.take();
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  Offset covered = 0;
  for (const TensorEntry& entry : entries) {
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

}  // namespace gcmc
