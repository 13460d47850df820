// A fuzzer as libFuzzer calls it. With GCMC_FUZZ_SEEDS=FOLDER it writes its seeds there instead.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz.hpp"
#include "gcmc/base/error.hpp"
#include "scratch_folder.hpp"

namespace gcmc {

namespace {

constexpr std::size_t length_bytes = 4;

}  // namespace

std::string packed(const std::vector<std::string>& files) {
  std::string bytes;
  for (const std::string& file : files) {
    for (std::size_t k = 0; k < length_bytes; ++k) bytes += static_cast<char>(file.size() >> (8 * k) & 0xFF);
    bytes += file;
  }
  return bytes;
}

std::vector<std::string> unpacked(std::string_view bytes, std::size_t count) {
  std::vector<std::string> files(count);
  for (std::string& file : files) {
    std::size_t length = 0;
    for (std::size_t k = 0; k < std::min(length_bytes, bytes.size()); ++k)
      length |= std::size_t{static_cast<unsigned char>(bytes[k])} << (8 * k);
    bytes.remove_prefix(std::min(length_bytes, bytes.size()));
    file = bytes.substr(0, length);
    bytes.remove_prefix(file.size());
  }
  return files;
}

void expect(bool holds, const char* text) {
  if (holds) return;
  std::fprintf(stderr, "expected: %s\n", text);
  std::abort();
}

}  // namespace gcmc

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("GCMC_FUZZ_SEEDS");
  if (!folder) return 0;
  int number = 0;
  for (const std::string& seed : gcmc::seeds())
    write_bytes(std::string(folder) + "/seed-" + std::to_string(++number), seed);
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    gcmc::feed({reinterpret_cast<const char*>(data), size});
  } catch (const gcmc::Error&) {
  }
  return 0;
}
