// Kernels on integers: dropout masks, the choice of sources, and the split of edges for target removal.
#pragma once

#include <array>
#include <bit>
#include <utility>

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// 64-bit lanes whose low halves are the words of Philox; the high halves are never looked at.
typedef std::uint64_t WideWords __attribute__((vector_size(vector_bytes)));
constexpr int wide_lanes = vector_bytes / 8;

/// Full products of the low halves.
GCMC_INLINE WideWords multiply_low(WideWords a, WideWords b) {
#if defined(__x86_64__) && GCMC_VECTOR_BYTES == 16
  return reinterpret_cast<WideWords>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#elif defined(__x86_64__) && GCMC_VECTOR_BYTES == 32
  return reinterpret_cast<WideWords>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__x86_64__) && GCMC_VECTOR_BYTES == 64
  return reinterpret_cast<WideWords>(
      _mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#else
  return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}

/// As many 32-bit words as there are wide ones, and twice as many.
typedef std::uint32_t NarrowWords __attribute__((vector_size(vector_bytes / 2)));
typedef std::uint32_t Words __attribute__((vector_size(vector_bytes)));

/// The words of two vectors, by twos: words 4 k and 4 k + 1 are a's in the same 16 bytes, the next two b's. So no word
/// leaves its 16 bytes, which costs less.
template <int... i>
GCMC_INLINE Words words_by_twos(WideWords a, WideWords b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(reinterpret_cast<Words>(a), reinterpret_cast<Words>(b),
                                 (i / 4 * 4 + i % 2 * 2 + i / 2 % 2 * 2 * wide_lanes)...);
}

/// Philox4x32-10: words c[0] to c[3] of the counters that c[0] holds before. `vectors` of each word at a time: two are
/// what the registers hold together with their products; more hide how long one waits for the other.
template <int vectors>
GCMC_INLINE void philox(const Mask& mask, WideWords (&c)[4][vectors]) {
  for (int v = 0; v < vectors; ++v) {
    c[1][v] = c[0][v] >> 32;
    c[2][v] = WideWords{} + mask.step;
    c[3][v] = WideWords{} + mask.tensor;
  }
  auto k0 = static_cast<std::uint32_t>(mask.seed), k1 = static_cast<std::uint32_t>(mask.seed >> 32);
  const WideWords m0 = WideWords{} + 0xD2511F53u, m2 = WideWords{} + 0xCD9E8D57u;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    for (int v = 0; v < vectors; ++v) {
      const WideWords a = multiply_low(c[0][v], m0), b = multiply_low(c[2][v], m2);
      c[0][v] = (b >> 32) ^ c[1][v] ^ (WideWords{} + k0);
      c[2][v] = (a >> 32) ^ c[3][v] ^ (WideWords{} + k1);
      c[1][v] = b;
      c[3][v] = a;
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

/// Bit i says whether draw i is below the limit, for the 16 draws of 8 words in memory's order.
GCMC_INLINE std::uint16_t draws_below(const void* words, std::uint32_t limit) {
#if GCMC_VECTOR_BYTES == 64
  return _mm256_cmplt_epu16_mask(_mm256_loadu_si256(static_cast<const __m256i*>(words)),
                                 _mm256_set1_epi16(static_cast<short>(limit)));
#elif defined(__x86_64__)
  // Comparisons have a sign, so both sides are moved by half of their range.
  const __m128i shift = _mm_set1_epi16(-0x8000), end = _mm_xor_si128(_mm_set1_epi16(static_cast<short>(limit)), shift);
  const auto below = [&](const __m128i* draws) {
    return _mm_cmplt_epi16(_mm_xor_si128(_mm_loadu_si128(draws), shift), end);
  };
  const auto* draws = static_cast<const __m128i*>(words);
  return static_cast<std::uint16_t>(_mm_movemask_epi8(_mm_packs_epi16(below(draws), below(draws + 1))));
#else
  std::uint16_t draws[16];
  std::memcpy(draws, words, sizeof draws);
  std::uint8_t is_kept[16];
  for (int i = 0; i < 16; ++i) is_kept[i] = draws[i] < static_cast<std::uint16_t>(limit);
  std::uint64_t eight[2];
  std::memcpy(eight, is_kept, sizeof eight);
  constexpr std::uint64_t gather = 0x0102040810204080u;  // bit 0 of eight bytes into the highest byte
  return static_cast<std::uint16_t>(eight[0] * gather >> 56 | eight[1] * gather >> 56 << 8);
#endif
}

/// The 128 bits of indices 64 * group .. 64 * group + 127.
inline void draw_two_groups(const Mask& mask, std::uint64_t group, std::uint8_t* bits) {
  static_assert(std::endian::native == std::endian::little, "draws are read as halves of words");
  constexpr int counters = 16, vectors = GCMC_VECTOR_BYTES == 32 ? 4 : 2;
  // As words_by_twos() orders them.
  alignas(64) static constexpr auto offsets = [] {
    std::array<std::uint64_t, counters> of{};
    for (std::uint64_t i = 0, w = wide_lanes; i < counters; ++i)
      of[i] = i - i % (2 * w) + i % w / 2 * 4 + i / w % 2 * 2 + i % 2;
    return of;
  }();
  alignas(64) std::uint32_t words[4][counters];
  for (int first = 0; first < counters; first += vectors * wide_lanes) {
    WideWords c[4][vectors];
    std::memcpy(c[0], offsets.data() + first, sizeof c[0]);
    for (int v = 0; v < vectors; ++v) c[0][v] += group * 8;
    philox(mask, c);
    for (int w = 0; w < 4; ++w)
      for (int v = 0; v < vectors; v += 2) {
        const Words both = words_by_twos(c[w][v], c[w][v + 1], std::make_integer_sequence<int, 2 * wide_lanes>{});
        std::memcpy(words[w] + first + v * wide_lanes, &both, sizeof both);
      }
  }
  // Word w of the 8 counters of a group are its draws 16 w to 16 w + 15, in order.
  for (int half = 0; half < 2; ++half)
    for (int w = 0; w < 4; ++w) {
      const std::uint16_t sixteen = draws_below(words[w] + 8 * half, mask.keep_of_65536);
      std::memcpy(bits + 8 * half + 2 * w, &sixteen, 2);
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
    philox(op.mask, c);
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
