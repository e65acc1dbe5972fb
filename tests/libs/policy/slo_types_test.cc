#include "libs/policy/slo_types.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(SloWindow, ParsesEachNameAndNoOther) {
  for (const auto window :
       {SloWindow::k1h, SloWindow::k1d, SloWindow::k7d, SloWindow::k28d, SloWindow::k30d}) {
    EXPECT_EQ(ParseSloWindow(Name(window)), window);
  }
  EXPECT_FALSE(ParseSloWindow("2h").has_value());
}

TEST(Objective, ParsesPercentsExactly) {
  EXPECT_EQ(Objective::ParsePercent("95")->budget_ppm(), 50'000U);
  EXPECT_EQ(Objective::ParsePercent("99.9")->budget_ppm(), 1'000U);
  EXPECT_EQ(Objective::ParsePercent("0.0001")->budget_ppm(), 999'999U);
  EXPECT_EQ(Objective::ParsePercent("99.9999")->budget_ppm(), 1U);
  EXPECT_DOUBLE_EQ(Objective::ParsePercent("95")->budget(), 0.05);
  EXPECT_DOUBLE_EQ(Objective::ParsePercent("92")->ratio(), 0.92);
  for (const auto* text :
       {"", "0", "100", "0.0", "95.", ".5", "95.12345", "-1", "9a", "1e1", "095"}) {
    EXPECT_FALSE(Objective::ParsePercent(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace reliability::policy
