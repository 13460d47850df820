// The binary form of ratings with its size and checksums made right, so that a change to it is looked at.
#pragma once

#include <string>

#include "data_files.hpp"

inline std::string with_right_sums(std::string bytes) {
  constexpr std::size_t header = 128, size_at = 16, body_sum_at = 120, header_sum_at = 124;
  if (bytes.size() < header) return bytes;
  bytes.replace(size_at, 8, little_endian(bytes.size(), 8));
  bytes.replace(body_sum_at, 4, little_endian(crc32_of(bytes.substr(header)), 4));
  return bytes.replace(header_sum_at, 4, little_endian(crc32_of(bytes.substr(0, header_sum_at)), 4));
}
