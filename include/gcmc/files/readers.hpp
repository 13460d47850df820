// From files to Ratings: MovieLens' formats, the ratings.csv layout, downloads, and the generator's sets by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gcmc/base/export.hpp"
#include "gcmc/base/views.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Is it a file that ends in .zip?
GCMC_EXPORT bool is_archive(const std::string& path);

/// Reads the data set in `folder`, or in an archive of it, whose files tell its format:
///   u.data (ml-100k; side features from u.user, u.item), ratings.dat with :: (ml-1m, ml-10m; users.dat, movies.dat),
///   ratings.csv, any table that read_rating_file reads;
///   NAME.inter of RecBole, with NAME.user, NAME.item and NAME.net (edges between users) beside it.
/// Any of them may be gzipped (name.gz). `split` is u1..u5, ua or ub (ml-100k only: its .base and .test files), or
/// "random" or another rule (options/split_names.hpp), of which `options` say whether times are kept for it; empty
/// means u1 where u1.base is there, else random. Features are read where their files are there, and left out, with a
/// note, where MovieLens' own files tell of one side alone. Those that the options name replace them. Nodes: users and
/// items in any rating, numbered in ascending order of id (as numbers where all are numbers). Throws InputError with
/// file and line for a wrong field, a user or item file that lacks a node, or no known file. An empty `name` is the
/// folder's. Of `options`, what says how a table is read is for ratings.csv alone.
GCMC_EXPORT Ratings read_ratings(const std::string& folder, const std::string& name, std::string_view split = {},
                                 const ReadOptions& options = {}, ReadReport* report = nullptr);

/// How far a download is.
struct DownloadProgress {
  Offset received = 0, total = 0;  ///< bytes; total is 0 where it is unknown
  bool waiting = false;            ///< for another process that downloads the same set
};

/// When a download is given up.
struct DownloadLimits {
  Offset connect_seconds = 15;
  Offset least_rate = 1000, slow_seconds = 30;  ///< fewer bytes a second than this, for so long
  Offset total_seconds = 24 * 60 * 60;          ///< the next call goes on where this one ended
};

/// Which data set, where it may be, and how it may be had.
struct DataRequest {
  std::string name;           ///< empty: what data_dir holds, named after it
  std::string data_dir = {};  ///< folder or archive that holds it; empty: see load_data
  std::string split = {};     ///< as read_ratings takes it
  ReadOptions reading = {};
  std::string data_url = {};  ///< where NAME.zip is downloaded from; empty: $GCMC_DATA_URL, else GroupLens
  bool may_stand_in = false;  ///< synthetic-100k for an ml-100k that can be had nowhere
  DownloadLimits limits = {};
  std::function<void(const DownloadProgress&)> progress = {};  ///< an exception of its own ends the download
};

/// What was read; `note` is a sentence for the user, empty if nothing is to say.
struct DataSource {
  Ratings ratings;
  std::string note = {};
  ReadReport report = {};
};

/// Finds a data set by its name: in data_dir, else in $GCMC_DATA_DIR, else in the cache folder ($XDG_CACHE_HOME or
/// ~/.cache, /gcmc), else downloaded there. In each it is the sub-folder NAME (for ml-10m also ml-10M100K), the folder
/// itself, or the archive NAME.zip, which data_dir may also be. The names of synthetic_shape are generated.
///
/// An archive is unpacked into a temporary folder, of deflated entries alone, to at most 100 times its size and 16 MB.
///
/// A download has bounds in size, by what GroupLens states of the set, and in time. What a broken one leaves is gone on
/// with by the next call, if the server still has the same file. One process at a time downloads a set; others wait,
/// and find it. NAME.zip.md5 is checked where the server has it. The archive gets the set's name in the cache only once
/// it is unpacked and has a file of ratings of the set's format; where it comes from GroupLens itself, with as many
/// ratings as GroupLens states.
///
/// `note` tells of a set whose ratings are not as many as GroupLens states of its name, and of synthetic-100k, split at
/// random, that stands in for ml-100k. A given data_dir without the set is an Error, never a download.
/// Throws InputError for what the files, the archive or the address are not, FileError for a transfer that failed.
GCMC_EXPORT DataSource load_data(const DataRequest& request);

}  // namespace gcmc
