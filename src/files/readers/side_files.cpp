#include "side_files.hpp"

#include "text_file.hpp"
#include "titles.hpp"

namespace gcmc {
namespace {

/// Columns that nothing is known of are taken as they are.
std::vector<FeatureEncoding> encodings_of(const SideFeatures& features) {
  if (!features.encodings.empty()) return features.encodings;
  std::vector<FeatureEncoding> encodings;
  for (std::size_t k = 0; k < static_cast<std::size_t>(features.columns); ++k)
    encodings.push_back(
        {.name = k < features.names.size() ? features.names[k] : "", .means = {0.0}, .deviations = {1.0}});
  return encodings;
}

/// The rows of `right` behind those of `left`.
SparseFeatures side_by_side(const SparseFeatures& left, const SparseFeatures& right) {
  if (left.columns == 0) return right;
  SparseFeatures both{.columns = left.columns + right.columns, .begin = {0}};
  both.column.reserve(left.column.size() + right.column.size());
  both.value.reserve(both.column.capacity());
  for (std::size_t row = 0; row + 1 < left.begin.size(); ++row) {
    for (Offset e = left.begin[row]; e < left.begin[row + 1]; ++e) {
      both.column.push_back(left.column[e]);
      both.value.push_back(left.value[e]);
    }
    for (Offset e = right.begin[row]; e < right.begin[row + 1]; ++e) {
      both.column.push_back(left.columns + right.column[e]);
      both.value.push_back(right.value[e]);
    }
    both.begin.push_back(static_cast<Offset>(both.column.size()));
  }
  return both;
}

void add_graph(SideFeatures& features, const SparseFeatures& graph, const std::string& name) {
  features.encodings = encodings_of(features);
  features.encodings.push_back({.name = name, .kind = FeatureKind::graph});
  features.sparse = side_by_side(features.sparse, graph);
}

IdTable table_of(const std::vector<std::string>& ids) {
  IdTable table;
  for (const std::string& id : ids) table.add(id);
  return table;
}

void add_side(SideFeatures& features, const std::vector<std::string>& ids, const std::string& side,
              const std::string& features_path, const std::string& graph_paths, const ReadOptions& options,
              ReadReport& report) {
  if (features_path.empty() && graph_paths.empty()) return;
  const IdTable nodes = table_of(ids);
  if (!features_path.empty())
    use_or_leave_out(report, "features",
                     [&] { features = read_features(features_path, side, nodes, options, report); });
  if (graph_paths.empty()) return;
  if (const SparseFeatures graph = read_graph(graph_paths, side, nodes, options, report); graph.columns > 0)
    add_graph(features, graph, graph_paths);
}

}  // namespace

void add_side_files(Ratings& ratings, const ReadOptions& options, ReadReport& report) {
  std::error_code none;  // what can be read but once is read for its features
  if (std::filesystem::is_regular_file(options.item_features, none)) {
    DataLimit limit(options.item_features, options.data_limit);
    if (auto titles = read_titles(options.item_features, ratings.item_ids, limit); !titles.empty())
      ratings.item_titles = std::move(titles);
  }
  add_side(ratings.user_features, ratings.user_ids, "user", options.user_features, options.user_graph, options, report);
  add_side(ratings.item_features, ratings.item_ids, "item", options.item_features, options.item_graph, options, report);
}

void leave_out_single_side(Ratings& ratings, const std::string& users_file, const std::string& items_file,
                           ReadReport& report) {
  const bool users = !ratings.user_features.empty(), items = !ratings.item_features.empty();
  if (users == items) return;
  report.notes.push_back((users ? users_file : items_file) + " is not used, since it tells of " +
                         (users ? "users" : "items") + " alone: name it as " +
                         (users ? "user_features" : "item_features") + " to use it");
  (users ? ratings.user_features : ratings.item_features) = {};
}

ReadOptions with_typed_files(ReadOptions options, const std::filesystem::path& inter) {
  std::filesystem::path path = inter;
  if (path.extension() == ".gz") path.replace_extension();
  if (path.extension() != ".inter") return options;
  const auto beside = [&](std::string& option, const char* extension) {
    if (option.empty()) option = find_file(path.parent_path(), path.stem().string() + extension).string();
  };
  beside(options.user_features, ".user");
  beside(options.item_features, ".item");
  beside(options.user_graph, ".net");
  return options;
}

}  // namespace gcmc
