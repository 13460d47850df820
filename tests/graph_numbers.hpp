// Graph files of the benchmarks, written.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

using Numbers = std::vector<std::int32_t>;

inline void write(const std::string& path, const Numbers& numbers, std::size_t bytes_missing = 0) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(numbers.data()),
             static_cast<std::streamsize>(numbers.size() * sizeof(numbers[0]) - bytes_missing));
}

/// As a graph file has them.
inline Numbers numbers_of(const Ratings& ratings) {
  Numbers numbers = {ratings.users(), ratings.items(), static_cast<std::int32_t>(ratings.levels.size()),
                     static_cast<std::int32_t>(ratings.entries.size())};
  for (const Rating& rating : ratings.entries) numbers.push_back(rating.user);
  for (const Rating& rating : ratings.entries) numbers.push_back(rating.item);
  for (const Rating& rating : ratings.entries) numbers.push_back(rating.level);
  return numbers;
}

}  // namespace gcmc
