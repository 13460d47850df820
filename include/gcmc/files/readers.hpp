// From files to Ratings: MovieLens' formats, the ratings.csv layout, downloads, and the generator's sets by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gcmc/base/export.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/ratings/ratings.hpp"

namespace gcmc {

/// Reads the data set in `folder`, whose files tell its format:
///   u.data (ml-100k; side features from u.user, u.item), ratings.dat with :: (ml-1m, ml-10m; users.dat, movies.dat),
///   ratings.csv, any table that read_rating_file reads; movies.csv beside it is left out where it cannot be used.
/// Any of them may be gzipped (name.gz). `split` is u1..u5, ua or ub (ml-100k only: its .base and .test files), or
/// "random"; empty means u1 where u1.base is there, else random. Features are read where their files are there.
/// Nodes: users and items in any rating, numbered in ascending order of id (as numbers where all are numbers).
/// Throws InputError with file and line for a wrong field, a user or item file that lacks a node, or no known file.
/// An empty `name` is the folder's. Of `options`, what says how a table is read is for ratings.csv alone.
GCMC_EXPORT Ratings read_ratings(const std::string& folder, const std::string& name, std::string_view split = {},
                                 const ReadOptions& options = {}, ReadReport* report = nullptr);

/// Where a data set was found, or what was done to get it; `note` is a sentence for the user, empty if nothing is to
/// say.
struct DataSource {
  Ratings ratings;
  std::string note = {};
  ReadReport report = {};
};

/// Finds `name` (empty: what data_dir holds, named after it): in data_dir (itself or its sub-folder `name`; for ml-10m
/// also ml-10M100K), else in $GCMC_DATA_DIR, else in the cache folder ($XDG_CACHE_HOME or ~/.cache, /gcmc), else
/// downloaded there from GroupLens (archive to a temporary name, checked, unpacked, renamed; `progress(received,
/// total)` is called, total 0 if unknown). With `may_stand_in`, ml-100k that can be had nowhere becomes the generator's
/// synthetic-100k, split at random, and `note` says so plainly. A given data_dir without the set is an Error, never a
/// download. The names of synthetic_shape are generated.
GCMC_EXPORT DataSource load_data(const std::string& name, const std::string& data_dir, std::string_view split,
                                 const std::function<void(Offset, Offset)>& progress = {}, bool may_stand_in = false,
                                 const ReadOptions& options = {});

}  // namespace gcmc
