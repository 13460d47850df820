// What this machine can do at best: multiply-adds, memory in order, rows gathered at random, and lines that pass
// between threads; measured, not looked up.
#pragma once

#include <map>
#include <tuple>

namespace gcmc::benchmarks {

/// Something done, and how long it took.
struct Measured {
  double amount = 0, seconds = 0;
};

/// Flop of independent fused multiply-adds of floats, in registers, on `threads` threads.
Measured measure_multiply_add(int threads);
/// Bytes read in order, from `bytes` of memory in all; in_place: x += 1, bytes read plus bytes written.
Measured measure_stream(double bytes, bool in_place, int threads);
/// Bytes of rows that are added up, 32 random rows at a time, from a table of `bytes`.
Measured measure_gather(double bytes, double row_bytes, int threads);
/// Times that a cache line has passed from one thread, which had written it, to another, and back. Two cores beside
/// each other take 30 to 50 ns; a virtual machine's cores may lie further apart on the host, and not always the same
/// way.
Measured measure_line_transfer();

/// The best of some measurements of each, taken when first asked for. Sizes are rounded to a
/// power of two, from 32 KB to 256 MB for streams.
class Ceilings {
 public:
  double flops(int threads);
  double stream(double bytes, bool in_place, int threads);
  double gather(double bytes, double row_bytes, int threads);

 private:
  enum class Kind { multiply_add, read, in_place, gather };
  std::map<std::tuple<Kind, double, double, int>, double> known_;

  template <class Measure>
  double best(Kind kind, double bytes, double row_bytes, int threads, const Measure& measure);
};

}  // namespace gcmc::benchmarks
