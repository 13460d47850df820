// Files of ratings in each layout, into a collector.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data_limit.hpp"
#include "gcmc/files/read_options.hpp"
#include "rating_collector.hpp"
#include "records.hpp"
#include "table.hpp"

namespace gcmc {

/// Adds the ratings of the files, parts of one table in the layout that the options name. Columns are described in the
/// report where that is still empty.
void read_ratings_into(RatingCollector& collector, const std::vector<std::string>& files, const ReadOptions& options,
                       DataLimit& limit, ReadReport& report);

/// Adds those of the options' validation and test files (or folders of parts), if there are any, as parts of their own.
void read_own_parts(RatingCollector& collector, const ReadOptions& options, DataLimit& limit, ReadReport& report);

/// A line a rating. Pieces of about `piece` bytes are parsed by the options' threads. `columns`: those of the table's
/// first part, if there was one; otherwise it gets this one's.
void read_rating_table(const std::string& path, const ReadOptions& options, DataLimit& limit,
                       RatingCollector& collector, ReadReport& report, std::optional<FoundColumns>& columns,
                       std::size_t piece = 1 << 20);

/// What the parts of a wide table share.
struct WideColumns {
  std::vector<std::string> items;                         ///< an id a column
  std::size_t user = no_column, passed_over = no_column;  ///< columns that hold no ratings
  Offset lines = 0;                                       ///< of the parts before
};

/// A line a user: [user,] a value for each item. An item's id is the header's, or its number from 1; a user's is its
/// column's, or the line's number. A first column that counts the row's ratings is passed over. `columns`: those of the
/// table's parts before, and then with this one's lines; a part without a header has the columns of the first.
void read_wide_table(const std::string& path, const ReadOptions& options, DataLimit& limit, RatingCollector& collector,
                     ReadReport& report, std::optional<WideColumns>& columns);

/// Lines "ITEM:", and under each its lines user,rating[,date].
void read_netflix_blocks(const std::string& path, const ReadOptions& options, DataLimit& limit,
                         RatingCollector& collector, ReadReport& report);

/// Runs read() until it says that there is no more, and deals with its bad lines as the options say.
template <class Read>
void read_lines(const ReadOptions& options, ReadReport& report, const Read& read) {
  const auto counted = [&] {
    const bool more = read();
    report.lines += more;
    return more;
  };
  for_each_line(counted, [&](const BadLine& problem) {
    if (options.bad_lines == BadLines::error)
      throw InputError(std::string(problem.what()) + " (bad_lines skip passes over such lines)");
    report.lines += problem.lines();
    report.bad_lines += problem.lines();
    if (report.first_bad_lines.size() < ReadReport::most_bad_lines) report.first_bad_lines.emplace_back(problem.what());
  });
}

}  // namespace gcmc
