// The binary form of ratings (docs/formats.md): its header, and where its sections lie.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/ratings/builder.hpp"
#include "readers/separator.hpp"

namespace gcmc {

static_assert(std::endian::native == std::endian::little, "the binary form holds little-endian values");

/// The first eight bytes. As in PNG, a transfer that takes the file for text shows in them.
inline constexpr std::array<unsigned char, 8> binary_magic = {0x89, 'G', 'C', 'M', 0x0D, 0x0A, 0x1A, 0x0A};
inline constexpr std::uint32_t binary_version = 2;

/// 128 bytes; all numbers are little-endian.
struct BinaryHeader {
  std::array<unsigned char, 8> magic = binary_magic;
  std::uint32_t version = binary_version;
  std::uint32_t flags = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t users = 0, items = 0, ratings = 0, levels = 0;
  std::uint64_t valid_begin = 0, test_begin = 0;  ///< those of Ratings, 1 more
  std::uint64_t user_columns = 0, item_columns = 0;
  std::uint64_t name_bytes = 0, user_id_bytes = 0, item_id_bytes = 0, column_name_bytes = 0;
  std::uint32_t body_sum = 0;    ///< CRC-32 of all behind the header
  std::uint32_t header_sum = 0;  ///< CRC-32 of the header before it

  static constexpr std::uint32_t has_order = 1, has_times = 2;
  std::uint32_t own_sum() const {
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(this), offsetof(BinaryHeader, header_sum)));
  }
};
static_assert(sizeof(BinaryHeader) == 128);

/// Behind the header since version 2, under the checksum of the body.
struct BinaryCounts {
  struct Sparse {
    std::uint64_t columns = 0, entries = 0;
  };
  Sparse user_sparse, item_sparse;
  std::uint64_t item_title_bytes = 0, encoding_bytes = 0;
  std::array<std::uint64_t, 2> unused{};
};
static_assert(sizeof(BinaryCounts) == 64);

/// A title as readers give it: UTF-8, perhaps empty, without a line break or a zero byte.
inline bool is_title(std::string_view text) { return is_utf8(text) && is_one_line(text); }

/// Text on one line as readers give it: such, not empty, no blanks around it.
inline bool is_line(std::string_view text) { return !text.empty() && trimmed(text) == text && is_title(text); }

/// Throws InputError unless the ids are lines in the order in which they are numbered: no two are the same.
inline void require_ids(const std::vector<std::string>& ids, const std::string& side) {
  const bool integers = std::all_of(ids.begin(), ids.end(), [](const std::string& id) { return is_integer(id); });
  for (std::size_t k = 0; k < ids.size(); ++k) {
    require(is_line(ids[k]),
            [&] { return "the id of " + side + " " + std::to_string(k) + " is not text on one line"; });
    require(k == 0 || (integers ? integer_less(ids[k - 1], ids[k]) : ids[k - 1] < ids[k]),
            [&] { return side + " " + std::to_string(k) + " does not follow the one before"; });
  }
}

/// In this order; each begins at a multiple of 64 bytes, zeros before it.
enum class Section {
  offsets,
  items,
  levels,
  order,
  times,
  values,
  user_features,
  item_features,
  name,
  user_ids,
  item_ids,
  column_names,
  user_sparse_begin,  // this one and those that follow, since version 2
  user_sparse_columns,
  user_sparse_values,
  item_sparse_begin,
  item_sparse_columns,
  item_sparse_values,
  item_titles,
  encodings
};
inline constexpr std::size_t binary_sections = 20;

/// Where each section of a header's file lies.
class BinaryLayout {
 public:
  /// Throws InputError if the sections have more bytes than `most`.
  BinaryLayout(const BinaryHeader& header, const BinaryCounts& counts, std::uint64_t most)
      : most_(most), end_(sizeof(BinaryHeader) + (header.version > 1 ? sizeof(BinaryCounts) : 0)) {
    const bool ordered = header.flags & BinaryHeader::has_order, timed = header.flags & BinaryHeader::has_times;
    add(header.users, 1, 8, 8);
    add(header.ratings, 1, sizeof(Index));
    add(header.ratings, 1, sizeof(Level));
    add(ordered ? header.ratings : 0, 1, sizeof(std::uint32_t));
    add(timed ? header.ratings : 0, 1, sizeof(double));
    add(header.levels, 1, sizeof(double));
    add(header.users, header.user_columns, sizeof(double));
    add(header.items, header.item_columns, sizeof(double));
    for (const std::uint64_t text :
         {header.name_bytes, header.user_id_bytes, header.item_id_bytes, header.column_name_bytes})
      add(text, 1, 1);
    if (header.version == 1) return;
    for (const auto& [sparse, rows] :
         {std::pair(counts.user_sparse, header.users), {counts.item_sparse, header.items}}) {
      add(sparse.columns > 0 ? rows : 0, 1, 8, sparse.columns > 0 ? 8 : 0);
      add(sparse.entries, 1, sizeof(Index));
      add(sparse.entries, 1, sizeof(float));
    }
    for (const std::uint64_t text : {counts.item_title_bytes, counts.encoding_bytes}) add(text, 1, 1);
  }

  std::uint64_t begin(Section section) const { return begin_[static_cast<std::size_t>(section)]; }
  std::uint64_t bytes(Section section) const { return bytes_[static_cast<std::size_t>(section)]; }
  std::uint64_t end() const { return end_; }

 private:
  /// rows * columns values of `size` bytes, and `more` bytes.
  void add(std::uint64_t rows, std::uint64_t columns, std::uint64_t size, std::uint64_t more = 0) {
    std::uint64_t count = 0, bytes = 0;
    const bool fits = !__builtin_mul_overflow(rows, columns, &count) && !__builtin_mul_overflow(count, size, &bytes) &&
                      !__builtin_add_overflow(bytes, more, &bytes) && bytes <= most_;
    require(fits, [&] { return "it is too short for what its header says"; });
    begin_[next_] = (end_ + 63) / 64 * 64;
    bytes_[next_] = bytes;
    end_ = begin_[next_] + bytes;
    require(end_ <= most_, [&] { return "it is too short for what its header says"; });
    ++next_;
  }

  std::uint64_t most_, end_;
  std::size_t next_ = 0;
  std::array<std::uint64_t, binary_sections> begin_{}, bytes_{};
};

}  // namespace gcmc
