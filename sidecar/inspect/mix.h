#pragma once
// Digests bytes and combines 64-bit hashes so that order and kind matter (splitmix64's finaliser).
// Values are compared within one process only. Pure. Internal to this folder.
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

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

// One to seven bytes as a number; of one length no two are alike.
[[nodiscard]] inline std::uint64_t ShortWord(const char* at, std::size_t bytes) {
  constexpr std::size_t kHalf = sizeof(std::uint32_t);
  if (bytes >= kHalf) {  // some bytes twice
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, at, kHalf);
    std::memcpy(&last, at + bytes - kHalf, kHalf);
    return std::uint64_t{first} << 32U | last;
  }
  const auto byte = [at](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(at[i])};
  };
  return byte(0) << 16U | byte(bytes / 2) << 8U | byte(bytes - 1);
}

// Prompts are long, and this is what most of reading them costs: eight bytes a step, in four lanes
// that the processor runs side by side. A step is a bijection of the hash for given bytes and of
// the bytes for a given hash.
[[nodiscard]] inline std::uint64_t Digest(std::string_view bytes) {
  constexpr std::uint64_t kOdd = 0x9ddfea08eb382d69ULL;
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto step = [](std::uint64_t hash, const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, kWord);
    return (std::rotl(hash, 23) ^ word) * kOdd;
  };
  std::uint64_t hash = bytes.size() * kOdd;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  if (left >= 4 * kWord) {
    std::uint64_t second = hash + 1;
    std::uint64_t third = hash + 2;
    std::uint64_t fourth = hash + 3;
    for (; left >= 4 * kWord; left -= 4 * kWord, at += 4 * kWord) {
      hash = step(hash, at);
      second = step(second, at + kWord);
      third = step(third, at + 2 * kWord);
      fourth = step(fourth, at + 3 * kWord);
    }
    hash = Mix(Mix(hash, second), Mix(third, fourth));
  }
  for (; left >= kWord; left -= kWord, at += kWord) {
    hash = step(hash, at);
  }
  if (left > 0 && bytes.size() >= kWord) {
    hash = step(hash, at + left - kWord);  // some bytes twice
  } else if (left > 0) {
    hash = (std::rotl(hash, 23) ^ ShortWord(at, left)) * kOdd;
  }
  return Mix(hash, bytes.size());
}

}  // namespace reliability::sidecar::inspect
