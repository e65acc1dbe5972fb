#include "libs/base/strings.h"

#include <gtest/gtest.h>

#include "libs/base/hash.h"

namespace reliability {
namespace {

TEST(Strings, JsonEscapingNeverEmitsInvalidUtf8) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
  EXPECT_EQ(JsonString("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(JsonString("\xFFx"), "\"\xEF\xBF\xBDx\"");
  EXPECT_EQ(JsonString("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // surrogate
}

// Texts are looked at sixteen bytes a step: the byte that needs an escape may stand anywhere.
TEST(Strings, JsonEscapingFindsEachByteWhereverItStands) {
  const std::vector<std::pair<char, std::string>> cases = {
      {'"', "\\\""}, {'\\', "\\\\"},      {'\n', "\\n"},
      {'\t', "\\t"}, {'\x1f', "\\u001f"}, {'\0', "\\u0000"},
      {' ', " "},    {'\x7f', "\x7f"},    {'\x80', "\xEF\xBF\xBD"}};
  for (std::size_t size = 1; size <= 50; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const auto& [byte, shown] : cases) {
        std::string text(size, 'a');
        text[at] = byte;
        EXPECT_EQ(JsonString(text),
                  '"' + std::string(at, 'a') + shown + std::string(size - at - 1, 'a') + '"');
      }
    }
  }
}

TEST(Strings, Hex16HasAllDigits) {
  EXPECT_EQ(Hex16(0), "0000000000000000");
  EXPECT_EQ(Hex16(0x12ab), "00000000000012ab");
  EXPECT_EQ(Hex16(0xfedc'ba98'7654'3210U), "fedcba9876543210");
}

TEST(Strings, SplitKeepsEmptyPieces) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Strings, ParseUintTakesTheWholeText) {
  EXPECT_EQ(ParseUint("42"), 42U);
  EXPECT_EQ(ParseUint("9999999999999999999"), 9'999'999'999'999'999'999U);
  EXPECT_EQ(ParseUint("18446744073709551615"), 18'446'744'073'709'551'615U);
  EXPECT_EQ(ParseUint("000000000000000000000042"), 42U);
  for (const char* text :
       {"", "+1", "-1", "1 ", "0x1", "4\xb2", "18446744073709551616", "99999999999999999999"}) {
    EXPECT_EQ(ParseUint(text), std::nullopt) << text;
  }
}

TEST(Strings, PercentDecode) { EXPECT_EQ(PercentDecode("a%2Fb%zz%4"), "a/b%zz%4"); }

TEST(Hash, Sha256OfAbc) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, Sha256OfAMillionTimesTheLetterA) {  // FIPS 180-4's long vector
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace reliability
