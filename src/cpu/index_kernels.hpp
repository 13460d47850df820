// Kernels on integers: dropout masks, the choice of sources, and the split of edges for target removal.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

constexpr int philox_lanes = 16;

/// Philox4x32-10 of `philox_lanes` counters at once; words[w][lane]. Written so that compilers vectorise over lanes.
inline void philox_many(const std::uint32_t* low, const std::uint32_t* high, const Mask& mask,
                        std::uint32_t (&words)[4][philox_lanes]) {
  for (int lane = 0; lane < philox_lanes; ++lane) {
    std::uint32_t c0 = low[lane], c1 = high[lane], c2 = mask.step, c3 = mask.tensor;
    auto k0 = static_cast<std::uint32_t>(mask.seed), k1 = static_cast<std::uint32_t>(mask.seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53} * c0, b = std::uint64_t{0xCD9E8D57} * c2;
      const auto next0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
      const auto next2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(b);
      c3 = static_cast<std::uint32_t>(a);
      c0 = next0;
      c2 = next2;
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    words[0][lane] = c0;
    words[1][lane] = c1;
    words[2][lane] = c2;
    words[3][lane] = c3;
  }
}

/// The 128 bits of indices 64 * group .. 64 * group + 127.
inline void draw_two_groups(const Mask& mask, std::uint64_t group, std::uint8_t* bits) {
  std::uint32_t low[philox_lanes], high[philox_lanes], words[4][philox_lanes];
  for (int lane = 0; lane < philox_lanes; ++lane) {
    const std::uint64_t counter = group * 8 + static_cast<std::uint64_t>(lane);
    low[lane] = static_cast<std::uint32_t>(counter);
    high[lane] = static_cast<std::uint32_t>(counter >> 32);
  }
  philox_many(low, high, mask, words);
  std::uint8_t kept_bytes[128];
  for (int half_group = 0; half_group < 2; ++half_group)
    for (int word = 0; word < 4; ++word)
      for (int lane = 0; lane < 8; ++lane) {
        const std::uint32_t draw = words[word][8 * half_group + lane];
        std::uint8_t* out = kept_bytes + 64 * half_group + 16 * word + 2 * lane;
        out[0] = (draw & 0xFFFF) < mask.keep_of_65536;
        out[1] = (draw >> 16) < mask.keep_of_65536;
      }
  for (int byte = 0; byte < 16; ++byte) {  // gathers bit 0 of eight bytes into one byte
    std::uint64_t eight = 0;
    for (int i = 0; i < 8; ++i) eight |= std::uint64_t{kept_bytes[8 * byte + i]} << (8 * i);
    bits[byte] = static_cast<std::uint8_t>(eight * 0x0102040810204080u >> 56);
  }
}

void draw_mask(const DrawMask& op, CpuContext& context) {
  if (op.mask.keeps_all()) {
    std::memset(op.bits, 0xFF, static_cast<std::size_t>(op.count / 8));
    return;
  }
  for_each_piece(context, op.count / 64, 256, [&](Offset first, Offset last) {
    for (Offset group = first; group < last; group += 2) {
      std::uint8_t bits[16];
      draw_two_groups(op.mask, static_cast<std::uint64_t>(group), bits);
      std::memcpy(op.bits + group * 8, bits, group + 1 < last ? 16 : 8);
    }
  });
}

void select_sources(const SelectSources& op, CpuContext& context) {
  const Offset row_bits = round_up(op.sources, 64);
  Index begin[257];
  for_each_task(context, op.tables, [&](Offset table) {
    const std::uint8_t* bits = op.bits + (op.all_levels ? 0 : table * row_bits / 8);
    Index count = 0;
    for (Index j = 0; j < op.sources; ++j) count += bits[j / 8] >> (j % 8) & 1;
    begin[table + 1] = count;
  });
  begin[0] = 0;
  for (Index table = 0; table < op.tables; ++table) begin[table + 1] += begin[table];
  *op.count = begin[op.tables];
  for_each_task(context, op.tables, [&](Offset table) {
    const std::uint8_t* bits = op.bits + (op.all_levels ? 0 : table * row_bits / 8);
    Index row = begin[table];
    for (Index j = 0; j < op.sources; ++j) {
      const auto pair = static_cast<Index>(table * op.sources + j);
      const bool keep = bits[j / 8] >> (j % 8) & 1;
      op.row_of[pair] = keep ? row : -1;
      if (keep) op.pair_of[row++] = pair;
    }
  });
}

/// Keeps the order of the row in both parts; returns how many carry messages.
inline Offset split_row(const SplitEdges& op, Index receiver, Offset begin, Offset end, Index* predicted) {
  const Adjacency& graph = op.adjacency;
  const std::uint64_t items = static_cast<std::uint64_t>(op.sources_are_items ? graph.sources : graph.receivers);
  Offset carried = 0, removed = 0;
  for (Offset first = begin; first < end; first += philox_lanes) {
    const int n = static_cast<int>(smaller(philox_lanes, end - first));
    std::uint32_t low[philox_lanes] = {}, high[philox_lanes] = {}, words[4][philox_lanes];
    std::uint64_t index[philox_lanes] = {};
    for (int k = 0; k < n; ++k) {
      const auto self = static_cast<std::uint64_t>(receiver),
                 other = static_cast<std::uint64_t>(graph.source[first + k]);
      index[k] = op.sources_are_items ? self * items + other : other * items + self;
      const std::uint64_t counter = index[k] / 64 * 8 + index[k] / 2 % 8;
      low[k] = static_cast<std::uint32_t>(counter);
      high[k] = static_cast<std::uint32_t>(counter >> 32);
    }
    philox_many(low, high, op.mask, words);
    for (int k = 0; k < n; ++k) {
      const Index source = graph.source[first + k];
      const bool target = (words[index[k] / 16 % 4][k] >> (16 * (index[k] % 2)) & 0xFFFF) < op.mask.keep_of_65536;
      op.source[begin + carried] = source;
      predicted[removed] = source;
      carried += !target;
      removed += target;
    }
  }
  for (Offset k = 0; k < removed; ++k) op.source[begin + carried + k] = predicted[k];
  return carried;
}

void split_edges(const SplitEdges& op, CpuContext& context) {
  const Adjacency& graph = op.adjacency;
  Index* scratch = context.scratch_of<Index>(0, Offset{context.threads} * (graph.largest_row + 16));
  constexpr Offset piece = 64;
  for_each_task_with_thread(context, (graph.receivers + piece - 1) / piece, [&](Offset task, int thread) {
    Index* predicted = scratch + Offset{thread} * (graph.largest_row + 16);
    for (Offset i = task * piece; i < smaller(graph.receivers, (task + 1) * piece); ++i) {
      op.carried[i] = 0;
      for (Offset row = i * graph.levels; row < (i + 1) * graph.levels; ++row) {
        const Offset carried = split_row(op, static_cast<Index>(i), graph.begin[row], graph.end[row], predicted);
        op.middle[row] = graph.begin[row] + carried;
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
