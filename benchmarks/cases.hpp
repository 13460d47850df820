// What is measured: a graph's shape, the model's options on it, dropout and threads; and the ratings of a shape.
#pragma once

#include <string>
#include <vector>

#include "gcmc/options/option_names.hpp"
#include "gcmc/ratings/split.hpp"

namespace gcmc::benchmarks {

/// One configuration. `variant` is dgl (DGL's recipe), best (the preset's, ml-100k and ml-1m alone), one of best's
/// parts added to dgl (implicit, removal, features), bases4 (DGL's for ml-10m), double (dgl in double), or bf16 (dgl
/// with tables of bfloat16).
struct Case {
  std::string shape;
  Aggregation aggregation = Aggregation::stack;
  std::string variant = "dgl";
  double keep = 0.3;  ///< of node and hidden dropout: 1 - gcn_dropout
  int threads = 1;

  bool in_double() const { return variant == "double"; }
  /// shape/stack/variant/keep:0.3/threads:1
  std::string name() const;
  /// All options of its training.
  Options options() const;
};

/// Three digits at most.
std::string short_text(double value);

/// 1 and 2 threads, and all of this machine's, as far as it has them.
std::vector<int> thread_counts();

/// A graph to train on. Every rating trains; every tenth is validated too, so that evaluation has its usual share.
struct Shape {
  Ratings ratings;  ///< without entries: they are in `split`
  Split split;
};

/// The training part of the generator's synthetic-100k, -1m, -10m or -25m for the shape ml-100k, ml-1m, ml-10m or
/// ml-25m: 80 % of ml-100k's ratings as in its own splits, 90 % of the others'. Random side features, as many as
/// MovieLens has.
Shape generated_shape(const std::string& name);

/// All ratings of a graph file (graph_file.hpp), with random side features. Throws Error if it cannot be read.
Shape shape_from_file(const std::string& path);

/// ml-100k, ml-1m or ml-10m where the numbers of users and items are that set's, else the ratings' own name.
std::string shape_name(const Ratings& ratings);

}  // namespace gcmc::benchmarks
