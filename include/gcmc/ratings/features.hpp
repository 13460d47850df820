// Side features of one side's nodes: dense columns, sparse ones behind them, and how a table's columns became both.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"

namespace gcmc {

/// Sparse rows (CSR): row i has value[e] at column[e] for e from begin[i] to begin[i + 1] - 1, columns ascending. Empty
/// when columns == 0. Memory: 8 bytes an entry, 8 a row.
struct SparseFeatures {
  Index columns = 0;
  std::vector<Offset> begin = {};
  std::vector<Index> column = {};
  std::vector<float> value = {};
};

/// What a column of a table, or a graph, is made into:
///   number    (x - mean) / deviation, a dense column for each number of the field
///   date      the same of its year, with the part of the year that has passed
///   category  a sparse column for each distinct value: 1 at the node's own
///   list      the same at each of its values, which | separates
///   words     the same of blanks
///   graph     a sparse column for each node of the side: the weights of the node's edges, which add up to 1
enum class FeatureKind { number, date, category, list, words, graph };

constexpr std::array<std::string_view, 6> feature_kind_names = {"number", "date", "category", "list", "words", "graph"};
constexpr std::string_view name_of(FeatureKind kind) { return feature_kind_names[static_cast<std::size_t>(kind)]; }

/// How one column is encoded, so that a node which comes later is encoded alike. What is missing is 0 in every column.
struct FeatureEncoding {
  std::string name = {};  ///< the table's
  FeatureKind kind = FeatureKind::number;
  std::vector<double> means = {}, deviations = {};  ///< of number and date, one a dense column
  std::vector<std::string> categories = {};         ///< of category, list and words, one a sparse column

  Index dense_columns() const { return static_cast<Index>(means.size()); }
  /// `nodes` are those of the side.
  Index sparse_columns(Index nodes) const {
    return kind == FeatureKind::graph ? nodes : static_cast<Index>(categories.size());
  }
  friend bool operator==(const FeatureEncoding&, const FeatureEncoding&) = default;
};

/// Dense values are row-major and unpadded: values[row * columns + column]. Empty when columns == 0.
struct SideFeatures {
  Index columns = 0;
  std::vector<double> values;
  std::vector<std::string> names;               ///< one a dense column, for reports
  SparseFeatures sparse = {};                   ///< the columns behind them
  std::vector<FeatureEncoding> encodings = {};  ///< of all columns in their order; empty: not known

  bool empty() const { return columns == 0 && sparse.columns == 0; }
};

/// Throws InputError, beginning with `what`, unless the encodings describe so many columns, or nothing.
inline void validate_encodings(const std::vector<FeatureEncoding>& encodings, Index dense, Index sparse,
                               std::size_t nodes, const std::string& what) {
  Offset dense_sum = 0, sparse_sum = 0;
  for (const FeatureEncoding& encoding : encodings) {
    const bool scaled = encoding.kind == FeatureKind::number || encoding.kind == FeatureKind::date;
    const bool listed = !scaled && encoding.kind != FeatureKind::graph;
    require(encoding.means.size() == encoding.deviations.size() && scaled != encoding.means.empty() &&
                listed != encoding.categories.empty(),
            [&] {
              return what + "the encoding of '" + encoding.name + "' has not what a " +
                     std::string(name_of(encoding.kind)) + " has";
            });
    for (std::size_t k = 0; k < encoding.means.size(); ++k)
      require(std::isfinite(encoding.means[k]) && std::isfinite(encoding.deviations[k]) && encoding.deviations[k] > 0,
              [&] { return what + "the encoding of '" + encoding.name + "' has a mean or a deviation that is none"; });
    dense_sum += encoding.dense_columns();
    sparse_sum += encoding.sparse_columns(static_cast<Index>(nodes));
  }
  require(encodings.empty() || (dense_sum == dense && sparse_sum == sparse), [&] {
    return what + "the encodings describe " + std::to_string(dense_sum) + " dense and " + std::to_string(sparse_sum) +
           " sparse columns, not " + std::to_string(dense) + " and " + std::to_string(sparse);
  });
}

/// Throws InputError, beginning with `what`, unless there is a row for each node, its columns ascend and its values are
/// finite.
inline void validate_sparse(const SparseFeatures& sparse, std::size_t nodes, const std::string& what) {
  const std::size_t rows = sparse.columns > 0 ? nodes + 1 : 0, entries = sparse.column.size();
  require(sparse.columns >= 0, [&] { return what + std::to_string(sparse.columns) + " sparse columns"; });
  require(sparse.begin.size() == rows && sparse.value.size() == entries && (rows > 0 || entries == 0), [&] {
    return what + std::to_string(sparse.begin.size()) + " row ends, " + std::to_string(entries) + " columns and " +
           std::to_string(sparse.value.size()) + " values of sparse rows for " + std::to_string(nodes) + " nodes";
  });
  if (rows == 0) return;
  require(sparse.begin.front() == 0 && sparse.begin.back() == static_cast<Offset>(entries) &&
              std::is_sorted(sparse.begin.begin(), sparse.begin.end()),
          [&] { return what + "sparse rows do not ascend from 0 to " + std::to_string(entries) + " entries"; });
  for (std::size_t row = 0; row < nodes; ++row)
    for (auto e = static_cast<std::size_t>(sparse.begin[row]); e < static_cast<std::size_t>(sparse.begin[row + 1]);
         ++e) {
      const bool first = e == static_cast<std::size_t>(sparse.begin[row]);
      const Index column = sparse.column[e];
      require(column >= 0 && column < sparse.columns && (first || sparse.column[e - 1] < column), [&] {
        return what + "sparse row " + std::to_string(row) + " has column " + std::to_string(column) +
               ", which is not one of " + std::to_string(sparse.columns) + " or does not ascend";
      });
      require(std::isfinite(sparse.value[e]), [&] {
        return what + "row " + std::to_string(row) + ", sparse column " + std::to_string(column) +
               " is not a finite number";
      });
    }
}

/// Throws InputError unless there is a finite value for each of the `side`'s nodes and dense columns, and sparse rows
/// and encodings fit.
inline void validate_features(const SideFeatures& features, std::size_t nodes, const std::string& side) {
  const std::string what = "ratings: " + side + " features: ";
  require(features.columns >= 0, [&] { return what + std::to_string(features.columns) + " columns"; });
  const auto columns = static_cast<std::size_t>(features.columns);
  require(features.values.size() == nodes * columns, [&] {
    return what + std::to_string(features.values.size()) + " values for " + std::to_string(nodes) + " nodes and " +
           std::to_string(columns) + " columns";
  });
  require(features.names.empty() || features.names.size() == columns, [&] {
    return what + std::to_string(features.names.size()) + " names for " + std::to_string(columns) + " columns";
  });
  for (std::size_t k = 0; k < features.values.size(); ++k)
    require(std::isfinite(features.values[k]), [&] {
      return what + "row " + std::to_string(k / columns) + ", column " + std::to_string(k % columns) +
             " is not a finite number";
    });
  validate_sparse(features.sparse, nodes, what);
  validate_encodings(features.encodings, features.columns, features.sparse.columns, nodes, what);
}

}  // namespace gcmc
