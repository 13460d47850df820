// Which folder a data set is in, which reader reads it, and what happens when it is nowhere.
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "../system_error.hpp"
#include "csv.hpp"
#include "download.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/readers.hpp"
#include "movielens.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

enum class Format { none, ml_100k, dat, csv };

Format format_of(const fs::path& folder) {
  for (const char* name : {"u.data", "u1.base", "ua.base"})
    if (!find_file(folder, name).empty()) return Format::ml_100k;
  if (!find_file(folder, "ratings.dat").empty()) return Format::dat;
  if (!find_file(folder, "ratings.csv").empty()) return Format::csv;
  return Format::none;
}

/// MovieLens' sets have a known format, so that a folder of several sets' files is not taken for the wrong one.
bool holds(const fs::path& folder, const std::string& name) {
  const Format format = format_of(folder);
  if (name == "ml-100k") return format == Format::ml_100k || format == Format::csv;
  if (name == "ml-1m" || name == "ml-10m") return format == Format::dat || format == Format::csv;
  return is_downloadable(name) ? format == Format::csv : format != Format::none;
}

/// The folder of `name` in `parent`, its own sub-folders first; empty if it is not there.
fs::path find_set(const fs::path& parent, const std::string& name) {
  std::vector<fs::path> places = {parent / name};
  if (name == "ml-10m") places.push_back(parent / "ml-10M100K");
  places.push_back(parent);
  for (const fs::path& place : places)
    if (holds(place, name)) return place;
  return {};
}

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

fs::path cache_folder() {
  const std::string cache = environment("XDG_CACHE_HOME"), home = environment("HOME");
  if (!cache.empty() && fs::path(cache).is_absolute()) return fs::path(cache) / "gcmc";
  if (!home.empty()) return fs::path(home) / ".cache" / "gcmc";
  throw InputError("there is no folder to keep it in: set XDG_CACHE_HOME or HOME");
}

/// The folder of `name` in $GCMC_DATA_DIR or in the cache folder, downloaded into the latter if need be.
fs::path find_or_download(const std::string& name, const std::function<void(Offset, Offset)>& progress) {
  if (const std::string folder = environment("GCMC_DATA_DIR"); !folder.empty())
    if (fs::path found = find_set(folder, name); !found.empty()) return found;
  if (!is_downloadable(name)) throw InputError("it is not a set that can be downloaded");
  const fs::path cache = cache_folder();
  if (!holds(cache / name, name))
    download(
        name, cache, [&](const fs::path& folder) { return holds(folder, name); }, progress);
  return cache / name;
}

constexpr const char* any_table =
    ". A table of any other name, separated by , tab ; | :: or blanks, is read by its path";
constexpr const char* give_folder = ". Give its folder as data_dir, or name it in GCMC_DATA_DIR";

void require_folder(const std::string& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) return;
  throw InputError(path + (fs::exists(path, code) ? ": this is a file, a folder was expected" : ": no such folder"));
}

/// "mine" of data/mine/, whatever stands behind it.
std::string name_of_folder(const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(folder, ignored);
  const std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  return name.empty() ? "ratings" : name;
}

/// Generated ratings have no test split of their own.
Ratings generate(const std::string& name, std::string_view split) {
  if (!split.empty() && split != "random") throw InputError(name + " has no split " + shown(split) + ": use random");
  return generate_ratings(synthetic_shape(name));
}

}  // namespace

Ratings read_ratings(const std::string& folder, const std::string& name, std::string_view split,
                     const ReadOptions& options, ReadReport* report) {
  const bool own_split = is_ml_100k_split(split);
  if (!split.empty() && split != "random" && !own_split)
    throw InputError("there is no split " + shown(split) +
                     ": use u1, u2, u3, u4, u5, ua or ub (ml-100k alone) or random");
  const Format format = format_of(folder);
  require_folder(folder);
  if (format == Format::none)
    throw InputError(folder +
                     ": no ratings here: u.data, ratings.dat or ratings.csv (or one of them with .gz at its end) " +
                     "was expected" + any_table);
  if (own_split && format != Format::ml_100k)
    throw InputError(folder + ": split " + shown(split) +
                     " belongs to ml-100k's own files, which are not here: use random");
  const std::string set_name = !name.empty() ? name : format == Format::ml_100k ? "ml-100k" : name_of_folder(folder);
  ReadReport own_report;
  ReadReport& told = report ? *report : own_report;
  told = {};
  Ratings ratings = format == Format::ml_100k ? read_ml_100k(folder, set_name, split, options, told)
                    : format == Format::dat   ? read_dat(folder, set_name, options, told)
                                              : read_csv(folder, set_name, options, told);
  if (told.place.empty()) told.place = folder;
  return ratings;
}

DataSource load_data(const std::string& name, const std::string& data_dir, std::string_view split,
                     const std::function<void(Offset, Offset)>& progress, bool may_stand_in,
                     const ReadOptions& options) {
  const auto read = [&](const fs::path& folder, const std::string& set_name) {
    DataSource source;
    source.ratings = read_ratings(folder.string(), set_name, split, options, &source.report);
    return source;
  };
  if (is_synthetic(name)) return {generate(name, split)};
  if (!data_dir.empty()) {
    require_folder(data_dir);
    const fs::path found =
        name.empty() && !holds(data_dir, name) ? find_set(data_dir, "ml-100k") : find_set(data_dir, name);
    if (found.empty())
      throw InputError(data_dir + ": " + (name.empty() ? "a data set" : name) +
                       " is not here: its u.data, ratings.dat or ratings.csv was expected in " +
                       "this folder or in its sub-folder " + name + any_table);
    return read(found, name);
  }
  fs::path found;
  try {
    found = find_or_download(name, progress);
  } catch (const Error& error) {
    const bool imitated = name == "ml-100k";
    if (!imitated || !may_stand_in)
      rethrow_as(name + " cannot be had: " + error.what() + give_folder +
                 (imitated ? ", or ask for synthetic-100k, made-up ratings of its size" : ""));
    return {generate_ratings({}), std::string("ml-100k cannot be had (") + error.what() +
                                      "), so these are the made-up ratings of synthetic-100k, split at random: their " +
                                      "errors do not compare with ml-100k's" + give_folder};
  }
  return read(found, name);
}

}  // namespace gcmc
