#include "libs/policy/burn_rate.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};

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

class ReadTierTest : public ::testing::Test {
 protected:
  TierReading Read(EvidenceLevel level) const {
    return ReadTier(BurnTiers(SloWindow::k30d)[0], Percent("95"), LowTraffic{}, rings_, level);
  }
  SloRings rings_{SloWindow::k30d};
};

TEST_F(ReadTierTest, TooFewEventsIsUnknown) {
  rings_.Record({9, 9}, kStart, kStart + seconds{5});
  EXPECT_EQ(Read(EvidenceLevel::kAct).firing, Firing::kUnknown);
}

TEST_F(ReadTierTest, NeedsBothWindowsEvidenceAndBadEvents) {
  rings_.Record({58, 43}, kStart, kStart + minutes{4});
  EXPECT_EQ(Read(EvidenceLevel::kNone).firing, Firing::kNo);
  EXPECT_EQ(Read(EvidenceLevel::kAlert).firing, Firing::kAlert);
  EXPECT_EQ(Read(EvidenceLevel::kAct).firing, Firing::kAct);
  EXPECT_NEAR(Read(EvidenceLevel::kAct).burn_rate, 43.0 / 58 / 0.05, 1e-12);
  EXPECT_FALSE(Read(EvidenceLevel::kAct).recovering);
  rings_.Advance(kStart + minutes{20});  // the short window is empty: it no longer burns
  EXPECT_EQ(Read(EvidenceLevel::kAct).firing, Firing::kNo);
  EXPECT_TRUE(Read(EvidenceLevel::kAct).recovering);
}

TEST_F(ReadTierTest, FewBadEventsAreNotEnough) {
  LowTraffic one_of_ten{.min_events = 2, .min_bad = 3};
  rings_.Record({2, 2}, kStart, kStart + seconds{5});
  EXPECT_EQ(ReadTier(BurnTiers(SloWindow::k30d)[0], Percent("95"), one_of_ten, rings_,
                     EvidenceLevel::kAct)
                .firing,
            Firing::kNo);
}

TEST(Outage, NeedsEightEventsNearlyAllBadAndStill) {
  SloRings rings(SloWindow::k30d);
  rings.Record({8, 8}, kStart, kStart + minutes{1});
  const Incident incident{kStart, {8, 8}};
  EXPECT_TRUE(IsOutage(0.05, EvidenceLevel::kAct, incident, rings));
  EXPECT_FALSE(IsOutage(0.05, EvidenceLevel::kAlert, incident, rings));
  EXPECT_FALSE(IsOutage(0.05, EvidenceLevel::kAct, std::nullopt, rings));
  EXPECT_FALSE(IsOutage(0.05, EvidenceLevel::kAct, Incident{kStart, {7, 7}}, rings));
  EXPECT_FALSE(IsOutage(0.05, EvidenceLevel::kAct, Incident{kStart, {8, 6}}, rings));  // < 76.25 %
  rings.Record({5, 0}, kStart + minutes{2}, kStart + minutes{3});  // it works again
  EXPECT_FALSE(IsOutage(0.05, EvidenceLevel::kAct, incident, rings));
}

TEST(Names, OfLevelsAndFiring) {
  EXPECT_EQ(Name(EvidenceLevel::kNone), "None");
  EXPECT_EQ(Name(EvidenceLevel::kAlert), "Alert");
  EXPECT_EQ(Name(EvidenceLevel::kAct), "Act");
  EXPECT_EQ(Name(Firing::kNo), "No");
  EXPECT_EQ(Name(Firing::kUnknown), "Unknown");
  EXPECT_EQ(Name(Firing::kAlert), "Alert");
  EXPECT_EQ(Name(Firing::kAct), "Act");
  EXPECT_EQ(LevelOf(5, {4, 9, 10}), EvidenceLevel::kAlert);
  EXPECT_EQ(LevelOf(3, {4, 9, 10}), EvidenceLevel::kNone);
}

}  // namespace
}  // namespace reliability::policy
