#pragma once
// Sixteen bytes a step, with what every x86-64 has; a bit for each byte, the first is the lowest.
// Elsewhere this header is empty: whoever uses it has another form. Pure.
#ifdef __SSE2__
#include <emmintrin.h>

#include <cstddef>
#include <cstdint>

namespace reliability::sse2 {

inline constexpr std::ptrdiff_t kStep = 16;

[[nodiscard]] inline __m128i Load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
[[nodiscard]] inline std::uint32_t Bits(__m128i bytes) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
}
[[nodiscard]] inline __m128i Equal(__m128i bytes, char c) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}
// Bytes are numbers without a sign here.
[[nodiscard]] inline __m128i AtMost(__m128i bytes, unsigned char last) {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(static_cast<char>(last))), bytes);
}
[[nodiscard]] inline __m128i IsAmong(__m128i bytes, char first, char last) {
  return AtMost(_mm_sub_epi8(bytes, _mm_set1_epi8(first)),
                static_cast<unsigned char>(last - first));
}
[[nodiscard]] inline __m128i Either(__m128i a, __m128i b) { return _mm_or_si128(a, b); }

}  // namespace reliability::sse2

#endif
