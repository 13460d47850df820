// What it costs to read ratings: by gcmc, and by a plain loop that knows the format and trusts it; and to make a graph
// of them. benchmarks/reading.py runs it, a process a measurement.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gcmc/cpu.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/layers/graph.hpp"

namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// user,item,rating,timestamp of whole numbers below a header, into four arrays, no field of which is looked at.
std::size_t read_by_getline(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::vector<int> users, items;
  std::vector<float> values;
  std::vector<long long> times;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const char *next = line.data(), *end = next + line.size();
    const auto take = [&](auto number) {
      next = std::from_chars(next, end, number).ptr + 1;
      return number;
    };
    users.push_back(take(0));
    items.push_back(take(0));
    values.push_back(take(0.0F));
    times.push_back(take(0LL));
  }
  return users.size();
}

void read_by_gcmc(const std::string& path, gcmc::Times times, int threads) {
  const Stopwatch reading;
  gcmc::Ratings ratings = gcmc::read_rating_file(path, "", {.times = times, .threads = threads});
  std::cout << ratings.entries.size() << ' ' << reading.seconds();
  std::shuffle(ratings.entries.begin(), ratings.entries.end(), std::mt19937(1));  // as a split does
  gcmc::Cpu cpu(threads);
  const Stopwatch building;
  const gcmc::Graph<gcmc::Cpu, float> graph(cpu, ratings.users(), ratings.items(),
                                            static_cast<gcmc::Index>(ratings.levels.size()), ratings.entries);
  std::cout << ' ' << building.seconds() << '\n';
}

}  // namespace

/// reading FILE getline, or reading FILE kept|passed_over THREADS: prints the ratings, seconds, and the graph's
/// seconds.
int main(int count, char** arguments) try {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 2 && words[1] == "getline") {
    const Stopwatch reading;
    const std::size_t ratings = read_by_getline(words[0]);
    std::cout << ratings << ' ' << reading.seconds() << '\n';
    return 0;
  }
  if (words.size() != 3) {
    std::cerr << "reading FILE getline, or reading FILE kept|passed_over THREADS\n";
    return 2;
  }
  read_by_gcmc(words[0], words[1] == "kept" ? gcmc::Times::kept : gcmc::Times::passed_over, std::stoi(words[2]));
} catch (const std::exception& error) {
  std::cerr << "reading: " << error.what() << '\n';
  return 1;
}
