#include "parts.hpp"

#include <algorithm>

#include "gcmc/base/error.hpp"
#include "known_sets.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;

bool is_mark(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') || name.starts_with('_');
}

std::vector<std::string> files_under(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (fs::recursive_directory_iterator entry(folder, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    if (is_mark(entry->path()))
      entry.disable_recursion_pending();
    else if (std::error_code none; entry->is_regular_file(none))
      files.push_back(entry->path());
  }
  require(!problem, [&] { return folder.string() + ": cannot be read: " + problem.message(); });
  std::sort(files.begin(), files.end());
  return {files.begin(), files.end()};
}

/// Does its name say that it holds the ratings of a known set?
bool is_of_known_set(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name == "u.data" || name == "ratings.dat" || name == "ratings.csv" || name.ends_with(".inter");
}

/// Throws InputError for files of ratings of several known sets, whose ids mean different users.
void require_one_set(const fs::path& folder, const std::vector<std::string>& files) {
  std::vector<std::string> sets;
  for (const std::string& file : files) {
    const fs::path place = fs::path(file).parent_path();
    const bool told = !sets.empty() && sets.back() == place.string();
    if (!told && is_of_known_set(file) && find_known_set(place.filename().string())) sets.push_back(place.string());
  }
  if (sets.size() < 2) return;
  std::string names;
  for (const std::string& set : sets) names += (names.empty() ? "" : set == sets.back() ? " and " : ", ") + set;
  throw InputError(folder.string() + ": holds several data sets, " + names + ": name one of these folders");
}

/// Empty for what is no text.
std::string first_line(const std::string& path) try {
  DataLimit limit(path, 0);
  std::string_view line;
  return TextFile(path, limit).next(line) ? std::string(line) : "";
} catch (const Error&) {
  return {};
}

bool is_named_by(const ReadOptions& options, const std::string& path) {
  std::error_code none;
  for (const std::string* files : {&options.test_ratings, &options.valid_ratings, &options.user_features,
                                   &options.item_features, &options.user_graph, &options.item_graph}) {
    if (files->empty()) continue;
    if (fs::equivalent(*files, path, none)) return true;
    std::vector<std::string_view> listed;  // of graphs
    cut(*files, ",", listed);
    if (std::any_of(listed.begin(), listed.end(), [&](auto file) { return fs::equivalent(file, path, none); }))
      return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> files_at(const std::string& path) {
  std::error_code none;
  if (!fs::is_directory(path, none)) return {path};
  std::vector<std::string> files = files_under(path);
  require(!files.empty(), path + ": there is no file in this folder");
  return files;
}

FolderContent content_of(const fs::path& folder, const ReadOptions& options) {
  std::vector<std::string> files = files_under(folder), parts;
  std::erase_if(files, [&](const std::string& path) { return is_named_by(options, path); });
  require_one_set(folder, files);
  const auto known = std::find_if(files.begin(), files.end(), is_of_known_set);
  if (known == files.end()) return {{}, files};
  const std::string header = first_line(*known);
  std::copy_if(files.begin(), files.end(), std::back_inserter(parts), [&](const std::string& path) {
    return is_of_known_set(path) || (!header.empty() && first_line(path) == header);
  });
  if (parts.size() == 1) return {fs::path(*known).parent_path(), {}};
  return {{}, parts};
}

}  // namespace gcmc
