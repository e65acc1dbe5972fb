#include "libs/policy/slo_bands.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

using std::chrono::minutes;

constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

Objective Percent(const char* text) { return *Objective::ParsePercent(text); }

TEST(BudgetBand, LeavesOnlyFivePointsHigherAndAfterHoldFor) {
  BudgetBand band;
  const auto left = [](std::uint64_t percent) {
    return ErrorBudget(Percent("95"), {2000, 100 - percent});
  };
  SystemTime now = kNow;
  const auto update = [&](std::uint64_t percent, Milliseconds later) {
    now += later;
    return band.Update(left(percent), now, minutes{15});
  };
  EXPECT_EQ(update(24, minutes{0}), BudgetState::kAtRisk);
  EXPECT_EQ(update(26, minutes{60}), BudgetState::kAtRisk);  // above 25, not above 30
  EXPECT_EQ(update(30, minutes{1}), BudgetState::kAtRisk);
  EXPECT_EQ(update(30, minutes{14}), BudgetState::kAtRisk);
  EXPECT_EQ(update(29, minutes{1}), BudgetState::kAtRisk);  // a break starts it anew
  EXPECT_EQ(update(31, minutes{1}), BudgetState::kAtRisk);
  EXPECT_EQ(update(31, minutes{15}), BudgetState::kHealthy);
  EXPECT_EQ(update(0, minutes{1}), BudgetState::kExhausted);  // worse at once
  EXPECT_EQ(update(6, minutes{1}), BudgetState::kExhausted);
  EXPECT_EQ(update(6, minutes{15}), BudgetState::kCritical);

  ByteWriter out;
  band.Save(out);
  BudgetBand loaded;
  ByteReader in(out.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(loaded.state(), BudgetState::kCritical);
  ByteReader bad("\x09");
  loaded.Load(bad);
  EXPECT_FALSE(bad.ok());
}

TEST(BurnBand, WorseAtOnceBetterAfterProvenCalm) {
  BurnBand band;
  SystemTime now = kNow;
  const auto update = [&](const BurnSignals& signals, Milliseconds later) {
    now += later;
    return band.Update(signals, now, minutes{15});
  };
  const BurnSignals calm{.any_traffic = true, .known = true};
  EXPECT_EQ(update({}, minutes{0}), BurnState::kIdle);
  EXPECT_EQ(update({.any_traffic = true}, minutes{1}), BurnState::kUnknown);
  EXPECT_EQ(update(calm, minutes{1}), BurnState::kNormal);
  EXPECT_EQ(update({.any_traffic = true, .known = true, .ticket = true}, minutes{1}),
            BurnState::kElevated);
  EXPECT_EQ(update({.any_traffic = true, .known = true, .page = true, .ticket = true}, minutes{1}),
            BurnState::kCritical);
  BurnSignals silent = calm;
  silent.traffic_since_firing = false;
  EXPECT_EQ(update(silent, minutes{60}), BurnState::kCritical);  // no traffic proves nothing
  BurnSignals recovering = calm;
  recovering.recovering = true;
  EXPECT_EQ(update(recovering, minutes{1}), BurnState::kRecovering);
  EXPECT_EQ(update(calm, minutes{1}), BurnState::kRecovering);
  EXPECT_EQ(update(calm, minutes{14}), BurnState::kRecovering);

  ByteWriter out;
  band.Save(out);
  BurnBand loaded;
  ByteReader in(out.bytes());
  loaded.Load(in);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(loaded.Update(calm, now + minutes{1}, minutes{15}), BurnState::kNormal);
  EXPECT_EQ(update(calm, minutes{1}), BurnState::kNormal);
  ByteReader bad("\x09");
  loaded.Load(bad);
  EXPECT_FALSE(bad.ok());
}

TEST(Names, OfStates) {
  EXPECT_EQ(Name(BudgetState::kAtRisk), "AtRisk");
  EXPECT_EQ(Name(BudgetState::kUnknown), "Unknown");
  EXPECT_EQ(Name(BurnState::kRecovering), "Recovering");
  EXPECT_EQ(Name(BurnState::kUnknown), "Unknown");
}

}  // namespace
}  // namespace reliability::policy
