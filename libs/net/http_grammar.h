#pragma once
// The character classes that HTTP heads are made of (RFC 9110 section 5, RFC 9112 section 3). Pure.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace reliability::net::grammar {

namespace detail {

constexpr std::array<bool, 256> TokenTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) {
    table[static_cast<std::size_t>(c)] = true;
  }
  for (int c = 'a'; c <= 'z'; ++c) {
    table[static_cast<std::size_t>(c)] = true;
    table[static_cast<std::size_t>(c - 'a' + 'A')] = true;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
inline constexpr std::array<bool, 256> kToken = TokenTable();

}  // namespace detail

[[nodiscard]] constexpr bool IsToken(char c) {
  return detail::kToken[static_cast<unsigned char>(c)];
}

// Of a request target: anything but space and control bytes.
[[nodiscard]] constexpr bool IsVisible(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
}

// Of a field's value or a reason phrase: also space and tab.
[[nodiscard]] constexpr bool IsText(char c) { return IsVisible(c) || c == ' ' || c == '\t'; }

#ifdef __SSE2__

// Sixteen bytes a step, with what every x86-64 has; a bit for each byte.
namespace sse2 {

inline constexpr std::ptrdiff_t kStep = 16;

[[nodiscard]] inline __m128i Load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
[[nodiscard]] inline std::uint32_t Bits(__m128i bytes) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
}
[[nodiscard]] inline __m128i IsAmong(__m128i bytes, char first, char last) {
  const __m128i from_first = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
  const auto span = static_cast<char>(last - first);
  return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(span)), from_first);
}
[[nodiscard]] inline __m128i Equal(__m128i bytes, char c) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}
// Letters, digits and '-': what most tokens consist of.
[[nodiscard]] inline std::uint32_t UsualToken(const char* at) {
  const __m128i bytes = Load(at);
  const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  return Bits(_mm_or_si128(_mm_or_si128(IsAmong(lower, 'a', 'z'), IsAmong(bytes, '0', '9')),
                           Equal(bytes, '-')));
}
// Control bytes, of which tab is text, and rubout.
[[nodiscard]] inline std::uint32_t Control(const char* at) {
  const __m128i bytes = Load(at);
  return Bits(_mm_or_si128(IsAmong(bytes, 0, 0x1f), Equal(bytes, 0x7f)));
}
[[nodiscard]] inline std::uint32_t NotVisible(const char* at) {
  const __m128i bytes = Load(at);
  return Bits(_mm_or_si128(IsAmong(bytes, 0, ' '), Equal(bytes, 0x7f)));
}
[[nodiscard]] inline std::uint32_t LineFeed(const char* at) { return Bits(Equal(Load(at), '\n')); }

}  // namespace sse2

#endif

// The first byte of [at, end) that is not of a token; `end` if all are.
[[nodiscard]] inline const char* FindNotToken(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= sse2::kStep) {
    const std::uint32_t usual = sse2::UsualToken(at);
    at += std::countr_one(usual);
    if (usual != 0xffff) {
      break;
    }
  }
#endif
  while (at < end && IsToken(*at)) {
    ++at;
  }
  return at;
}

// The first byte of [at, end) that is not visible; `end` if all are.
[[nodiscard]] inline const char* FindNotVisible(const char* at, const char* end) {
#ifdef __SSE2__
  for (; end - at >= sse2::kStep; at += sse2::kStep) {
    if (const std::uint32_t found = sse2::NotVisible(at); found != 0) {
      return at + std::countr_zero(found);
    }
  }
#endif
  while (at < end && IsVisible(*at)) {
    ++at;
  }
  return at;
}

// The first byte of [at, end) that is no text; `end` if all are.
[[nodiscard]] inline const char* FindNotText(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= sse2::kStep) {
    const std::uint32_t found = sse2::Control(at);
    if (found == 0) {
      at += sse2::kStep;
      continue;
    }
    at += std::countr_zero(found);
    if (*at != '\t') {
      return at;
    }
    ++at;
  }
#endif
  while (at < end && IsText(*at)) {
    ++at;
  }
  return at;
}

// Calls `found(at)` for one line feed of [at, end) after the other, until it says true; whether it
// did.
template <class Found>
bool AnyLineFeed(const char* at, const char* end, Found&& found) {
#ifdef __SSE2__
  for (; end - at >= sse2::kStep; at += sse2::kStep) {
    for (std::uint32_t feeds = sse2::LineFeed(at); feeds != 0; feeds &= feeds - 1) {
      if (found(at + std::countr_zero(feeds))) {
        return true;
      }
    }
  }
#endif
  for (; at < end; ++at) {
    if (*at == '\n' && found(at)) {
      return true;
    }
  }
  return false;
}

}  // namespace reliability::net::grammar
