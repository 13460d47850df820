// What a folder of files becomes when it is read, for tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data_files.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"
#include "scratch_folder.hpp"

namespace gcmc {

using Files = std::map<std::string, std::string>;
using Lines = std::vector<std::string>;

/// Ratings of a folder that holds `files`, or the error's message without the folder's name.
struct Outcome {
  Ratings ratings;
  ReadReport report;
  std::string error = "no error";
};

inline Outcome read(const Files& files, std::string_view split = {}) {
  const ScratchFolder folder;
  for (const auto& [name, text] : files) write_bytes(folder / name, text);
  Outcome outcome;
  try {
    outcome.ratings = read_ratings(folder / "", "set", split, {}, &outcome.report);
    validate(outcome.ratings);
  } catch (const Error& error) {
    outcome.error = error.what();
    const std::string prefix = folder / "";
    if (outcome.error.rfind(prefix, 0) == 0) outcome.error.erase(0, prefix.size());
  }
  return outcome;
}

/// "user item value" of every entry, in order.
inline Lines entries_of(const Ratings& ratings) {
  Lines lines;
  for (const Rating& entry : ratings.entries) {
    const double value = ratings.levels[entry.level];
    lines.push_back(ratings.user_ids[static_cast<std::size_t>(entry.user)] + " " +
                    ratings.item_ids[static_cast<std::size_t>(entry.item)] + " " + std::to_string(value).substr(0, 3));
  }
  return lines;
}

}  // namespace gcmc
