#pragma once
// JSON many bytes at a time: which bytes end a string as it stands, which open or close something.
// A block is 16 bytes, with SSE2, which every x86-64 has; elsewhere two words. Searches over longer
// texts are in json_bytes.cc, with AVX2 where the processor has it. The forms are there side by
// side so that tests can compare them. Pure. Internal to json_scanner.h.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "libs/base/sse2.h"

namespace reliability::sidecar::inspect {

inline constexpr std::size_t kBlock = 16;
inline constexpr std::size_t kWord = sizeof(std::uint64_t);
// What the searches may read, and do not look at, behind a text.
inline constexpr std::size_t kPadding = 64;
inline constexpr unsigned char kFirstPrintable = 0x20;

[[nodiscard]] constexpr bool IsControl(char c) {
  return static_cast<unsigned char>(c) < kFirstPrintable;
}

namespace portable {

inline constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
inline constexpr std::uint64_t kHigh = kOnes * 0x80;

// The first byte is the lowest.
[[nodiscard]] inline std::uint64_t Load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, kWord);
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}
// The high bit of each byte that is zero, of no other: nothing is carried from byte to byte.
[[nodiscard]] constexpr std::uint64_t Zeros(std::uint64_t word) {
  return ~(((word & ~kHigh) + ~kHigh) | word | ~kHigh);
}
[[nodiscard]] constexpr std::uint64_t Equal(std::uint64_t word, char c) {
  return Zeros(word ^ (kOnes * std::uint64_t{static_cast<unsigned char>(c)}));
}
// High bits to one bit for each byte.
[[nodiscard]] constexpr std::uint32_t Gather(std::uint64_t high) {
  return static_cast<std::uint32_t>(((high >> 7U) * 0x0102040810204080ULL) >> 56U);
}
[[nodiscard]] inline std::uint32_t StringEndsOf(std::uint64_t word) {
  constexpr std::uint64_t kNotControl = kOnes * 0xE0;
  return Gather(Zeros(word & kNotControl) | Equal(word, '"') | Equal(word, '\\'));
}
[[nodiscard]] inline std::uint32_t BracketsOf(std::uint64_t word) {
  const std::uint64_t braced = word | (kOnes * ('{' ^ '['));
  return Gather(Equal(braced, '{') | Equal(braced, '}') | Equal(word, '"') | Equal(word, '\\'));
}

[[nodiscard]] inline std::uint32_t StringEnds(const char* at) {
  return StringEndsOf(Load(at)) | StringEndsOf(Load(at + kWord)) << kWord;
}
[[nodiscard]] inline std::uint32_t Brackets(const char* at) {
  return BracketsOf(Load(at)) | BracketsOf(Load(at + kWord)) << kWord;
}
[[nodiscard]] const char* FindStringEnd(const char* at, const char* end);
[[nodiscard]] bool IsAscii(std::string_view text);

}  // namespace portable

#ifdef __SSE2__

namespace sse2 {

using reliability::sse2::AtMost;
using reliability::sse2::Bits;
using reliability::sse2::Either;
using reliability::sse2::Equal;
using reliability::sse2::IsAmong;
using reliability::sse2::Load;

// With one bit turned over, the quote follows the control characters and nothing else comes there:
// one comparison for both.
[[nodiscard]] inline __m128i StringEndsOf(__m128i bytes) {
  const __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8(kFirstPrintable ^ '"'));
  return Either(AtMost(turned, kFirstPrintable), Equal(bytes, '\\'));
}

[[nodiscard]] inline std::uint32_t StringEnds(const char* at) {
  return Bits(StringEndsOf(Load(at)));
}
// The bit that a bracket lacks makes a brace of it. Between the braces comes what a backslash
// becomes, and the bar: that is found for nothing.
[[nodiscard]] inline std::uint32_t Brackets(const char* at) {
  const __m128i bytes = Load(at);
  const __m128i braced = _mm_or_si128(bytes, _mm_set1_epi8('{' ^ '['));
  return Bits(Either(IsAmong(braced, '{', '}'), Equal(bytes, '"')));
}
[[nodiscard]] const char* FindStringEnd(const char* at, const char* end);
[[nodiscard]] bool IsAscii(std::string_view text);

}  // namespace sse2

namespace avx2 {

// May only be called if this is true.
[[nodiscard]] bool IsThere();
[[nodiscard]] const char* FindStringEnd(const char* at, const char* end);
[[nodiscard]] bool IsAscii(std::string_view text);

}  // namespace avx2

#endif

// A bit for each byte of a block that a string cannot hold as it is: quote, backslash, control
// character.
[[nodiscard]] inline std::uint32_t StringEnds(const char* at) {
#ifdef __SSE2__
  return sse2::StringEnds(at);
#else
  return portable::StringEnds(at);
#endif
}

// A bit for each bracket, brace, quote and backslash of a block; bars may be among them.
[[nodiscard]] inline std::uint32_t Brackets(const char* at) {
#ifdef __SSE2__
  return sse2::Brackets(at);
#else
  return portable::Brackets(at);
#endif
}

// The first byte that StringEnds() tells, or anything from `end` on. Reads kPadding bytes behind
// `end`.
[[nodiscard]] const char* FindStringEnd(const char* at, const char* end);

// No byte has its high bit set. Reads no byte more than the text's.
[[nodiscard]] bool IsAscii(std::string_view text);

}  // namespace reliability::sidecar::inspect
