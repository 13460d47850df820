// Integer types, row-major matrix views and the padding rule that every array of the library follows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gcmc {

using Index = std::int32_t;   ///< counts users, items, levels, columns
using Offset = std::int64_t;  ///< counts ratings and bytes; widen before multiplying
using Level = std::uint8_t;   ///< position of a rating value among the distinct values, ascending

/// The two sides of the graph: who rates, and what is rated.
enum Side { user_side = 0, item_side = 1 };
constexpr Side other(Side side) { return side == user_side ? item_side : user_side; }

/// Every row of every array starts on this boundary (one AVX-512 register, one cache line).
inline constexpr Offset row_alignment = 64;

constexpr Offset round_up(Offset n, Offset multiple) { return (n + multiple - 1) / multiple * multiple; }

/// Distance between rows, in elements, of a padded array with `columns` columns.
template <class T>
constexpr Index row_stride(Index columns) {
  return static_cast<Index>(round_up(columns, row_alignment / static_cast<Offset>(sizeof(T))));
}

/// The same for rows that are gathered or walked by columns: rows a multiple of 1 KB apart would share few cache sets,
/// so such a stride gets one line more.
template <class T>
constexpr Index spread_stride(Index columns) {
  const Index stride = row_stride<T>(columns), line = row_stride<T>(1);
  return stride % (16 * line) == 0 ? stride + line : stride;
}

/// A row-major matrix that somebody else owns. Rows are `stride` elements apart; what lies between
/// `columns` and `stride` is padding: zero, and kept zero.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;

  constexpr T* row(Offset i) const { return data + i * stride; }
  constexpr operator MatrixView<const T>() const { return {data, rows, columns, stride}; }
};

}  // namespace gcmc
