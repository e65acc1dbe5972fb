#pragma once
// Content hashes: SHA-256 names configurations, FNV-1a keys tables. Pure.
#include <cstdint>
#include <string>
#include <string_view>

namespace reliability {

[[nodiscard]] std::string Sha256Hex(std::string_view bytes);  // 64 lower-case hex digits

inline constexpr std::uint64_t kFnvOffset = 14695981039346656037ULL;
// 64-bit FNV-1a; feed the last result as `seed` to go on.
[[nodiscard]] constexpr std::uint64_t Fnv1a(std::string_view bytes,
                                            std::uint64_t seed = kFnvOffset) {
  std::uint64_t hash = seed;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

}  // namespace reliability
