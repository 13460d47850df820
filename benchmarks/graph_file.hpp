// Rating graphs in one plain binary file: int32 users, items, levels, edges; then int32 user[edges], item[edges],
// level[edges], in the machine's byte order.
#pragma once

#include <string>

#include "gcmc/ratings/ratings.hpp"

namespace gcmc::benchmarks {

/// The ratings of a graph file, in its order; level k has the value k + 1, ids count from 1, the name is the file's
/// without its ending. Throws Error, with the file and the numbers, if it cannot be read, is shorter or longer than its
/// head says, holds a number out of range, or names more nodes than 131072 and one for two of its bytes.
Ratings read_graph_file(const std::string& path);

}  // namespace gcmc::benchmarks
