// Kernels on integers: the choice of sources, and the split of edges for target removal.
#pragma once

#include <bit>

#include "draw_kernels.hpp"

namespace gcmc {
namespace {

/// 64 of a table's bits, from source 64 * word; none behind the last source.
inline std::uint64_t kept_word(const std::uint8_t* bits, Index word, Index sources) {
  std::uint64_t kept;
  std::memcpy(&kept, bits + Offset{word} * 8, 8);
  const Offset left = sources - Offset{word} * 64;
  return left < 64 ? kept & ((std::uint64_t{1} << left) - 1) : kept;
}

void select_sources(const SelectSources& op, CpuContext& context) {
  const KeptPairs kept{op.bits, op.all_tables};
  const Index words = static_cast<Index>((Offset{op.sources} + 63) / 64);
  Index begin[257];
  for_each_task(context, op.tables, [&](Offset table) {
    const std::uint8_t* bits = kept.of_table(static_cast<Index>(table), op.sources);
    Index count = 0;
    for (Index word = 0; word < words; ++word) count += std::popcount(kept_word(bits, word, op.sources));
    begin[table + 1] = count;
  });
  begin[0] = 0;
  for (Index table = 0; table < op.tables; ++table) begin[table + 1] += begin[table];
  *op.count = begin[op.tables];
  for_each_task(context, op.tables, [&](Offset table) {
    const std::uint8_t* bits = kept.of_table(static_cast<Index>(table), op.sources);
    Index* list = op.list + begin[table];
    for (Index word = 0; word < words; ++word)
      for (std::uint64_t left = kept_word(bits, word, op.sources); left != 0; left &= left - 1)
        *list++ = static_cast<Index>(table * op.sources + Offset{word} * 64 + std::countr_zero(left));
  });
}

using NarrowWords = PerWord<std::uint32_t>::type;

/// Entries whose draws are taken at once.
constexpr int split_lanes = 2 * wide_lanes;

/// For entries [begin, end) of one receiver: 1 for those that carry messages, 0 for those that are predicted. Writes
/// whole vectors.
inline void draw_carried(const SplitEdges& op, Index receiver, Offset begin, Offset end, Index* is_carried) {
  const Adjacency& graph = op.adjacency;
  const auto self = static_cast<std::uint64_t>(receiver);
  const auto items = static_cast<std::uint64_t>(op.sources_are_items ? graph.sources : graph.receivers);
  for (Offset first = begin; first < end; first += split_lanes) {
    Index sources[split_lanes] = {};
    if (end - first >= split_lanes)
      std::memcpy(sources, graph.source + first, sizeof sources);
    else
      std::memcpy(sources, graph.source + first, sizeof(Index) * static_cast<std::size_t>(end - first));
    WideWords index[2], c[4][2];
    for (int v = 0; v < 2; ++v) {
      const auto other = reinterpret_cast<WideWords>(load_indices(sources + v * wide_lanes));
      index[v] = op.sources_are_items ? other + self * items : multiply_low(other, WideWords{} + items) + self;
      c[0][v] = (index[v] >> 6 << 3) + (index[v] >> 1 & 7);
    }
    philox(op.mask.seed, op.mask.step, op.mask.tensor, c);
    for (int v = 0; v < 2; ++v) {
      const WideWords odd_word = (index[v] >> 4 & 1) != 0, upper_words = (index[v] >> 5 & 1) != 0;
      const WideWords word = upper_words ? (odd_word ? c[3][v] : c[2][v]) : (odd_word ? c[1][v] : c[0][v]);
      const WideWords draw = word >> ((index[v] & 1) << 4) & 0xFFFF;
      const auto carried = __builtin_convertvector((draw >= std::uint64_t{op.mask.keep_of_65536}) & 1, NarrowWords);
      std::memcpy(is_carried + (first - begin) + v * wide_lanes, &carried, sizeof carried);
    }
  }
}

/// Keeps the order of a row's n sources in both parts; returns how many carry messages. `predicted` is memory for n.
inline Offset split_row(const Index* source, const Index* is_carried, Offset n, Index* predicted, Index* to) {
  Offset carried = 0, removed = 0;
  for (Offset e = 0; e < n; ++e) {
    to[carried] = source[e];
    predicted[removed] = source[e];
    carried += is_carried[e];
    removed += 1 - is_carried[e];
  }
  for (Offset e = 0; e < removed; ++e) to[carried + e] = predicted[e];
  return carried;
}

void split_edges(const SplitEdges& op, CpuContext& context) {
  const Adjacency& graph = op.adjacency;
  const Offset room = round_up(graph.largest_row + split_lanes, 16);
  const PerThread<Index> scratch = context.scratch_per_thread<Index>(0, 2 * room);
  constexpr Offset piece = 64;
  for_each_task_with_thread(context, (graph.receivers + piece - 1) / piece, [&](Offset task, int thread) {
    Index* is_carried = scratch.of(thread);
    for (Offset i = task * piece; i < smaller(graph.receivers, (task + 1) * piece); ++i) {
      const Offset first = i * graph.levels, last = first + graph.levels, start = graph.begin[first];
      draw_carried(op, static_cast<Index>(i), start, graph.end[last - 1], is_carried);
      op.carried[i] = 0;
      for (Offset row = first; row < last; ++row) {
        const Offset begin = graph.begin[row];
        const Offset carried = split_row(graph.source + begin, is_carried + (begin - start), graph.end[row] - begin,
                                         is_carried + room, op.source + begin);
        op.middle[row] = begin + carried;
        op.carried[i] += carried;
      }
    }
  });
  if (!op.predicted) return;
  const Offset rows = Offset{graph.receivers} * graph.levels;
  *op.predicted = rows ? graph.end[rows - 1] - graph.begin[0] : 0;
  for (Index i = 0; i < graph.receivers; ++i) *op.predicted -= op.carried[i];
}

}  // namespace
}  // namespace gcmc
