// A table of ratings in a scratch file, and what is read of it.
#pragma once

#include <string>
#include <vector>

#include "data_files.hpp"
#include "error_of.hpp"
#include "gcmc/files/rating_files.hpp"
#include "scratch_folder.hpp"

namespace gcmc::testing {

using Lines = std::vector<std::string>;

struct Outcome {
  Ratings ratings;
  ReadReport report;
  std::string error = "no error";  ///< without the folder's name
};

inline Outcome read(const std::string& text, const ReadOptions& options = {}) {
  const ScratchFolder folder;
  write_bytes(folder / "file", text);
  Outcome outcome;
  outcome.error = error_of([&] {
    outcome.ratings = read_rating_file(folder / "file", "set", options, &outcome.report);
    validate(outcome.ratings);
  });
  if (outcome.error.starts_with(folder / "")) outcome.error.erase(0, (folder / "").size());
  return outcome;
}

/// "user item value" of every entry, in order.
inline Lines entries_of(const Ratings& ratings) {
  Lines lines;
  for (const Rating& entry : ratings.entries)
    lines.push_back(ratings.user_ids[static_cast<std::size_t>(entry.user)] + " " +
                    ratings.item_ids[static_cast<std::size_t>(entry.item)] + " " +
                    number_text(ratings.levels[entry.level]));
  return lines;
}

}  // namespace gcmc::testing
