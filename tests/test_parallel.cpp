// Work that threads of the host share, and memory that they touch.
#include <atomic>
#include <numeric>
#include <stdexcept>

#include "catch.hpp"
#include "gcmc/base/large_pages.hpp"
#include "gcmc/base/parallel.hpp"

using namespace gcmc;

TEST_CASE("each task is done once, on any number of threads", "[parallel]") {
  for (const int threads : {0, 1, 2, 5})
    for (const Offset tasks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
      run_parallel(threads, tasks, [&](Offset task) { ++done[static_cast<std::size_t>(task)]; });
      for (const std::atomic<int>& times : done) CHECK(times == 1);
    }
}

TEST_CASE("what a task throws comes out, once the others have ended", "[parallel]") {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> under_way = 0;
    const auto fail = [&](Offset task) {
      ++under_way;
      std::vector<int> work(1000, static_cast<int>(task));
      --under_way;
      if (task >= 3 && std::accumulate(work.begin(), work.end(), 0) > 0) throw std::runtime_error("task");
    };
    CHECK_THROWS_WITH(run_parallel(threads, 1000, fail), "task");
    CHECK(under_way == 0);
  }
}

TEST_CASE("room that threads have touched holds what the vector held", "[parallel]") {
  std::vector<int> values(3 << 20);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<int> before = values;
  for (const int threads : {1, 3}) {
    const std::size_t size = values.capacity() + (std::size_t{7} << 20);  // 28 MB, more than are left to one thread
    reserve_in_large_pages(values, size, threads);
    CHECK(values.capacity() >= size);
    CHECK((values == before));
  }
}
