// Kernels that draw: dropout masks and first values.
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

/// The words of two vectors, by twos: words 4 k and 4 k + 1 are a's in the same 16 bytes, the next two b's. So no word
/// leaves its 16 bytes, which costs less.
template <int... i>
GCMC_INLINE Words words_by_twos(WideWords a, WideWords b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(reinterpret_cast<Words>(a), reinterpret_cast<Words>(b),
                                 (i / 4 * 4 + i % 2 * 2 + i / 2 % 2 * 2 * wide_lanes)...);
}

/// Philox4x32-10: words c[0] to c[3] of the counters (c[0], third, fourth), c[0] as it is before. `vectors` of each
/// word at a time: two are what the registers hold together with their products; more hide how long one waits for the
/// other.
template <int vectors>
GCMC_INLINE void philox(std::uint64_t key, std::uint32_t third, std::uint32_t fourth, WideWords (&c)[4][vectors]) {
  for (int v = 0; v < vectors; ++v) {
    c[1][v] = c[0][v] >> 32;
    c[2][v] = WideWords{} + third;
    c[3][v] = WideWords{} + fourth;
  }
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
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

/// Vectors of counters that are drawn together.
constexpr int drawn_vectors = GCMC_VECTOR_BYTES == 32 ? 4 : 2;

/// The 128 bits of indices 64 * group .. 64 * group + 127.
inline void draw_two_groups(const Mask& mask, std::uint64_t group, std::uint8_t* bits) {
  static_assert(std::endian::native == std::endian::little, "draws are read as halves of words");
  constexpr int counters = 16, vectors = drawn_vectors;
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
    philox(mask.seed, mask.step, mask.tensor, c);
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

/// (2 u - 1) bound with u = uniform(high, low). The product alone is rounded.
GCMC_INLINE Vector<double> in_bounds(WideWords high, WideWords low, double bound) {
  // The low half of a double from 2^52 on is an integer as it is.
  const auto value = [](WideWords word) __attribute__((always_inline)) {
    return reinterpret_cast<Vector<double>>(word | (WideWords{} + 0x4330000000000000u)) - 0x1p52;
  };
  return ((value(high & 0xFFFFFFFFu) * 0x1p-31 - 1) + value((low & 0xFFFFFFFFu) >> 11) * 0x1p-52) * bound;
}

/// As many elements as there are wide words.
template <class T>
struct PerWord {
  typedef T type __attribute__((vector_size(wide_lanes * sizeof(T))));
};

/// a[0], b[0], a[1], b[1], ..., rounded.
template <class T, int... i>
GCMC_INLINE void store_in_turns(T* to, Vector<double> a, Vector<double> b, std::integer_sequence<int, i...>) {
  using Values = typename PerWord<T>::type;
  const auto both = __builtin_shufflevector(__builtin_convertvector(a, Values), __builtin_convertvector(b, Values),
                                            (i / 2 + i % 2 * wide_lanes)...);
  std::memcpy(to, &both, sizeof both);
}

/// The numbers of DrawUniform from the even one `first` on, two of each counter.
template <class T, int n>
GCMC_INLINE void uniform_numbers(const DrawUniform<T>& op, Offset first, T (&numbers)[n]) {
  constexpr int vectors = n / 2 / wide_lanes;
  WideWords lane{}, c[4][vectors];
  for (int i = 0; i < wide_lanes; ++i) lane[i] = static_cast<std::uint64_t>(i);
  for (int v = 0; v < vectors; ++v) c[0][v] = lane + static_cast<std::uint64_t>(first / 2 + v * wide_lanes);
  philox(op.seed, op.stream, 0xFFFFFFFFu, c);
  for (int v = 0; v < vectors; ++v)
    store_in_turns<T>(numbers + 2 * v * wide_lanes, in_bounds(c[0][v], c[1][v], op.bound),
                      in_bounds(c[2][v], c[3][v], op.bound), std::make_integer_sequence<int, 2 * wide_lanes>{});
}

template <class T>
void draw_uniform(const DrawUniform<T>& op, CpuContext& context) {
  constexpr int at_once = 2 * drawn_vectors * wide_lanes;
  const Offset columns = op.x.columns, rows_at_once = 1 + (Offset{1} << 14) / (columns + 1);
  for_each_piece(context, Offset{op.x.blocks} * op.x.rows, rows_at_once, [&](Offset first, Offset last) {
    T numbers[at_once] = {};
    for (Offset begin = first * columns / 2 * 2, k = first * columns; k < last * columns; begin += at_once) {
      if (op.bound != 0) uniform_numbers(op, begin, numbers);
      const Offset end = smaller(begin + at_once, last * columns);
      while (k < end) {  // a row's part at a time
        const Offset row = k / columns, column = k % columns, count = smaller(columns - column, end - k);
        std::memcpy(op.x.data + row * op.x.stride + column, numbers + (k - begin), sizeof(T) * count);
        k += count;
      }
    }
  });
}

}  // namespace
}  // namespace gcmc
