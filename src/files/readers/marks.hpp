// Where characters that part a text's fields stand, 64 bytes of it at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace gcmc {

inline constexpr std::size_t marked_at_once = 64;

/// Bit k is set where text[k] is one of three characters.
inline std::uint64_t marks_in(const char* text, char a, char b, char c) {
  std::uint64_t marks = 0;
#ifdef __SSE2__
  for (std::size_t k = 0; k < marked_at_once; k += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + k));
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b))),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
    marks |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(found))} << k;
  }
#else
  for (std::size_t k = 0; k < marked_at_once; ++k) {
    const bool found = (text[k] == a) | (text[k] == b) | (text[k] == c);
    marks |= std::uint64_t{found} << k;
  }
#endif
  return marks;
}

}  // namespace gcmc
