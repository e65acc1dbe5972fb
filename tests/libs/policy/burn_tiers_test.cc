#include "libs/policy/burn_tiers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace reliability::policy {
namespace {

Objective Percent(const char* text) { return *Objective::ParsePercent(text); }

TEST(BurnTiers, FactorsAreShareOfTheBudgetTimesPeriodOverWindow) {
  const struct {
    SloWindow window;
    std::vector<double> shares;
  } table[] = {{SloWindow::k30d, {0.02, 0.05, 0.10, 0.10}},
               {SloWindow::k28d, {0.02, 0.05, 0.10, 0.10}},
               {SloWindow::k7d, {0.02, 0.05, 0.10, 0.107}},
               {SloWindow::k1d, {0.05, 0.15, 0.25}},
               {SloWindow::k1h, {0.10, 0.15, 0.30}}};
  for (const auto& [window, shares] : table) {
    const auto tiers = BurnTiers(window);
    ASSERT_EQ(tiers.size(), shares.size()) << Name(window);
    for (std::size_t i = 0; i < tiers.size(); ++i) {
      const double factor = shares[i] * static_cast<double>(Length(window).count()) /
                            static_cast<double>(tiers[i].long_window.count());
      EXPECT_NEAR(tiers[i].factor, std::max(1.0, factor), 1e-9) << Name(window) << " " << i;
      EXPECT_LT(tiers[i].short_window, tiers[i].long_window);
      if (i > 0) {
        EXPECT_LT(tiers[i].tier, tiers[i - 1].tier);
        EXPECT_LT(tiers[i].factor, tiers[i - 1].factor);
      }
    }
  }
}

TEST(BurnTiers, NamesRoundTrip) {
  for (const Tier tier :
       {Tier::kTicketSlow, Tier::kTicketFast, Tier::kPageSlow, Tier::kPageFast, Tier::kOutage}) {
    EXPECT_EQ(ParseTier(Name(tier)), tier);
  }
  EXPECT_FALSE(ParseTier("Page").has_value());
  EXPECT_TRUE(IsPage(Tier::kOutage));
  EXPECT_FALSE(IsPage(Tier::kTicketFast));
}

TEST(BurnTiers, ReachabilityCapTable) {  // slo-and-enforcement 1.3
  const struct {
    const char* objective;
    double page_fast, page_slow, ticket_fast, ticket_slow;
    bool fast_capped;
  } rows[] = {{"99.9", 0.0144, 0.006, 0.003, 0.001, false},
              {"95", 0.525, 0.30, 0.15, 0.05, true},
              {"92", 0.54, 0.402, 0.24, 0.08, true},
              {"85", 0.575, 0.4475, 0.32, 0.15, true}};
  for (const auto& row : rows) {
    const double b = Percent(row.objective).budget();
    const auto tiers = BurnTiers(SloWindow::k30d);
    EXPECT_NEAR(ThresholdOf(tiers[0], b).bad_ratio, row.page_fast, 1e-9) << row.objective;
    EXPECT_NEAR(ThresholdOf(tiers[1], b).bad_ratio, row.page_slow, 1e-9) << row.objective;
    EXPECT_NEAR(ThresholdOf(tiers[2], b).bad_ratio, row.ticket_fast, 1e-9) << row.objective;
    EXPECT_NEAR(ThresholdOf(tiers[3], b).bad_ratio, row.ticket_slow, 1e-9) << row.objective;
    EXPECT_EQ(ThresholdOf(tiers[0], b).capped(), row.fast_capped) << row.objective;
  }
  EXPECT_NEAR(ThresholdOf(BurnTiers(SloWindow::k30d)[0], 0.05).classic, 0.72, 1e-12);
}

TEST(BurnTiers, ATotalOutageReachesEveryTierAtAnyObjective) {
  for (const auto* objective : {"0.0001", "50", "85", "92", "95", "99.9", "99.9999"}) {
    for (const auto window : {SloWindow::k1h, SloWindow::k1d, SloWindow::k7d, SloWindow::k30d}) {
      for (const BurnTier& tier : BurnTiers(window)) {
        EXPECT_LT(ThresholdOf(tier, Percent(objective).budget()).bad_ratio, 1) << objective;
      }
    }
  }
}

}  // namespace
}  // namespace reliability::policy
