// Reads graph files, and refuses what they cannot mean.
#include "graph_file.hpp"

#include <array>
#include <filesystem>
#include <fstream>

#include "gcmc/base/error.hpp"

namespace gcmc::benchmarks {
namespace {

struct Head {
  std::int32_t users, items, levels, edges;
};

/// A node takes 32 bytes of memory: with these, ids take 16 times the file's size and 4 MiB at most.
constexpr std::uintmax_t nodes_of_any_file = 1 << 17, bytes_of_node = 2;

template <class Value>
void read(std::ifstream& file, const std::string& path, Value* values, std::size_t count) {
  file.read(reinterpret_cast<char*>(values), static_cast<std::streamsize>(count * sizeof(Value)));
  require(file.good(), [&] { return path + ": cannot be read to its end"; });
}

Head read_head(std::ifstream& file, const std::string& path, std::uintmax_t bytes) {
  require(bytes >= sizeof(Head), [&] {
    return path + ": " + std::to_string(bytes) + " bytes are no graph file, whose head alone has " +
           std::to_string(sizeof(Head));
  });
  Head head{};
  read(file, path, &head, 1);
  require(head.users > 0 && head.items > 0 && head.levels > 0 && head.levels <= 255 && head.edges > 0, [&] {
    return path + ": " + std::to_string(head.users) + " users, " + std::to_string(head.items) + " items, " +
           std::to_string(head.levels) + " levels and " + std::to_string(head.edges) +
           " edges: each must be at least 1, levels at most 255";
  });
  const std::uintmax_t expected = sizeof(Head) + 3 * sizeof(std::int32_t) * static_cast<std::uintmax_t>(head.edges);
  require(bytes == expected, [&] {
    return path + ": has " + std::to_string(bytes) + " bytes, but " + std::to_string(head.edges) + " edges need " +
           std::to_string(expected);
  });
  // The ids of nodes without edges take memory that no byte of the file stands for.
  const std::uintmax_t nodes = static_cast<std::uintmax_t>(head.users) + static_cast<std::uintmax_t>(head.items);
  const std::uintmax_t most_nodes = nodes_of_any_file + bytes / bytes_of_node;
  require(nodes <= most_nodes, [&] {
    return path + ": " + std::to_string(head.users) + " users and " + std::to_string(head.items) +
           " items in a file of " + std::to_string(bytes) + " bytes, which may have " + std::to_string(most_nodes) +
           " in all";
  });
  return head;
}

/// Reads one of the file's three arrays and hands out each number, once it is known to be in [0, bound).
template <class Take>
void read_numbers(std::ifstream& file, const std::string& path, const char* what, std::int32_t edges,
                  std::int32_t bound, const Take& take) {
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(edges));
  read(file, path, numbers.data(), numbers.size());
  for (std::size_t e = 0; e < numbers.size(); ++e) {
    require(numbers[e] >= 0 && numbers[e] < bound, [&] {
      return path + ": edge " + std::to_string(e) + " has " + what + " " + std::to_string(numbers[e]) +
             ", which is not from 0 to " + std::to_string(bound - 1);
    });
    take(e, numbers[e]);
  }
}

std::vector<std::string> numbered_ids(std::int32_t count) {
  std::vector<std::string> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (std::int32_t k = 1; k <= count; ++k) ids.push_back(std::to_string(k));
  return ids;
}

}  // namespace

Ratings read_graph_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code unreadable;
  const std::uintmax_t bytes = std::filesystem::file_size(path, unreadable);
  require(file && !unreadable, [&] { return path + ": cannot be opened: give the path of a graph file"; });
  const Head head = read_head(file, path, bytes);
  Ratings ratings;
  ratings.name = std::filesystem::path(path).stem().string();
  ratings.user_ids = numbered_ids(head.users);
  ratings.item_ids = numbered_ids(head.items);
  for (std::int32_t level = 1; level <= head.levels; ++level) ratings.levels.push_back(level);
  std::vector<Rating>& entries = ratings.entries;
  entries.resize(static_cast<std::size_t>(head.edges));
  read_numbers(file, path, "user", head.edges, head.users, [&](std::size_t e, Index user) { entries[e].user = user; });
  read_numbers(file, path, "item", head.edges, head.items, [&](std::size_t e, Index item) { entries[e].item = item; });
  read_numbers(file, path, "level", head.edges, head.levels,
               [&](std::size_t e, Index level) { entries[e].level = static_cast<Level>(level); });
  return ratings;
}

}  // namespace gcmc::benchmarks
