// The forms of one search find the same: that for this processor, that for any, and one that looks
// at byte after byte.
#include "sidecar/inspect/json_bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace reliability::sidecar::inspect {
namespace {

constexpr std::size_t kMostBytes = 200;

bool EndsString(char c) { return c == '"' || c == '\\' || IsControl(c); }
bool IsBracket(char c) { return std::string_view("{}[]\"\\").find(c) != std::string_view::npos; }

template <class Is>
std::uint32_t BitsOf(const std::string& block, Is is) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    bits |= static_cast<std::uint32_t>(is(block[i]) ? 1U : 0U) << i;
  }
  return bits;
}

void ExpectBlock(const std::string& block) {
  const std::uint32_t ends = BitsOf(block, EndsString);
  const std::uint32_t brackets = BitsOf(block, IsBracket);
  const std::uint32_t bars = BitsOf(block, [](char c) { return c == '|'; });
  ASSERT_EQ(StringEnds(block.data()), ends);
  ASSERT_EQ(portable::StringEnds(block.data()), ends);
  ASSERT_EQ(Brackets(block.data()) & ~bars, brackets);
  ASSERT_EQ(portable::Brackets(block.data()) & ~bars, brackets);
}

TEST(JsonBytes, EveryByteAtEveryPlaceOfABlock) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < kBlock; ++at) {
      std::string block(kBlock, 'a');
      block[at] = static_cast<char>(byte);
      ExpectBlock(block);
      block.assign(kBlock, static_cast<char>(byte));
      block[at] = '"';
      ExpectBlock(block);
    }
  }
}

TEST(JsonBytes, BlocksAtRandom) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string block(kBlock, ' ');
    for (char& c : block) {
      c = static_cast<char>(rng() % 256);
    }
    ExpectBlock(block);
  }
}

// The forms of FindStringEnd that this machine can run.
std::vector<const char* (*)(const char*, const char*)> Finders() {
  std::vector<const char* (*)(const char*, const char*)> finders = {FindStringEnd,
                                                                    portable::FindStringEnd};
#ifdef __SSE2__
  finders.push_back(sse2::FindStringEnd);
  if (avx2::IsThere()) {
    finders.push_back(avx2::FindStringEnd);
  }
#endif
  return finders;
}

TEST(JsonBytes, FirstEndAtEveryPlaceOfEveryLength) {
  const auto finders = Finders();
  for (std::size_t size = 0; size < kMostBytes; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      // As many bytes as may be read, and no more: a sanitizer sees the next.
      std::vector<char> text(size + kPadding, 'a');
      text[at] = at % 3 == 0 ? '"' : at % 3 == 1 ? '\\' : '\n';
      const char* const begin = text.data();
      for (const auto find : finders) {
        const char* const found = find(begin, begin + size);
        if (at < size) {
          ASSERT_EQ(found, begin + at) << size;
        } else {
          ASSERT_GE(found, begin + size) << size;
        }
      }
    }
  }
}

TEST(JsonBytes, OneByteThatIsNotAscii) {
  std::vector<bool (*)(std::string_view)> judges = {IsAscii, portable::IsAscii};
#ifdef __SSE2__
  judges.push_back(sse2::IsAscii);
  if (avx2::IsThere()) {
    judges.push_back(avx2::IsAscii);
  }
#endif
  for (std::size_t size = 0; size < kMostBytes; ++size) {
    std::vector<char> text(size, '\x7f');
    const std::string_view view(text.data(), size);
    for (const auto is_ascii : judges) {
      ASSERT_TRUE(is_ascii(view)) << size;
      for (char& c : text) {
        c = '\x80';
        ASSERT_FALSE(is_ascii(view)) << size;
        c = '\x7f';
      }
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
