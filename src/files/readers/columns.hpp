// Columns by name: those that well-known data sets have, and those that the user names.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

inline constexpr std::size_t no_column = static_cast<std::size_t>(-1);

/// A column that is looked for, and its names as plain_name gives them.
struct WantedColumn {
  std::string role;  ///< what the user calls it: user, item, ...
  std::vector<std::string_view> names;
  /// Looked for where none of `names` is there, the first first: a header may well have several of these.
  std::vector<std::string_view> other_names = {};
  bool required = true;
};

std::vector<WantedColumn> rating_columns();  ///< user, item, rating; time if it is there
std::vector<WantedColumn> pair_columns();    ///< user, item
std::vector<WantedColumn> id_column(Side side);
std::vector<WantedColumn> own_rating_columns(Side rated);  ///< item (or user), rating; user (or item) if it is there

/// "User-ID", "user_id:token" and "userId" are all "userid".
std::string plain_name(std::string_view header_field);

/// For each wanted column its position among the plain names of a header; no_column where it is not. Throws InputError
/// where two of a column's `names` are there.
std::vector<std::size_t> find_known(const std::vector<WantedColumn>& wanted, const std::vector<std::string>& header);

/// "user=User-ID,item=2": what the user said of each role. Throws InputError for another form or role.
std::map<std::string, std::string> parse_columns(const std::string& text, const std::vector<WantedColumn>& wanted);

}  // namespace gcmc
