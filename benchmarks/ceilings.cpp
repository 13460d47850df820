// Compiled for the machine that builds it, so that its widest vectors count.
#include "ceilings.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gcmc/backend/memory.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/cpu.hpp"

namespace gcmc::benchmarks {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
typedef float Vector __attribute__((vector_size(vector_bytes)));
constexpr int lanes = vector_bytes / static_cast<int>(sizeof(float));
constexpr int registers = vector_bytes == 64 ? 32 : 16;

/// Runs body(thread) on every thread at once, for the second time: the first brings the data near. From the first one's
/// begin to the last one's end.
template <class Body>
double seconds_of(int threads, const Body& body) {
  using Clock = std::chrono::steady_clock;
  std::barrier start(threads);
  std::vector<Clock::time_point> begin(static_cast<std::size_t>(threads)), end(begin);
  const auto work = [&](std::size_t thread) {
    body(static_cast<int>(thread));
    start.arrive_and_wait();
    begin[thread] = Clock::now();
    body(static_cast<int>(thread));
    end[thread] = Clock::now();
  };
  std::vector<std::jthread> others;
  for (std::size_t thread = 1; thread < begin.size(); ++thread) others.emplace_back(work, thread);
  work(0);
  others.clear();
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) -
                                       *std::min_element(begin.begin(), begin.end()))
      .count();
}

/// Vectors of zeros, in memory as the backend's own.
class Vectors {
 public:
  explicit Vectors(double bytes)
      : backend_(1),
        count_(std::max(Offset{64}, static_cast<Offset>(bytes) / vector_bytes)),
        buffer_(backend_, count_ * lanes) {}
  Vector* data() const { return reinterpret_cast<Vector*>(buffer_.data()); }
  Offset size() const { return count_; }

 private:
  Cpu backend_;
  Offset count_;
  Buffer<Cpu, float> buffer_;
};

/// Keeps the compiler from leaving out what nobody reads.
void keep(const Vector& value) { asm volatile("" : : "m"(value) : "memory"); }

template <int n>
Vector multiply_adds(std::int64_t rounds) {
  asm volatile("" : "+r"(rounds));  // equal calls are not one
  Vector sums[n];
  for (int k = 0; k < n; ++k) sums[k] = Vector{} + static_cast<float>(k);
  const Vector factor = Vector{} + 0.999f, term = Vector{} + 0.001f;
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
    for (int k = 0; k < n; ++k) sums[k] = sums[k] * factor + term;
  for (int k = 1; k < n; ++k) sums[0] += sums[k];
  return sums[0];
}

Vector read_all(const Vector* from, Offset count) {
  Vector sums[4] = {};
  for (Offset k = 0; k + 4 <= count; k += 4)
    for (Offset j = 0; j < 4; ++j) sums[j] += from[k + j];
  return sums[0] + sums[1] + sums[2] + sums[3];
}

void add_one(Vector* values, Offset count) {
  for (Offset k = 0; k < count; ++k) values[k] += 1;
}

/// *to = sum of n columns of 32 rows, in registers.
template <int n>
void add_rows(const Vector* table, Offset stride, const Index* rows, Vector* to) {
  Vector sums[n] = {};
  for (int k = 0; k < 32; ++k) {
    const Vector* row = table + rows[k] * stride;
#pragma GCC unroll 16
    for (int v = 0; v < n; ++v) sums[v] += row[v];
  }
  for (int v = 0; v < n; ++v) to[v] = sums[v];
}

using AddRows = void (*)(const Vector*, Offset, const Index*, Vector*);
template <int... n>
constexpr std::array<AddRows, sizeof...(n)> add_rows_of_widths(std::integer_sequence<int, n...>) {
  return {&add_rows<n + 1>...};
}

/// Adds up 32 rows at a time; a row wider than the registers is taken in equal tiles.
void gather(const Vector* table, Offset stride, int width, const std::vector<Index>& rows) {
  static constexpr auto of_width = add_rows_of_widths(std::make_integer_sequence<int, registers / 2>{});
  const int tiles = (width + registers / 2 - 1) / (registers / 2), tile = (width + tiles - 1) / tiles;
  std::array<Vector, registers / 2> sums;
  for (std::size_t k = 0; k + 32 <= rows.size(); k += 32)
    for (int first = 0; first < width; first += tile) {
      of_width[static_cast<std::size_t>(std::min(tile, width - first) - 1)](table + first, stride, &rows[k],
                                                                            sums.data());
      keep(sums[0]);
    }
}

/// To a power of two from 32 KB on: below, all lies in the nearest cache.
double rounded(double bytes) { return std::exp2(std::round(std::log2(std::max(0x1p15, bytes)))); }

}  // namespace

Measured measure_multiply_add(int threads) {
  constexpr std::int64_t rounds = 1 << 21;
  constexpr int n = registers / 2 - 2;
  const double seconds = seconds_of(threads, [&](int) { keep(multiply_adds<n>(rounds)); });
  return {2.0 * lanes * n * rounds * threads, seconds};
}

Measured measure_stream(double bytes, bool in_place, int threads) {
  const int repeats = std::max(2, static_cast<int>(5e8 / bytes));
  std::vector<std::unique_ptr<Vectors>> parts;
  for (int thread = 0; thread < threads; ++thread) parts.push_back(std::make_unique<Vectors>(bytes / threads));
  const Offset count = parts[0]->size();
  const double seconds = seconds_of(threads, [&](int thread) {
    Vector* values = parts[static_cast<std::size_t>(thread)]->data();
    for (int repeat = 0; repeat < repeats; ++repeat) {
      if (in_place)
        add_one(values, count);
      else
        keep(read_all(values, count));
      keep(values[0]);
    }
  });
  return {static_cast<double>(count) * vector_bytes * threads * repeats * (in_place ? 2 : 1), seconds};
}

Measured measure_gather(double bytes, double row_bytes, int threads) {
  const int width = std::max(1, static_cast<int>(std::ceil(row_bytes / vector_bytes)));
  const Offset stride = width, rows = std::max(Offset{1}, static_cast<Offset>(bytes / vector_bytes) / stride);
  const Vectors table(static_cast<double>(rows * stride) * vector_bytes);
  std::vector<std::vector<Index>> order(static_cast<std::size_t>(threads));
  for (std::size_t thread = 0; thread < order.size(); ++thread) {
    Random random(7, static_cast<std::uint32_t>(thread));
    order[thread].resize(static_cast<std::size_t>(1.28e8 / (width * vector_bytes)) / 32 * 32);
    for (Index& row : order[thread]) row = static_cast<Index>(random.below(static_cast<std::uint64_t>(rows)));
  }
  const double seconds = seconds_of(
      threads, [&](int thread) { gather(table.data(), stride, width, order[static_cast<std::size_t>(thread)]); });
  return {double(order[0].size()) * threads * width * vector_bytes, seconds};
}

Measured measure_line_transfer() {
  constexpr int rounds = 20000, patience = 10000;
  struct alignas(64) {
    std::atomic<int> turn{0};
  } line;
  const double seconds = seconds_of(2, [&](int thread) {
    for (int round = 0; round < rounds; ++round) {
      for (int spin = 0; line.turn % 2 != thread; ++spin)
        if (spin > patience) std::this_thread::yield();  // the other one has no core
      ++line.turn;
    }
  });
  return {2.0 * rounds, seconds};
}

template <class Measure>
double Ceilings::best(Kind kind, double bytes, double row_bytes, int threads, const Measure& measure) {
  double& rate = known_[{kind, bytes, row_bytes, threads}];
  if (rate > 0) return rate;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Measured measured = measure();
    rate = std::max(rate, measured.amount / measured.seconds);
  }
  return rate;
}

double Ceilings::flops(int threads) {
  return best(Kind::multiply_add, 0, 0, threads, [&] { return measure_multiply_add(threads); });
}
double Ceilings::stream(double bytes, bool in_place, int threads) {
  bytes = std::min(rounded(bytes), 0x1p28);
  return best(in_place ? Kind::in_place : Kind::read, bytes, 0, threads,
              [&] { return measure_stream(bytes, in_place, threads); });
}
double Ceilings::gather(double bytes, double row_bytes, int threads) {
  bytes = rounded(bytes);
  return best(Kind::gather, bytes, row_bytes, threads, [&] { return measure_gather(bytes, row_bytes, threads); });
}

}  // namespace gcmc::benchmarks
