// A data set's folder in every format, a file of it gzipped: any bytes are read as valid ratings or refused.
#include <filesystem>

#include "data_files.hpp"
#include "data_samples.hpp"
#include "fuzz.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"
#include "scratch_folder.hpp"

namespace gcmc {
namespace {

/// An input is the format's number in one byte, whether its first file is gzipped in another, and the files.
std::string input(std::size_t format, bool zipped) {
  std::vector<std::string> files;
  for (const auto& [name, text] : sample_sets[format]) files.push_back(zipped && files.empty() ? gzipped(text) : text);
  return std::string{static_cast<char>(format), static_cast<char>(zipped)} + packed(files);
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> inputs;
  for (std::size_t format = 0; format < sample_sets.size(); ++format)
    for (const bool zipped : {false, true}) inputs.push_back(input(format, zipped));
  return inputs;
}

void feed(std::string_view bytes) {
  if (bytes.size() < 2) return;
  const SampleSet& set = sample_sets[static_cast<unsigned char>(bytes[0]) % sample_sets.size()];
  const bool zipped = bytes[1] & 1;
  bytes.remove_prefix(2);
  const ScratchFolder folder;
  const std::vector<std::string> files = unpacked(bytes, set.size());
  for (std::size_t k = 0; k < set.size(); ++k)
    write_bytes(folder / (set[k].first + (zipped && k == 0 ? ".gz" : "")), files[k]);
  const Ratings ratings = read_ratings(folder / "", "fuzz");
  validate(ratings);
  expect(!ratings.entries.empty() && !ratings.levels.empty(), "ratings with levels");
}

}  // namespace gcmc
