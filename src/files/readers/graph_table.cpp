// Graphs between nodes of one side from files of edges.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "rating_fields.hpp"
#include "side_files.hpp"
#include "side_table.hpp"

namespace gcmc {
namespace {

enum { from_column, to_column, weight_column };

struct Edge {
  Index from = 0, to = 0;
  float weight = 1;
};

bool same_nodes(const Edge& a, const Edge& b) { return a.from == b.from && a.to == b.to; }

void sort_by_nodes(std::vector<Edge>& edges) {
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return std::pair(a.from, a.to) < std::pair(b.from, b.to); });
}

/// source_id and target_id of RecBole, userID and friendID of Last.fm, and the like; else the first two columns.
std::vector<WantedColumn> edge_columns() {
  return {{"source", {"source", "sourceid", "from"}, {"user", "userid", "user1", "item", "itemid", "item1", "trustor"}},
          {"target",
           {"target", "targetid", "to"},
           {"friend", "friendid", "user2", "userid2", "item2", "itemid2", "neighbour", "neighbor", "trustee"}},
          {"weight", {"weight"}, {"value", "trust", "strength", "similarity", "count"}, false}};
}

/// What was passed over, for the notes.
struct Passed {
  std::size_t unknown = 0, loops = 0, duplicates = 0, weightless = 0, bad = 0;
  std::string example, first_bad;
};

/// A finite number above 0; 0 for what weighs nothing, such as distrust.
float weight_of(const SideTable& table, std::string& room) {
  const std::string_view field = table[table.position(weight_column)];
  double weight = 0;
  if (!parse_decimal(field, weight, room) || weight > std::numeric_limits<float>::max())
    table.records().fail("the weight is " + shown(field), "a number such as 1 or 0.5");
  return weight > 0 ? static_cast<float>(weight) : 0;
}

void read_edges(SideTable& table, const IdTable& nodes, DataLimit& limit, std::vector<Edge>& edges, Passed& passed) {
  ReadReport unused;
  IdReader ids(unused);
  std::string room;
  const auto find = [&](std::size_t column) {
    const std::string_view id = ids.read(table.records(), table[table.position(column)], "node's");
    const Index node = nodes.find(id);
    if (node < 0 && passed.example.empty()) passed.example = id;
    return node;
  };
  const auto read = [&] {
    if (!table.next()) return false;
    const Edge edge{find(from_column), find(to_column),
                    table.position(weight_column) == no_column ? 1.0F : weight_of(table, room)};
    if (edge.from < 0 || edge.to < 0) {
      ++passed.unknown;
    } else if (edge.from == edge.to) {
      ++passed.loops;
    } else if (!(edge.weight > 0)) {
      ++passed.weightless;
    } else {
      limit.take(3 * sizeof(Edge));
      edges.push_back(edge);
    }
    return true;
  };
  for_each_line(read, [&](const BadLine& problem) {
    if (passed.bad++ == 0) passed.first_bad = problem.what();
  });
}

/// One file's edges, each pair of nodes once: the first counts.
std::vector<Edge> read_file(const std::string& path, const std::string& side, const IdTable& nodes,
                            const ReadOptions& options, ReadReport& report) {
  DataLimit limit(path, options.data_limit);
  SideTable table(path, edge_columns(), nodes, limit);
  Passed passed;
  std::vector<Edge> edges;
  read_edges(table, nodes, limit, edges, passed);
  require(!edges.empty(), [&] {
    return path + ": no edge is between two " + side + "s that have ratings" +
           (passed.example.empty() ? passed.bad > 0 ? " (" + passed.first_bad + ")" : ""
                                   : ": it has " + shown(passed.example) + ", the ratings have " +
                                         shown(nodes.ids().empty() ? "" : nodes.ids().front()));
  });
  sort_by_nodes(edges);
  const std::size_t read = edges.size();
  edges.erase(std::unique(edges.begin(), edges.end(), same_nodes), edges.end());
  passed.duplicates = read - edges.size();

  ReadReport::SideFile file{.side = side, .path = path, .form = table.form(), .columns = {}};
  for (const auto& [column, kind] :
       {std::pair(from_column, "source"), {to_column, "target"}, {weight_column, "weight"}})
    if (table.position(column) != no_column) file.columns.push_back({table.name(table.position(column)), kind, 0, ""});
  file.columns.front().made = static_cast<Index>(nodes.ids().size());
  file.columns.front().remark = std::to_string(edges.size()) + " edges";
  report.side_files.push_back(std::move(file));
  const auto tell = [&](std::size_t count, const std::string& what) {
    if (count > 0) report.notes.push_back(path + ": " + std::to_string(count) + " edges " + what);
  };
  tell(passed.unknown, "have " + one_of(side) + " without ratings, and are passed over");
  tell(passed.loops, "lead from " + one_of(side) + " to itself, and are passed over");
  tell(passed.duplicates, "are there already, and are passed over");
  tell(passed.weightless, "have no weight above 0, and are passed over");
  tell(passed.bad, "are wrong, and are passed over: " + passed.first_bad);
  return edges;
}

}  // namespace

SparseFeatures read_graph(const std::string& paths, const std::string& side, const IdTable& nodes,
                          const ReadOptions& options, ReadReport& report) {
  std::vector<Edge> edges;
  std::vector<std::string_view> files;
  cut(paths, ",", files);
  for (const std::string_view file : files)
    use_or_leave_out(report, "edges", [&] {
      const std::vector<Edge> some = read_file(std::string(file), side, nodes, options, report);
      edges.insert(edges.end(), some.begin(), some.end());
    });
  if (edges.empty()) return {};
  sort_by_nodes(edges);
  SparseFeatures graph{.columns = static_cast<Index>(nodes.ids().size()), .begin = {0}};
  graph.column.reserve(edges.size());
  graph.value.reserve(edges.size());
  auto edge = edges.begin();
  for (Index node = 0; node < graph.columns; ++node) {
    double sum = 0;
    for (auto other = edge; other != edges.end() && other->from == node; ++other) sum += double{other->weight};
    const auto row = static_cast<std::size_t>(graph.begin.back());
    for (; edge != edges.end() && edge->from == node; ++edge) {
      const auto share = static_cast<float>(double{edge->weight} / sum);
      if (graph.column.size() > row && graph.column.back() == edge->to) {
        graph.value.back() += share;
        continue;
      }
      graph.column.push_back(edge->to);
      graph.value.push_back(share);
    }
    graph.begin.push_back(static_cast<Offset>(graph.column.size()));
  }
  return graph;
}

}  // namespace gcmc
