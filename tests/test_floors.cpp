// The house's floors (docs/architecture.md): a header includes its own floor and those below, and no header sees what
// only src/ may see.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "catch.hpp"

namespace {

namespace fs = std::filesystem;

/// From the ground up. Headers that lie beside the folders (a backend each, and gcmc.hpp) are the roof.
constexpr std::array floors = {"base", "backend", "ratings", "options", "layers", "model", "train", "files", ""};

fs::path headers() {
  const char* data = std::getenv("GCMC_TEST_DATA");
  return fs::path(data ? data : "tests/data") / ".." / ".." / "include" / "gcmc";
}

/// Its number in the list; a header of `testing` may include everything, and nothing includes it.
std::ptrdiff_t floor_of(const std::string& header) {
  const std::string folder = fs::path(header).parent_path().string();
  if (folder == "testing") return static_cast<std::ptrdiff_t>(floors.size());
  const auto found = std::find(floors.begin(), floors.end(), folder);
  INFO(header);
  REQUIRE(found != floors.end());
  return found - floors.begin();
}

}  // namespace

TEST_CASE("no message of the library names a flag of a program", "[floors]") {
  for (const fs::path& folder : {headers(), headers() / ".." / ".." / "src"})
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file() || entry.path().extension() == ".py") continue;  // Python tests run the program
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        const auto flag = line.find("--"), text = line.find('"');
        const bool named = text < flag && flag != line.npos && flag + 2 < line.size() && std::islower(line[flag + 2]) &&
                           line.find('"', flag) != line.npos;
        INFO(entry.path().string() << ": " << line);
        CHECK_FALSE(named);
      }
    }
}

TEST_CASE("a header includes its own floor and those below, never one above", "[floors]") {
  std::size_t includes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(headers())) {
    if (!entry.is_regular_file()) continue;
    const std::string header = fs::relative(entry.path(), headers()).string();
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("#include")) continue;
      INFO(header << ": " << line);
      for (const char* hidden : {"nlohmann", "zlib", "curl", "zip.h", "cuda_runtime", "cublas", "cusparse", "CLI/"})
        CHECK(line.find(hidden) == line.npos);
      CHECK((line.find("Eigen/") == line.npos || header == "eigen.hpp"));
      if (line.find("\"gcmc/") == line.npos) continue;
      const auto begin = line.find("gcmc/") + 5;
      CHECK(floor_of(line.substr(begin, line.find('"', begin) - begin)) <= floor_of(header));
      ++includes;
    }
  }
  CHECK(includes > 50);
}
