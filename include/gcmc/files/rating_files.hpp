// Anyone's ratings: a table in a text file, whatever its separator, header, columns and encoding.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Reads the ratings in a file of plain or gzipped text ("-": standard input), and those of the test and validation
/// files in `options`, as a set named `name` (empty: as the file). Separators , tab ; | :: and blanks, quotes after RFC
/// 4180, a header or none, decimal points or commas, CRLF, UTF-8 or latin-1 are told apart by what is there; columns
/// are found by the names that well-known sets give them, or are user, item, rating[, time] in this order. Ids are
/// kept in UTF-8 without the blanks around them. A file of write_binary_ratings is known by its first bytes. Beside
/// NAME.inter, RecBole's NAME.user, NAME.item and NAME.net are read where the options name no others. A file of
/// features or edges that cannot be used is left out, with a note. `report` gets what was understood and counted.
/// Throws InputError, with file and line, for what is no such table, and for what the options do not pass over.
GCMC_EXPORT Ratings read_rating_file(const std::string& path, const std::string& name = {},
                                     const ReadOptions& options = {}, ReadReport* report = nullptr);

/// Writes the ratings as a table user,item,rating[,time], in the order of `positions` or all in their own. "-" is
/// standard output; a file appears once it is whole. Throws InputError where the path is wrong, a position is none or
/// validate() refuses the ratings, FileError where the disk fails.
GCMC_EXPORT void write_rating_csv(const std::string& path, const Ratings& ratings,
                                  const std::vector<Offset>* positions = nullptr);

/// Writes the compact binary form (docs/formats.md), which read_rating_file reads to equal Ratings: users in order,
/// parts of its own, times and dense features too. Of sparse features nothing is kept. Throws as write_rating_csv, and
/// InputError for ratings that validate() refuses, ids that are no lines or not in the order of RatingsBuilder, a pair
/// that is rated twice, and more than 2^32 - 1 ratings whose users are not in order. Memory: 9 bytes a rating, and 8
/// for its time.
GCMC_EXPORT void write_binary_ratings(const std::string& path, const Ratings& ratings);

struct IdPair {
  std::string user, item;
};

/// Reads (user, item) pairs as ratings are read, so that ids are the same there and here: by name in any order, with
/// other columns among them, or user,item in the first two where no header names one. Throws InputError.
GCMC_EXPORT std::vector<IdPair> read_id_pairs(const std::string& path, const ReadOptions& options = {});

struct PairColumns {
  std::size_t user = 0, item = 1;
};

/// Where a header has the user and the item, by the names that read_id_pairs knows; none if it names either not.
/// Throws InputError if it names one of them twice.
GCMC_EXPORT std::optional<PairColumns> find_pair_columns(std::vector<std::string> header);

/// The ids of one side, in order: of the column that a header names as that side's, or of the first one. Throws
/// InputError.
GCMC_EXPORT std::vector<std::string> read_ids(const std::string& path, Side side, const ReadOptions& options = {});

struct IdRating {
  std::string id;
  double value = 0;
};

/// The ratings that one user has given, or one item got: ids of the other side, `rated`, and ratings, by name in any
/// order with other columns among them, or in the first two columns. Throws InputError.
GCMC_EXPORT std::vector<IdRating> read_own_ratings(const std::string& path, Side rated,
                                                   const ReadOptions& options = {});

/// "reviews" of "data/reviews.csv.gz".
GCMC_EXPORT std::string name_of_file(const std::string& path);

}  // namespace gcmc
