// A zip archive of a data set: any bytes, and any names and files in a whole archive, are read as valid ratings or
// refused, and nothing of them stays behind.
#include <cstdlib>
#include <filesystem>

#include "data_files.hpp"
#include "data_samples.hpp"
#include "fuzz.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"
#include "scratch_folder.hpp"

namespace gcmc {
namespace {

enum : char { as_it_is, to_be_zipped };  // an input's first byte

constexpr std::size_t most_files = 5;

/// The archive that an input stands for: its bytes, or its names and files zipped, with right sums.
std::string archive_of(std::string_view bytes) {
  const bool whole = !bytes.empty() && bytes[0] == to_be_zipped;
  bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 1));
  if (!whole) return std::string(bytes);
  SampleSet files;
  const std::vector<std::string> parts = unpacked(bytes, 2 * most_files);
  for (std::size_t k = 0; k < parts.size(); k += 2)
    if (!parts[k].empty()) files.emplace_back(parts[k].substr(0, 1000), parts[k + 1]);
  return zipped(files);
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> inputs;
  for (const SampleSet& set : sample_sets)
    for (const char* folder : {"", "set/"}) {
      SampleSet files;
      std::vector<std::string> parts;
      for (const auto& [name, text] : set) {
        files.emplace_back(folder + name, text);
        parts.insert(parts.end(), {folder + name, text});
      }
      inputs.push_back(char{as_it_is} + zipped(files));
      inputs.push_back(char{to_be_zipped} + packed(parts));
    }
  return inputs;
}

void feed(std::string_view bytes) {
  const ScratchFolder folder;
  const std::string temporary = folder / "temporary", archive = folder / "set.zip";
  std::filesystem::create_directory(temporary);
  setenv("TMPDIR", temporary.c_str(), 1);
  write_bytes(archive, archive_of(bytes));
  try {
    validate(load_data({.name = "set", .data_dir = archive}).ratings);
  } catch (const Error&) {
  }
  unsetenv("TMPDIR");
  expect(std::filesystem::is_empty(temporary), "nothing left of what was unpacked");
  const std::filesystem::directory_iterator entries(folder / "");
  expect(std::distance(begin(entries), end(entries)) == 2, "nothing written beside it");
}

}  // namespace gcmc
