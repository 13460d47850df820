// Features of one side from a table of any columns.
#include <algorithm>
#include <utility>
#include <vector>

#include "feature_fields.hpp"
#include "rating_fields.hpp"
#include "side_files.hpp"
#include "side_table.hpp"

namespace gcmc {
namespace {

constexpr std::size_t most_categories = 100000;  // of a side, in all its columns: a saved model lists them

/// Rows that were passed over, for the notes.
struct Passed {
  std::size_t unknown = 0, again = 0, bad = 0;
  std::string example, first_bad;
};

/// The fields of the rows of known nodes, as text.
class StoredRows {
 public:
  explicit StoredRows(std::size_t columns) : columns_(columns) {}

  void add(Index node, const SideTable& table, DataLimit& limit) {
    nodes_.push_back(node);
    for (std::size_t column = 0; column < columns_; ++column) {
      text_ += table[column];
      ends_.push_back(text_.size());
    }
    const auto taken = static_cast<Offset>(2 * (text_.size() + ends_.size() * sizeof(std::size_t)));
    limit.take(taken - taken_);
    taken_ = taken;
  }

  std::size_t size() const { return nodes_.size(); }
  Index node(std::size_t row) const { return nodes_[row]; }
  std::string_view field(std::size_t row, std::size_t column) const {
    const std::size_t at = row * columns_ + column, begin = at == 0 ? 0 : ends_[at - 1];
    return std::string_view(text_).substr(begin, ends_[at] - begin);
  }
  /// The fields of a column that are not missing.
  ColumnFields column(std::size_t column) const {
    ColumnFields fields;
    for (std::size_t row = 0; row < size(); ++row)
      if (!is_missing(field(row, column))) fields.push_back(field(row, column));
    return fields;
  }

 private:
  std::size_t columns_;
  std::vector<Index> nodes_;
  std::string text_;
  std::vector<std::size_t> ends_;
  Offset taken_ = 0;
};

StoredRows read_rows(SideTable& table, const IdTable& nodes, const std::string& side, DataLimit& limit,
                     Passed& passed) {
  StoredRows rows(table.columns());
  std::vector<bool> seen(nodes.ids().size(), false);
  ReadReport unused;
  IdReader ids(unused);
  const auto read = [&] {
    if (!table.next()) return false;
    const std::string_view id = ids.read(table.records(), table[table.position(0)], side.c_str());
    const Index node = nodes.find(id);
    if (node < 0) {
      if (passed.unknown++ == 0) passed.example = id;
    } else if (seen[static_cast<std::size_t>(node)]) {
      ++passed.again;
    } else {
      seen[static_cast<std::size_t>(node)] = true;
      rows.add(node, table, limit);
    }
    return true;
  };
  for_each_line(read, [&](const BadLine& problem) {
    if (passed.bad++ == 0) passed.first_bad = problem.what();
  });
  return rows;
}

/// Entries of sparse rows as they come, column after column.
class SparseBuilder {
 public:
  explicit SparseBuilder(std::size_t nodes) : rows_(nodes) {}
  void add(Index node, Index column) { rows_[static_cast<std::size_t>(node)].push_back(column); }

  SparseFeatures finish(Index columns) const {
    SparseFeatures sparse{.columns = columns};
    if (columns == 0) return sparse;
    sparse.begin = {0};
    for (const std::vector<Index>& row : rows_) {
      sparse.column.insert(sparse.column.end(), row.begin(), row.end());
      sparse.begin.push_back(static_cast<Offset>(sparse.column.size()));
    }
    sparse.value.assign(sparse.column.size(), 1.0F);
    return sparse;
  }

 private:
  std::vector<std::vector<Index>> rows_;
};

/// Columns with their encodings; fills the report's description of each.
std::vector<std::pair<std::size_t, FeatureEncoding>> fit_columns(const SideTable& table, const StoredRows& rows,
                                                                 DataLimit& limit, ReadReport::SideFile& file) {
  std::vector<std::pair<std::size_t, FeatureEncoding>> fitted;
  std::size_t categories = 0;
  for (std::size_t column = 0; column < table.columns(); ++column) {
    if (column == table.position(0)) {
      file.columns.push_back({table.name(column), "id", 0, ""});
      continue;
    }
    limit.take(static_cast<Offset>(rows.size() * sizeof(std::string_view)));
    FittedColumn fit = fit_column(table.name(column), table.type(column), rows.column(column), rows.size(),
                                  most_categories - categories, limit);
    limit.give_back(static_cast<Offset>(rows.size() * sizeof(std::string_view)));
    if (!fit.encoding) {
      file.columns.push_back({table.name(column), "not used", 0, fit.remark});
      continue;
    }
    categories += fit.encoding->categories.size();
    file.columns.push_back({table.name(column), std::string(name_of(fit.encoding->kind)),
                            fit.encoding->dense_columns() + fit.encoding->sparse_columns(0), fit.remark});
    fitted.emplace_back(column, std::move(*fit.encoding));
  }
  return fitted;
}

/// ": title (all differ), year (one value)", of columns that are not used; empty where there is none.
std::string reasons(const ReadReport::SideFile& file) {
  std::string text;
  for (const ReadReport::SideFile::Column& column : file.columns)
    if (column.kind != "id")
      text += (text.empty() ? ": " : "; ") + column.name + (column.remark.empty() ? "" : ", " + column.remark);
  return text;
}

SideFeatures encode(const StoredRows& rows, std::size_t nodes,
                    std::vector<std::pair<std::size_t, FeatureEncoding>> fitted, DataLimit& limit) {
  constexpr Offset bytes_of_entry = 24;
  SideFeatures features;
  Index sparse_columns = 0;
  for (const auto& [column, encoding] : fitted) features.columns += encoding.dense_columns();
  limit.take(static_cast<Offset>(nodes * (static_cast<std::size_t>(features.columns) * sizeof(double) + 32)));
  features.values.assign(nodes * static_cast<std::size_t>(features.columns), 0.0);
  SparseBuilder sparse(nodes);
  std::size_t first = 0;
  for (auto& [column, encoding] : fitted) {
    const FieldEncoder encoder(encoding);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string_view field = rows.field(row, column);
      const Index node = rows.node(row);
      if (is_missing(field)) continue;
      if (encoding.means.empty()) {
        const std::vector<Index> set = encoder.categories(field);
        limit.take(bytes_of_entry * static_cast<Offset>(set.size()));
        for (const Index k : set) sparse.add(node, sparse_columns + k);
      } else if (const auto values = encoder.numbers(field)) {
        std::copy(
            values->begin(), values->end(),
            features.values.begin() + static_cast<Offset>(static_cast<std::size_t>(node) * features.columns + first));
      }
    }
    for (std::size_t k = 0; k < encoding.means.size(); ++k)
      features.names.push_back(encoding.name + (encoding.means.size() > 1 ? " " + std::to_string(k + 1) : ""));
    first += encoding.means.size();
    sparse_columns += encoding.sparse_columns(0);
    features.encodings.push_back(std::move(encoding));
  }
  features.sparse = sparse.finish(sparse_columns);
  return features;
}

void tell_rows(const std::string& path, const std::string& side, std::size_t nodes, std::size_t used,
               const Passed& passed, std::vector<std::string>& notes) {
  const auto tell = [&](std::size_t count, const std::string& what) {
    if (count > 0) notes.push_back(path + ": " + std::to_string(count) + what);
  };
  tell(nodes - used, " of " + std::to_string(nodes) + " " + side + "s have no line: their features are zeros");
  tell(passed.unknown, " lines are of " + side + "s without ratings, and passed over");
  tell(passed.again, " lines are of " + side + "s that have one already, and passed over");
  tell(passed.bad, " lines are wrong, and passed over: " + passed.first_bad);
}

std::vector<WantedColumn> features_id_column(const std::string& side) {
  std::vector<WantedColumn> column = id_column(side == "user" ? user_side : item_side);
  column.front().other_names.push_back("id");
  return column;
}

}  // namespace

SideFeatures read_features(const std::string& path, const std::string& side, const IdTable& nodes,
                           const ReadOptions& options, ReadReport& report) {
  DataLimit limit(path, options.data_limit);
  SideTable table(path, features_id_column(side), nodes, limit);
  Passed passed;
  const StoredRows rows = read_rows(table, nodes, side, limit, passed);
  require(rows.size() > 0, [&] {
    return path + ": no line is of " + one_of(side) + " that has ratings" +
           (passed.example.empty() ? passed.bad > 0 ? " (" + passed.first_bad + ")" : ""
                                   : ": it has " + shown(passed.example) + ", the ratings have " +
                                         shown(nodes.ids().empty() ? "" : nodes.ids().front()));
  });
  ReadReport::SideFile file{.side = side, .path = path, .form = table.form(), .columns = {}};
  auto fitted = fit_columns(table, rows, limit, file);
  require(!fitted.empty(), [&] { return path + ": no column besides the " + side + "'s can be used" + reasons(file); });
  SideFeatures features = encode(rows, nodes.ids().size(), std::move(fitted), limit);
  report.side_files.push_back(std::move(file));
  tell_rows(path, side, nodes.ids().size(), rows.size(), passed, report.notes);
  return features;
}

}  // namespace gcmc
