#include "libs/policy/burn_rate.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};

Objective Percent(const char* text) { return *Objective::ParsePercent(text); }

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
