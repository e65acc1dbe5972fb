#pragma once
// The character classes that HTTP heads are made of (RFC 9110 section 5, RFC 9112 section 3). Pure.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "libs/base/sse2.h"

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

namespace detail {

// Letters, digits and '-': what most tokens consist of.
[[nodiscard]] inline std::uint32_t UsualToken(const char* at) {
  const __m128i bytes = sse2::Load(at);
  const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  return sse2::Bits(
      sse2::Either(sse2::Either(sse2::IsAmong(lower, 'a', 'z'), sse2::IsAmong(bytes, '0', '9')),
                   sse2::Equal(bytes, '-')));
}
// Control bytes, of which tab is text, and rubout.
[[nodiscard]] inline std::uint32_t Control(const char* at) {
  const __m128i bytes = sse2::Load(at);
  return sse2::Bits(sse2::Either(sse2::AtMost(bytes, 0x1f), sse2::Equal(bytes, 0x7f)));
}
[[nodiscard]] inline std::uint32_t NotVisible(const char* at) {
  const __m128i bytes = sse2::Load(at);
  return sse2::Bits(sse2::Either(sse2::AtMost(bytes, ' '), sse2::Equal(bytes, 0x7f)));
}
[[nodiscard]] inline std::uint32_t LineFeed(const char* at) {
  return sse2::Bits(sse2::Equal(sse2::Load(at), '\n'));
}

}  // namespace detail

#endif

// The first byte of [at, end) that is not of a token; `end` if all are.
[[nodiscard]] inline const char* FindNotToken(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= sse2::kStep) {
    const std::uint32_t usual = detail::UsualToken(at);
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
    if (const std::uint32_t found = detail::NotVisible(at); found != 0) {
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
    const std::uint32_t found = detail::Control(at);
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
    for (std::uint32_t feeds = detail::LineFeed(at); feeds != 0; feeds &= feeds - 1) {
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
