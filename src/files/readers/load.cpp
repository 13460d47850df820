// Which folder a data set is in, which reader reads it, and what happens when it is nowhere.
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "../system_error.hpp"
#include "archive.hpp"
#include "csv.hpp"
#include "download.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/readers.hpp"
#include "known_sets.hpp"
#include "movielens.hpp"
#include "parts.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

enum class Format { none, ml_100k, dat, csv, inter };

/// RecBole's file of ratings: that of the folder's name, or the only one; empty if there is none.
fs::path find_inter(const fs::path& folder) {
  std::error_code code;
  if (const fs::path own = find_file(folder, fs::weakly_canonical(folder, code).filename().string() + ".inter");
      !own.empty())
    return own;
  fs::path found;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const fs::path& path = entry->path();
    if (path.extension() != ".inter" && !path.string().ends_with(".inter.gz")) continue;
    if (!found.empty()) return {};
    found = path;
  }
  return found;
}

Format format_of(const fs::path& folder) {
  for (const char* name : {"u.data", "u1.base", "ua.base"})
    if (!find_file(folder, name).empty()) return Format::ml_100k;
  if (!find_file(folder, "ratings.dat").empty()) return Format::dat;
  if (!find_file(folder, "ratings.csv").empty()) return Format::csv;
  return find_inter(folder).empty() ? Format::none : Format::inter;
}

/// MovieLens' sets have a known format, so that a folder of several sets' files is not taken for the wrong one.
bool holds(const fs::path& folder, const std::string& name) {
  const Format format = format_of(folder);
  if (name == "ml-100k") return format == Format::ml_100k || format == Format::csv;
  if (name == "ml-1m" || name == "ml-10m") return format == Format::dat || format == Format::csv;
  return find_known_set(name) ? format == Format::csv : format != Format::none;
}

/// The folder or archive of `name` in `parent`, its own sub-folders first; empty if it is not there.
fs::path find_set(const fs::path& parent, const std::string& name) {
  std::vector<fs::path> places = {parent / name};
  if (name == "ml-10m") places.push_back(parent / "ml-10M100K");
  places.push_back(parent);
  for (const fs::path& place : places)
    if (holds(place, name)) return place;
  for (const fs::path& place : {parent / (name + ".zip"), parent})
    if (is_archive(place)) return place;
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

/// Where `request.name` is in $GCMC_DATA_DIR or in the cache folder, downloaded into the latter if need be.
fs::path find_or_download(const DataRequest& request) {
  const std::string& name = request.name;
  if (const std::string folder = environment("GCMC_DATA_DIR"); !folder.empty())
    if (fs::path found = find_set(folder, name); !found.empty()) return found;
  const KnownSet* set = find_known_set(name);
  if (!set) throw InputError("it is not a set that can be downloaded");
  const fs::path cache = cache_folder();
  for (const fs::path& place : {cache / name, cache / (name + ".zip")})
    if (holds(place, name) || is_archive(place)) return place;
  download(*set, cache, request, [&](const fs::path& folder) { return holds(folder, name); });
  return cache / name;
}

fs::path new_temporary_folder() {
  std::error_code code;
  std::string path = (fs::temp_directory_path(code) / "gcmc-archive-XXXXXX").string();
  if (code || !mkdtemp(path.data()))
    throw_system_error("the folder of temporary files (TMPDIR) cannot be used", code ? code.value() : errno);
  return path;
}

/// `text` with the archive's own path wherever it names the folder that the archive is unpacked into.
std::string named(std::string text, const std::string& unpacked, const std::string& archive) {
  for (std::size_t at = 0; (at = text.find(unpacked, at)) != std::string::npos; at += archive.size())
    text.replace(at, unpacked.size(), archive);
  return text;
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

/// A sentence for the user if these are not the ratings that the name stands for.
std::string note_of(const Ratings& ratings, const std::string& name) {
  const KnownSet* set = find_known_set(name);
  const auto count = static_cast<Offset>(ratings.entries.size());
  if (!set || set->ratings == 0 || count == set->ratings) return {};
  return "these are other ratings than GroupLens' " + name + ": " + std::to_string(count) + ", not " +
         std::to_string(set->ratings);
}

/// In the handler of an Error: what to do without the set, which is to throw unless made-up ratings may stand in for
/// it.
DataSource stand_in(const DataRequest& request, const Error& error) {
  const bool imitated = request.name == "ml-100k";
  if (!imitated || !request.may_stand_in)
    rethrow_as(request.name + " cannot be had: " + error.what() + give_folder +
               (imitated ? ", or ask for synthetic-100k, made-up ratings of its size" : ""));
  return {generate_ratings({}), std::string("ml-100k cannot be had (") + error.what() +
                                    "), so these are the made-up ratings of synthetic-100k, split at random: their " +
                                    "errors do not compare with ml-100k's" + give_folder};
}

/// Where `name` is in the given folder or archive; without a name, the set that it holds.
fs::path find_given(const std::string& data_dir, const std::string& name) {
  if (!is_archive(data_dir)) require_folder(data_dir);
  const bool unnamed = name.empty() && !holds(data_dir, name) && !is_archive(data_dir);
  fs::path found = find_set(data_dir, unnamed ? "ml-100k" : name);
  if (found.empty())
    throw InputError(data_dir + ": " + (name.empty() ? "a data set" : name) +
                     " is not here: its u.data, ratings.dat or ratings.csv was expected in " +
                     "this folder or in its sub-folder " + name + any_table);
  return found;
}

/// Errors of the first part's first line say that there is no set either.
Ratings read_parts(const std::string& folder, const std::vector<std::string>& parts, const std::string& name,
                   const ReadOptions& options, ReadReport& told) try {
  if (parts.size() == 1) return read_rating_file(parts.front(), name, options, &told);
  if (!parts.empty()) {
    Ratings ratings = read_rating_parts(parts, folder, name.empty() ? name_of_folder(folder) : name, options, told);
    told.notes.push_back(std::to_string(parts.size()) + " files in " + folder + " were read as parts of one table, " +
                         parts.front() + " first");
    return ratings;
  }
  throw InputError("there is no file");
} catch (const Error& error) {
  if (!told.columns.empty() || options.layout != TableLayout::rows) throw;
  rethrow_as(folder +
             ": no ratings here: u.data, ratings.dat or ratings.csv (or one of them with .gz at its end) was " +
             "expected, or the parts of one table; " + error.what());
}

Ratings read_folder(const std::string& folder, const std::string& name, std::string_view split,
                    const ReadOptions& options, ReadReport& told) {
  const bool own_split = is_ml_100k_split(split);
  if (!split.empty() && !own_split && !is_split_rule(split))
    throw InputError("there is no split " + shown(split) +
                     ": use u1, u2, u3, u4, u5, ua or ub (ml-100k alone), or a rule such as random or time");
  const Format format = format_of(folder);
  require_folder(folder);
  FolderContent content{folder, {}};
  if (format == Format::none || format == Format::csv) content = content_of(folder, options);
  if (!content.set.empty() && content.set != folder) return read_folder(content.set, name, split, options, told);
  if (own_split && format != Format::ml_100k)
    throw InputError(folder + ": split " + shown(split) +
                     " belongs to ml-100k's own files, which are not here: use random");
  if (content.set.empty()) return read_parts(folder, content.parts, name, options, told);
  const std::string set_name = !name.empty() ? name : format == Format::ml_100k ? "ml-100k" : name_of_folder(folder);
  Ratings ratings = format == Format::ml_100k ? read_ml_100k(folder, set_name, split, options, told)
                    : format == Format::dat   ? read_dat(folder, set_name, options, told)
                    : format == Format::csv   ? read_csv(folder, set_name, options, told)
                                              : read_rating_file(find_inter(folder), set_name, options, &told);
  if (told.place.empty()) told.place = folder;
  return ratings;
}

/// `path` is told in place of the folder that the archive is unpacked into.
Ratings read_archive(const std::string& path, const std::string& name, std::string_view split,
                     const ReadOptions& options, ReadReport& told) {
  const KnownSet* set = find_known_set(name);
  const PassingFolder unpacked(new_temporary_folder());
  fs::path folder = unpacked.path();
  try {
    unpack(path, folder, set ? set->largest_unpacked() : std::numeric_limits<Offset>::max());
    if (!holds(folder, name))
      for (const fs::path& top : top_folders(unpacked.path()))
        if (holds(top, name)) folder = top;
    if (set && !holds(folder, name)) throw InputError("it has no file of ratings of the format that " + name + " has");
  } catch (const Error& error) {
    rethrow_as(path + ": " + error.what());
  }
  try {
    Ratings ratings = read_folder(folder, name.empty() ? fs::path(path).stem().string() : name, split, options, told);
    told.place = path;
    told.bytes = static_cast<Offset>(fs::file_size(path));
    for (std::string& line : told.first_bad_lines) line = named(line, unpacked.path(), path);
    for (std::string& note : told.notes) note = named(note, unpacked.path(), path);
    for (ReadReport::SideFile& file : told.side_files) file.path = named(file.path, unpacked.path(), path);
    return ratings;
  } catch (const Error& error) {
    rethrow_as(named(error.what(), unpacked.path(), path));
  }
}

/// Generated ratings have no test split of their own.
Ratings generate(const std::string& name, std::string_view split) {
  if (!split.empty() && !is_split_rule(split))
    throw InputError(name + " has no split " + shown(split) + ": use random");
  return generate_ratings(synthetic_shape(name));
}

}  // namespace

bool is_archive(const std::string& path) {
  std::error_code none;
  return fs::path(path).extension() == ".zip" && fs::is_regular_file(path, none);
}

Ratings read_ratings(const std::string& path, const std::string& name, std::string_view split,
                     const ReadOptions& options, ReadReport* report) {
  ReadReport own_report;
  ReadReport& told = report ? *report : own_report;
  told = {};
  return is_archive(path) ? read_archive(path, name, split, options, told)
                          : read_folder(path, name, split, options, told);
}

DataSource load_data(const DataRequest& request) {
  const std::string& name = request.name;
  if (is_synthetic(name)) return {generate(name, request.split)};
  DataSource source;
  fs::path found;
  if (!request.data_dir.empty()) {
    found = find_given(request.data_dir, name);
  } else {
    try {
      found = find_or_download(request);
    } catch (const Error& error) {
      return stand_in(request, error);
    }
  }
  source.ratings = read_ratings(found, name, request.split, request.reading, &source.report);
  source.note = note_of(source.ratings, name);
  return source;
}

}  // namespace gcmc
