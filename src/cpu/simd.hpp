// Vectors of one instruction set, written with the compilers' vector extension: included by each isa_*.cpp after it has
// defined GCMC_VECTOR_BYTES. Everything lies in an unnamed namespace, so that code compiled for one instruction set is
// never linked in place of another's.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "gcmc/backend/operations.hpp"

namespace gcmc {
namespace {

constexpr int vector_bytes = GCMC_VECTOR_BYTES;
/// Vectors that a kernel can keep as accumulators: the register file less two or four.
constexpr int accumulators = vector_bytes == 64 ? 28 : 14;

template <class T>
struct Simd;
template <>
struct Simd<float> {
  typedef float vector __attribute__((vector_size(vector_bytes)));
  typedef float unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
  typedef std::int32_t integers __attribute__((vector_size(vector_bytes)));
};
template <>
struct Simd<double> {
  typedef double vector __attribute__((vector_size(vector_bytes)));
  typedef double unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
  typedef std::int64_t integers __attribute__((vector_size(vector_bytes)));
};
template <>
struct Simd<Offset> {
  typedef Offset vector __attribute__((vector_size(vector_bytes)));
};
typedef std::uint32_t Words __attribute__((vector_size(vector_bytes)));
typedef Index Indices __attribute__((vector_size(vector_bytes / 2)));
template <class T>
using Vector = typename Simd<T>::vector;
template <class T>
using Integers = typename Simd<T>::integers;
template <class V>
using Element = std::remove_cvref_t<decltype(V{}[0])>;
template <class T>
constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

#define GCMC_INLINE inline __attribute__((always_inline))

inline Offset smaller(Offset a, Offset b) { return a < b ? a : b; }

template <class T>
GCMC_INLINE Vector<T> load(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::unaligned*>(p);
}
template <class T>
GCMC_INLINE void store(T* p, Vector<T> x) {
  *reinterpret_cast<typename Simd<T>::unaligned*>(p) = x;
}
template <class T>
GCMC_INLINE Vector<T> broadcast(T x) {
  return x - Vector<T>{};
}
/// Makes the compiler load x once, into a register, where it would make memory an operand of each use of x.
template <class V>
GCMC_INLINE void load_once(V& x) {
#if defined(__x86_64__)
  asm volatile("" : "+v"(x));
#endif
}
/// As many indices as there are lanes of offsets, widened.
GCMC_INLINE Vector<Offset> load_indices(const Index* p) {
  Indices indices;
  std::memcpy(&indices, p, sizeof indices);
  return __builtin_convertvector(indices, Vector<Offset>);
}
/// Stores the first n lanes, 0 < n <= lanes.
template <class T>
GCMC_INLINE void store_some(T* p, Vector<T> x, Offset n) {
#if GCMC_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), reinterpret_cast<__m512>(x));
  else
    return _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), reinterpret_cast<__m512d>(x));
#endif
  T values[lanes<T>];
  store(values, x);
  for (Offset i = 0; i < n; ++i) p[i] = values[i];
}
template <class T>
GCMC_INLINE Vector<T> select(Integers<T> condition, Vector<T> a, Vector<T> b) {
  return condition ? a : b;
}
template <class T>
GCMC_INLINE Vector<T> maximum(Vector<T> a, Vector<T> b) {
  return a > b ? a : b;
}
/// The sum of the lanes, in order of a fixed tree: halves onto each other.
template <class T>
GCMC_INLINE T sum_lanes(Vector<T> x) {
  const auto onto = [&]<int... i>(std::integer_sequence<int, i...>, auto width) __attribute__((always_inline)) {
    x += __builtin_shufflevector(x, x, (i + width) % lanes<T>...);
  };
  constexpr auto all = std::make_integer_sequence<int, lanes<T>>{};
  if constexpr (lanes<T> >= 16) onto(all, std::integral_constant<int, 8>{});
  if constexpr (lanes<T> >= 8) onto(all, std::integral_constant<int, 4>{});
  if constexpr (lanes<T> >= 4) onto(all, std::integral_constant<int, 2>{});
  onto(all, std::integral_constant<int, 1>{});
  return x[0];
}

/// All ones in the first n lanes.
template <class T>
GCMC_INLINE Integers<T> first_lanes(Offset n) {
  Integers<T> number{};
  for (int i = 0; i < lanes<T>; ++i) number[i] = i;
  return number < static_cast<Element<Integers<T>>>(smaller(n, lanes<T>));
}

/// All ones in the lanes whose bit is set, from bits that begin at any bit `at`. Reads 4 bytes.
template <class T>
GCMC_INLINE Integers<T> mask_from_bits(const std::uint8_t* bits, Offset at) {
  std::uint32_t word;
  std::memcpy(&word, bits + at / 8, 4);
  const auto shifted = static_cast<Element<Integers<T>>>(word >> (at % 8));
  Integers<T> lane_bit{};
  for (int i = 0; i < lanes<T>; ++i) lane_bit[i] = 1 << i;
  return ((shifted - Integers<T>{}) & lane_bit) != 0;
}

/// Bit i: lane i is not 0.
template <class T>
GCMC_INLINE std::uint32_t nonzero_lanes(Vector<T> x) {
#if GCMC_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(x), _mm512_setzero_ps(), _CMP_NEQ_UQ);
  else
    return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(x), _mm512_setzero_pd(), _CMP_NEQ_UQ);
#elif GCMC_VECTOR_BYTES == 32
  const Integers<T> nonzero = x != Vector<T>{};
  if constexpr (sizeof(T) == 4)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(nonzero)));
  else
    return static_cast<std::uint32_t>(_mm256_movemask_pd(reinterpret_cast<__m256d>(nonzero)));
#else
  std::uint32_t bits = 0;
  for (int i = 0; i < lanes<T>; ++i) bits |= std::uint32_t{x[i] != T{0}} << i;
  return bits;
#endif
}

/// e^x for x <= 0 (or small positive), to about 2 units in the last place; underflows to 0 or a tiny number.
/// Range reduction by ln 2 in two parts, then Taylor's polynomial on |f| <= ln(2)/2.
GCMC_INLINE Vector<float> exponential(Vector<float> x) {
  x = maximum<float>(x, broadcast(-86.0f));
  const Vector<float> shifter = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const Vector<float> shifted = x * 1.44269504f + shifter;
  const Vector<float> n = shifted - shifter;
  const Vector<float> f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector<float> p = broadcast(1.0f / 5040);
  p = p * f + 1.0f / 720;
  p = p * f + 1.0f / 120;
  p = p * f + 1.0f / 24;
  p = p * f + 1.0f / 6;
  p = p * f + 0.5f;
  p = p * f + 1.0f;
  p = p * f + 1.0f;
  // times 2^n: n, which the shifter left in the lowest bits, is added to the exponent
  return reinterpret_cast<Vector<float>>(reinterpret_cast<Integers<float>>(p) +
                                         (reinterpret_cast<Integers<float>>(shifted) << 23));
}
GCMC_INLINE Vector<double> exponential(Vector<double> x) {
  x = maximum<double>(x, broadcast(-700.0));
  const Vector<double> shifter = broadcast(6755399441055744.0);  // 1.5 * 2^52
  const Vector<double> shifted = x * 1.4426950408889634 + shifter;
  const Vector<double> n = shifted - shifter;
  const Vector<double> f = (x - n * 0.693145751953125) - n * 1.42860682030941723212e-6;
  Vector<double> p = broadcast(1.0 / 6227020800.0);
  constexpr double coefficients[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1.0,         1.0};
  for (const double c : coefficients) p = p * f + c;
  const Integers<double> bits = reinterpret_cast<Integers<double>>(shifted) << 52;
  const Integers<double> power = bits + (std::int64_t{1023} << 52);
  return p * reinterpret_cast<Vector<double>>(power);
}

/// Adds neighbouring groups of `step` lanes: within each chunk of `chunk` lanes, first a's sums, then b's.
template <int step, int chunk, class T, int... i>
GCMC_INLINE Vector<T> fold(Vector<T> a, Vector<T> b, std::integer_sequence<int, i...>) {
  constexpr auto from = [](int lane, int odd) {
    const int start = lane / chunk * chunk, group = lane % chunk / step, half = chunk / step / 2;
    const int first = group < half ? start : start + lanes<T>;
    return first + (2 * (group % half) + odd) * step + lane % step;
  };
  return __builtin_shufflevector(a, b, from(i, 0)...) + __builtin_shufflevector(a, b, from(i, 1)...);
}

/// Vectors that sum_group adds up at once: as many as elements in 16 bytes, within which shuffles are cheap.
template <class T>
constexpr int sum_group_size = 16 / static_cast<int>(sizeof(T));

/// The first half of the sums over the lanes of many vectors, for `sum_group_size` of them: sums within 16 bytes, side
/// by side. Overwrites x.
template <class T>
GCMC_INLINE Vector<T> sum_group(Vector<T>* x) {
  constexpr int group = sum_group_size<T>;
#pragma GCC unroll 4
  for (int count = group; count > 1; count /= 2)
    for (int i = 0; i < count / 2; ++i)
      x[i] = fold<1, group, T>(x[2 * i], x[2 * i + 1], std::make_integer_sequence<int, lanes<T>>{});
  return x[0];
}

/// The second half: from the results of lanes / group calls of sum_group, the sum over the lanes of each vector, in
/// the vectors' order. Overwrites x.
template <class T>
GCMC_INLINE Vector<T> sum_groups(Vector<T>* x) {
  constexpr int group = sum_group_size<T>;
  constexpr int all = lanes<T>;
  if constexpr (all > group)
#pragma GCC unroll 4
    for (int count = all / group; count > 1; count /= 2)
      for (int i = 0; i < count / 2; ++i)
        x[i] = fold<group, all, T>(x[2 * i], x[2 * i + 1], std::make_integer_sequence<int, all>{});
  return x[0];
}

/// function(std::integral_constant<int, n>) for 0 < n <= most.
template <int most, class Function>
GCMC_INLINE void with_constant(int n, const Function& function) {
  const auto choose = [&]<int... less>(std::integer_sequence<int, less...>) __attribute__((always_inline)) {
    (void)((n == less + 1 && (function(std::integral_constant<int, less + 1>{}), true)) || ...);
  };
  choose(std::make_integer_sequence<int, most>{});
}

/// Asks for a row of `vectors` vectors that will soon be read: into the nearest cache (3), or (2) into the second,
/// where rows of equal place in their pages do not push each other out.
template <int locality = 3, class T>
GCMC_INLINE void prefetch_row(const T* row, int vectors) {
  constexpr int line = 64 / static_cast<int>(sizeof(T));
  for (int c = 0; c < vectors * lanes<T>; c += line) __builtin_prefetch(row + c, 0, locality);
}

}  // namespace
}  // namespace gcmc
