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

// A lighter Mix, for what a Mix follows: a bijection of either side for a given other one.
inline constexpr std::uint64_t kOdd = 0x9ddfea08eb382d69ULL;
[[nodiscard]] constexpr std::uint64_t Join(std::uint64_t a, std::uint64_t b) {
  return (std::rotl(a, 23) ^ b) * kOdd;
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

// Prompts are long, and this is a good part of what reading them costs: eight bytes a step, in four
// lanes that the processor runs side by side. What is left over at the end is taken together with
// bytes before it, so some count twice.
[[nodiscard]] inline std::uint64_t Digest(std::string_view bytes) {
  constexpr std::size_t kStep = sizeof(std::uint64_t);
  constexpr std::size_t kStride = 4 * kStep;
  const auto word = [](const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, kStep);
    return value;
  };
  std::uint64_t hash = (bytes.size() + 1) * kOdd;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  if (bytes.size() >= kStride) {
    std::uint64_t second = hash + 1;
    std::uint64_t third = hash + 2;
    std::uint64_t fourth = hash + 3;
    const auto take = [&](const char* from) {
      hash = Join(hash, word(from));
      second = Join(second, word(from + kStep));
      third = Join(third, word(from + 2 * kStep));
      fourth = Join(fourth, word(from + 3 * kStep));
    };
    for (const char* const last = end - kStride; at < last; at += kStride) {
      take(at);
    }
    take(end - kStride);
    hash = Join(Join(hash, second), Join(third, fourth));
  } else if (bytes.size() >= kStep) {
    for (const char* const last = end - kStep; at < last; at += kStep) {
      hash = Join(hash, word(at));
    }
    hash = Join(hash, word(end - kStep));
  } else if (!bytes.empty()) {
    hash = Join(hash, ShortWord(at, bytes.size()));
  }
  hash = (hash ^ (hash >> 32U)) * kOdd;
  return hash ^ (hash >> 29U);
}

}  // namespace reliability::sidecar::inspect
