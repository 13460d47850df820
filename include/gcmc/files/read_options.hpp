// How a table of ratings is read, where that is not left to its content, and what was understood of it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/views.hpp"
#include "gcmc/options/option_names.hpp"

namespace gcmc {

/// What a line of the table holds: a rating; all ratings of a user, a column an item; or Netflix' blocks, "ITEM:" and
/// under it a line user,rating[,date] for each of its ratings.
enum class TableLayout { rows, wide, netflix };
enum class BadLines { error, skip };
/// Which rating of a pair counts that is rated more than once. `last` goes by time where there is one, else by line.
enum class Duplicates { last, first, mean, error };
/// What becomes of ratings' times once duplicates are merged: Ratings::times is empty, has them where the file has, or
/// has one for every rating: what has none is then an error.
enum class Times { passed_over, kept, needed };

constexpr auto names_of(TableLayout) {
  return std::to_array<Named<TableLayout>>(
      {{"rows", TableLayout::rows}, {"wide", TableLayout::wide}, {"netflix", TableLayout::netflix}});
}
constexpr auto names_of(BadLines) {
  return std::to_array<Named<BadLines>>({{"error", BadLines::error}, {"skip", BadLines::skip}});
}
constexpr auto names_of(Duplicates) {
  return std::to_array<Named<Duplicates>>({{"last", Duplicates::last},
                                           {"first", Duplicates::first},
                                           {"mean", Duplicates::mean},
                                           {"error", Duplicates::error}});
}

struct ReadOptions {
  std::string columns =
      {};  ///< "user=User-ID,item=2": names of the header or positions from 1; empty: well-known names
  std::string separator = {};  ///< one character, "::", "tab" or "blanks"; empty: detected
  std::string decimal = {};    ///< "." or ","; empty: either, as each number has it
  bool no_header = false;      ///< the first line is data; else detected
  TableLayout layout = TableLayout::rows;
  std::string not_rated = {};  ///< the rating that stands for none, such as 0, -1, 99 or NA; empty: there is none
  BadLines bad_lines = BadLines::error;
  Duplicates duplicates = Duplicates::last;
  /// Levels for values that are too many: "quantiles:K", K bins of equally many ratings; "log:K", K bins of equal width
  /// in the logarithm; or edges, "0,10,100". A level is the mean of its bin. Empty: each value is a level.
  std::string rating_levels = {};
  std::string test_ratings = {};   ///< file of the set's own test part; empty: drawn at random
  std::string valid_ratings = {};  ///< file of its own validation part; without one of the test part, that is empty
  /// Tables of features, a line a user or item: each column is detected as a FeatureKind (ratings/features.hpp). They
  /// replace the features that the set's own files have of that side.
  std::string user_features = {}, item_features = {};
  /// Files of edges between users, between items: two columns of ids and perhaps one of weights. Commas separate files,
  /// whose weights add up.
  std::string user_graph = {}, item_graph = {};
  Times times = Times::passed_over;
  /// Memory in MB that reading a file may take; 0: 64 MB and 16 times the file's size.
  Offset data_limit = 0;
  /// That parse; 0: one a core. What is read does not depend on it.
  int threads = 0;

  bool has_own_parts() const { return !test_ratings.empty() || !valid_ratings.empty(); }
};

/// The times that a split by this name goes by (options/split_names.hpp).
inline Times times_for(std::string_view split) {
  switch (split_rule(split)) {
    case SplitRule::random:
      return Times::passed_over;
    case SplitRule::leave_out:
      return Times::kept;
    case SplitRule::time:
    case SplitRule::time_per_user:
      break;
  }
  return Times::needed;
}

/// What a table was taken for, and what was done to its lines. Counts are sums over all files of a set.
struct ReadReport {
  struct Column {
    std::string role;     ///< user, item, rating or time
    std::string name;     ///< the header's, or "column 2"
    std::string example;  ///< of the first line
  };

  /// A file of features, or of edges.
  struct SideFile {
    struct Column {
      std::string name, kind;  ///< id, a FeatureKind's name, or "not used"
      Index made = 0;          ///< columns of SideFeatures
      std::string remark = {};
    };
    std::string side, path;
    std::string form;  ///< "header, separator ,"
    std::vector<Column> columns;
  };

  std::string place;      ///< the folder or file; empty for generated ratings
  Offset bytes = 0;       ///< of the files, as they lie there
  std::string separator;  ///< as ReadOptions names it
  bool header = false;
  bool decimal_comma = false;
  bool short_decimals = false;  ///< a decimal comma has other than three digits behind it: no comma is of thousands
  std::vector<Column> columns;  ///< empty for formats that need none understood
  std::vector<SideFile> side_files;
  Offset lines = 0;  ///< records without the header
  Offset not_rated = 0, bad_lines = 0, duplicates = 0;
  Offset held_out = 0;      ///< training ratings of pairs that the validation or test file has too: left out
  Offset trimmed_ids = 0;   ///< ids with blanks around them, which are dropped
  Offset latin1_ids = 0;    ///< ids in latin-1, which are made UTF-8
  Offset unread_times = 0;  ///< fields of the time's column that are neither seconds nor a date that can be read
  std::string first_unread_time;
  Index ready_folds = 0;                     ///< splits u1, u2, ... that are there, if their test parts are disjoint
  std::vector<std::string> first_bad_lines;  ///< at most ten
  std::vector<std::string> notes;            ///< sentences for the user

  static constexpr std::size_t most_bad_lines = 10;

  /// What was done to lines that come behind.
  void add_lines(const ReadReport& later) {
    decimal_comma |= later.decimal_comma;
    short_decimals |= later.short_decimals;
    lines += later.lines;
    not_rated += later.not_rated;
    bad_lines += later.bad_lines;
    trimmed_ids += later.trimmed_ids;
    latin1_ids += later.latin1_ids;
    if (unread_times == 0) first_unread_time = later.first_unread_time;
    unread_times += later.unread_times;
    for (const std::string& line : later.first_bad_lines)
      if (first_bad_lines.size() < most_bad_lines) first_bad_lines.push_back(line);
  }
};

}  // namespace gcmc
