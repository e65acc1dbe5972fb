#include "libs/base/base64.h"

#include <gtest/gtest.h>

namespace reliability {
namespace {

TEST(Base64, WritesAndReadsTheVectorsOfRfc4648) {
  constexpr std::pair<std::string_view, std::string_view> kVectors[] = {{"", ""},
                                                                        {"f", "Zg=="},
                                                                        {"fo", "Zm8="},
                                                                        {"foo", "Zm9v"},
                                                                        {"foob", "Zm9vYg=="},
                                                                        {"fooba", "Zm9vYmE="},
                                                                        {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(Base64Encode(bytes), text);
    EXPECT_EQ(Base64Decode(text).value_or("wrong"), bytes);
  }
}

TEST(Base64, KeepsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes += static_cast<char>(i * 7);
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)).value_or("wrong"), bytes);
  }
}

TEST(Base64, RefusesWhatIsNone) {
  for (const std::string_view text : {"Zg=", "Z", "Zm9v!!!!", "====", "Zg==Zg==", "Zm 9"}) {
    EXPECT_FALSE(Base64Decode(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace reliability
