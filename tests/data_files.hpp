// Files that tests make byte by byte: gzip and zip, stored without compression, so that no library helps to write what
// a library shall read.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

inline std::uint32_t crc32_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

/// `size` bytes of `value`, the lowest first.
inline std::string little_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int k = 0; k < size; ++k) bytes += static_cast<char>(value >> (8 * k) & 0xFF);
  return bytes;
}

/// RFC 1952 around stored blocks of RFC 1951.
inline std::string gzipped(const std::string& bytes) {
  std::string file("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);
  constexpr std::size_t largest_block = 65535;
  for (std::size_t begin = 0; begin == 0 || begin < bytes.size(); begin += largest_block) {
    const std::string block = bytes.substr(begin, largest_block);
    const bool last = begin + largest_block >= bytes.size();
    file += little_endian(last, 1) + little_endian(block.size(), 2) + little_endian(~block.size(), 2) + block;
  }
  return file + little_endian(crc32_of(bytes), 4) + little_endian(bytes.size(), 4);
}

/// One byte below 144 some `count` times, 159 of them in a byte: what unpacks to much more than it is. No checksum.
inline std::string gzipped_run(char byte, std::size_t count) {
  std::string file("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);
  unsigned bits = 0;
  int held = 0;
  const auto put = [&](unsigned value, int size) {  // the highest bit first
    for (int k = size; k-- > 0;) {
      bits |= (value >> k & 1U) << held;
      if (++held < 8) continue;
      file += static_cast<char>(bits);
      bits = 0;
      held = 0;
    }
  };
  put(0b110, 3);  // the last block, of RFC 1951's fixed codes
  put(0x30U + static_cast<unsigned char>(byte), 8);
  for (std::size_t k = 0; k < count / 258; ++k) put(0xC5U << 5, 13);  // 258 more of the byte before
  put(0, 7);
  put(0, 8);
  return file + little_endian(0, 8);
}

/// A zip archive of (name, bytes), stored.
inline std::string zipped(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string file, directory;
  for (const auto& [name, bytes] : entries) {
    const std::string shared = little_endian(0, 2) + little_endian(0, 2) + little_endian(0, 2) +
                               little_endian(0x21, 2) + little_endian(crc32_of(bytes), 4) +
                               little_endian(bytes.size(), 4) + little_endian(bytes.size(), 4) +
                               little_endian(name.size(), 2) + little_endian(0, 2);
    directory += "PK\x01\x02" + little_endian(20, 2) + little_endian(20, 2) + shared + little_endian(0, 2) +
                 little_endian(0, 2) + little_endian(0, 2) + little_endian(0, 4) + little_endian(file.size(), 4) + name;
    file += "PK\x03\x04" + little_endian(20, 2) + shared + name + bytes;
  }
  const std::string end = "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) +
                          little_endian(entries.size(), 2) + little_endian(directory.size(), 4) +
                          little_endian(file.size(), 4) + little_endian(0, 2);
  return file + directory + end;
}
