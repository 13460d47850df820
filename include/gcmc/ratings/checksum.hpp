// A checksum of ratings, by which a search and a run tell whether they go on with the data that they began with.
#pragma once

#include <cstdint>
#include <string>

#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// FNV-1a, 64 bits, over the bytes of numbers.
class Checksum {
 public:
  template <class Number>
  void add(Number number) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&number);
    for (std::size_t k = 0; k < sizeof(number); ++k) sum_ = (sum_ ^ bytes[k]) * 0x100000001B3u;
  }
  /// 16 hexadecimal digits.
  std::string text() const {
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[sum_ >> shift & 15];
    return digits;
  }

 private:
  std::uint64_t sum_ = 0xCBF29CE484222325u;
};

/// Of levels, ratings and side features. The order of the ratings counts where it is asked for: a set that is split in
/// files has one checksum without it, whatever its split; a seeded split goes by it. Cost: one pass.
inline std::string checksum(const Ratings& ratings, bool ordered = false) {
  const auto scrambled = [](std::uint64_t x) {  // splitmix64 (Steele, Lea and Flood 2014)
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  };
  std::uint64_t total = 0, place = 0;
  for (const Rating& rating : ratings.entries) {
    const auto user = static_cast<std::uint64_t>(rating.user), item = static_cast<std::uint64_t>(rating.item);
    total += scrambled(scrambled(user << 32 | item) + (place << 8) + rating.level + 1);
    place += ordered;
  }
  Checksum sum;
  for (const double level : ratings.levels) sum.add(level);
  sum.add(total);
  for (const SideFeatures* side : {&ratings.user_features, &ratings.item_features}) {
    for (const double value : side->values) sum.add(value);
    for (const Offset begin : side->sparse.begin) sum.add(begin);
    for (const Index column : side->sparse.column) sum.add(column);
    for (const float value : side->sparse.value) sum.add(double{value});
  }
  return sum.text();
}

/// Of the times, in the order of the ratings: what a split by time goes by.
inline std::string checksum_of_times(const Ratings& ratings) {
  Checksum sum;
  for (const double time : ratings.times) sum.add(time);
  return sum.text();
}

}  // namespace gcmc
