// A graph file of the benchmarks: any bytes are read as valid ratings or refused.
#include "../../benchmarks/graph_file.hpp"
#include "fuzz.hpp"
#include "gcmc/ratings/generator.hpp"
#include "graph_numbers.hpp"
#include "scratch_folder.hpp"

namespace gcmc {

std::vector<std::string> seeds() {
  const ScratchFolder folder;
  write(folder / "graph", numbers_of(generate_ratings({.users = 8, .items = 9, .ratings = 30})));
  return {read_bytes(folder / "graph")};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  write_bytes(folder / "graph", std::string(bytes));
  validate(benchmarks::read_graph_file(folder / "graph"));
}

}  // namespace gcmc
