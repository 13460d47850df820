// The sets that GroupLens offers, as their pages and README files state them.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "gcmc/base/views.hpp"

namespace gcmc {

struct KnownSet {
  std::string_view name;
  Offset archive_bytes;           ///< of NAME.zip, rounded up
  std::string_view ratings_file;  ///< in the archive's one folder
  Offset ratings;                 ///< 0: the set changes in time

  /// An archive that is larger than this is not the set's.
  Offset largest_archive() const { return std::max<Offset>(16'000'000, 8 * archive_bytes); }
  /// GroupLens' archives unpack to 3 to 4.5 times their size.
  Offset largest_unpacked() const { return 5 * largest_archive(); }
};

inline constexpr std::array<KnownSet, 7> known_sets = {{{"ml-100k", 5'000'000, "u.data", 100'000},
                                                        {"ml-1m", 6'000'000, "ratings.dat", 1'000'209},
                                                        {"ml-10m", 66'000'000, "ratings.dat", 10'000'054},
                                                        {"ml-20m", 199'000'000, "ratings.csv", 20'000'263},
                                                        {"ml-25m", 262'000'000, "ratings.csv", 25'000'095},
                                                        {"ml-32m", 239'000'000, "ratings.csv", 32'000'204},
                                                        {"ml-latest-small", 1'000'000, "ratings.csv", 0}}};

/// Null if GroupLens offers no such set.
inline const KnownSet* find_known_set(std::string_view name) {
  const auto found =
      std::find_if(known_sets.begin(), known_sets.end(), [&](const KnownSet& s) { return s.name == name; });
  return found == known_sets.end() ? nullptr : &*found;
}

}  // namespace gcmc
