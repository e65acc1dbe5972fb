#include "libs/api/ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

namespace reliability::api {
namespace {

TEST(Ratio, ParsesExactly) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},          {"1", 1000000},     {"0.25", 250000},
      {"-0.2", -200000}, {"14.8", 14800000}, {"0.000001", 1},
      {"007", 7000000},  {"-0", 0},          {"999999999.999999", 999999999999999}};
  for (const auto& [text, millionths] : cases) {
    const Result<Ratio> ratio = ParseRatio(text);
    ASSERT_TRUE(ratio.has_value()) << text;
    EXPECT_EQ(ratio->millionths(), millionths) << text;
  }
}

TEST(Ratio, RefusesOtherTexts) {
  for (const char* text : {"", "-", ".5", "5.", "1e3", "+1", " 1", "1 ", "0x1", "1,5", "--1",
                           "0.0000001", "1234567890", "1.2.3", "NaN", "\xc2\xb2"}) {
    const Result<Ratio> ratio = ParseRatio(text);
    ASSERT_FALSE(ratio.has_value()) << text;
    EXPECT_EQ(ratio.error().code, Code::kInvalid);
    EXPECT_NE(ratio.error().message.find(text), std::string::npos);
  }
}

TEST(Ratio, FormatsShortest) {
  for (const char* text : {"0", "1", "0.25", "-0.2", "14.8", "0.000001", "-12.345678", "100"}) {
    EXPECT_EQ(FormatRatio(*ParseRatio(text)), text);
  }
}

TEST(Ratio, PercentIsAHundredth) {
  EXPECT_EQ(ParsePercent("95")->millionths(), 950000);
  EXPECT_EQ(ParsePercent("99.9999")->millionths(), 999999);
  EXPECT_DOUBLE_EQ(ParsePercent("99.9")->value(), 0.999);
  EXPECT_EQ(FormatPercent(*ParsePercent("99.9")), "99.9");
  EXPECT_EQ(FormatPercent(Ratio::FromDouble(-0.2)), "-20");
  EXPECT_FALSE(ParsePercent("99.99999").has_value());
}

TEST(Ratio, FromDoubleRoundsAndClamps) {
  EXPECT_EQ(Ratio::FromDouble(0.1 + 0.2).millionths(), 300000);
  EXPECT_EQ(Ratio::FromDouble(-0.0000004).millionths(), 0);
  EXPECT_EQ(Ratio::FromDouble(std::nan("")).millionths(), 0);
  EXPECT_EQ(Ratio::FromDouble(INFINITY).millionths(), 1000000000000000);
  EXPECT_EQ(Ratio::FromDouble(-INFINITY).millionths(), -1000000000000000);
}

}  // namespace
}  // namespace reliability::api
