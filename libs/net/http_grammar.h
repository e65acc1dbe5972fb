#pragma once
// The character classes that HTTP heads are made of (RFC 9110 section 5, RFC 9112 section 3). Pure.
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

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

// The first byte of [at, end) that is no text; `end` if all are.
[[nodiscard]] inline const char* FindNotText(const char* at, const char* end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHigh = kOnes * 0x80;
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    // A high bit is left if a byte is below 0x20 or is 0x7f; the lowest one is exact, whatever it
    // borrows from those above.
    const std::uint64_t rubout = word ^ (kOnes * 0x7f);
    const std::uint64_t found =
        (((word - kOnes * 0x20) & ~word) | ((rubout - kOnes) & ~rubout)) & kHigh;
    if (found == 0) {
      at += 8;
      continue;
    }
    if constexpr (std::endian::native == std::endian::little) {
      at += std::countr_zero(found) / 8;
      if (*at != '\t') {
        return at;
      }
      ++at;
    } else {
      break;
    }
  }
  while (at < end && IsText(*at)) {
    ++at;
  }
  return at;
}

}  // namespace reliability::net::grammar
