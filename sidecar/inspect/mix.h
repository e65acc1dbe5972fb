#pragma once
// Combines 64-bit hashes so that order and kind matter (splitmix64's finaliser). Pure. Internal to
// this folder.
#include <cstdint>

namespace reliability::sidecar::inspect {

enum class Tag : std::uint64_t {
  kObject = 1,
  kField,
  kArray,
  kString,
  kNumber,
  kReal,
  kBool,
  kNull,
  kMessage,
  kPart,
};

[[nodiscard]] constexpr std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15ULL + b + 0x7f4a7c159e3779b9ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}
[[nodiscard]] constexpr std::uint64_t Mix(Tag tag, std::uint64_t b) {
  return Mix(static_cast<std::uint64_t>(tag), b);
}

}  // namespace reliability::sidecar::inspect
