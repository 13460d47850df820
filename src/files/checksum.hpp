// A checksum of numbers, by which data is recognised.
#pragma once

#include <cstdint>
#include <cstdio>
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
    char digits[17];
    std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(sum_));
    return digits;
  }

 private:
  std::uint64_t sum_ = 0xCBF29CE484222325u;
};

/// Of ratings, levels and side features.
inline std::string checksum(const Ratings& ratings) {
  Checksum sum;
  for (const double level : ratings.levels) sum.add(level);
  for (const Rating& rating : ratings.entries) {
    sum.add(rating.user);
    sum.add(rating.item);
    sum.add(rating.level);
  }
  for (const SideFeatures* side : {&ratings.user_features, &ratings.item_features}) {
    for (const double value : side->values) sum.add(value);
    for (const Offset begin : side->sparse.begin) sum.add(begin);
    for (const Index column : side->sparse.column) sum.add(column);
    for (const float value : side->sparse.value) sum.add(double{value});
  }
  return sum.text();
}

}  // namespace gcmc
