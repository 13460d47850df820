// Files of features and of edges beside the ratings, into the set's side features.
#pragma once

#include <filesystem>
#include <string>

#include "gcmc/base/error.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Adds what the options' files tell of users and items. A file that cannot be used is left out, and a note says why.
void add_side_files(Ratings& ratings, const ReadOptions& options, ReadReport& report);

/// Leaves out features that the set's own files have of one side alone, in place of which `file` would have to be
/// named.
void leave_out_single_side(Ratings& ratings, const std::string& users_file, const std::string& items_file,
                           ReadReport& report);

/// The options with RecBole's files beside NAME.inter (NAME.user, NAME.item, NAME.net) where none are named.
ReadOptions with_typed_files(ReadOptions options, const std::filesystem::path& inter);

/// Runs use(), which reads a file of `what`; where it fails, leaves the report as it was, and tells why in a note.
template <class Use>
void use_or_leave_out(ReadReport& report, const char* what, const Use& use) {
  const ReadReport before = report;
  try {
    use();
  } catch (const Error& problem) {
    report = before;
    report.notes.push_back(std::string(problem.what()) + ": this file of " + what + " is left out");
  }
}

/// Features of a table, one node a line. Throws InputError for a table that is of no use.
SideFeatures read_features(const std::string& path, const std::string& side, const IdTable& nodes,
                           const ReadOptions& options, ReadReport& report);

/// Rows of weights that add up to 1, from files of edges whose paths commas separate: row i has the nodes that i's
/// edges lead to. A file that cannot be used is left out; without any, there are no columns.
SparseFeatures read_graph(const std::string& paths, const std::string& side, const IdTable& nodes,
                          const ReadOptions& options, ReadReport& report);

}  // namespace gcmc
