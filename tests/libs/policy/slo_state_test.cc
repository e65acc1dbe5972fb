#include "libs/policy/slo_state.h"

#include "tests/libs/policy/slo_test_support.h"

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(SloStateTest, NoDataIsUnknownAndNothingHappens) {  // requirements 19, example 20
  SloState state(Settings("95"), kStart);
  Run(state, {}, hours{2});
  const SloAssessment& got = state.assessment();
  EXPECT_EQ(got.budget_state, BudgetState::kUnknown);
  EXPECT_EQ(got.burn_state, BurnState::kIdle);
  EXPECT_FALSE(got.firing_alert || got.firing_act || got.drift || got.incident_open);
  EXPECT_FALSE(got.evaluable);
  EXPECT_FALSE(got.exhausts_in.has_value());
  EXPECT_EQ(got.tiers[0].firing, Firing::kUnknown);
  EXPECT_FALSE(state.dirty() && got.total.events > 0);
}

TEST_F(SloStateTest, WarmsUpForOneShortWindowOrEnoughEvents) {
  SloState state(Settings("95"), kStart);
  EXPECT_TRUE(state.Tick(kStart + seconds{1}).warming_up);
  EXPECT_FALSE(state.Tick(kStart + minutes{5}).warming_up);
  SloState busy(Settings("95"), kStart);
  busy.Record({{20, 0}, kStart}, kStart + seconds{1});
  EXPECT_FALSE(busy.Tick(kStart + seconds{1}).warming_up);
}

TEST_F(SloStateTest, AnOutageIsSeenInAboutTenTurns) {
  SloState state(Settings("95"), kStart);
  Run(state, {1, 0}, hours{2});
  EXPECT_EQ(state.assessment().burn_state, BurnState::kNormal);
  EXPECT_EQ(state.assessment().budget_state, BudgetState::kHealthy);
  const SystemTime broke = now_;
  int turns = 0;
  while (state.assessment().firing_act != Tier::kOutage) {
    Run(state, {1, 1}, seconds{5});
    ++turns;
    ASSERT_LT(turns, 20);
  }
  EXPECT_LE(turns, 13);
  const SloAssessment& got = state.assessment();
  EXPECT_EQ(got.burn_state, BurnState::kCritical);
  ASSERT_TRUE(got.evidence.incident.has_value());
  EXPECT_LE(got.evidence.incident->onset - broke, seconds{10});
  EXPECT_EQ(got.evidence.incident->counts.events, static_cast<std::uint64_t>(turns));
  EXPECT_NEAR(got.evidence.budget_spent, static_cast<double>(turns) / got.budget.allowed(), 1e-12);
  EXPECT_NE(got.Reading(Tier::kPageFast), nullptr);
  EXPECT_EQ(got.Reading(Tier::kOutage), nullptr);
}

TEST_F(SloStateTest, DriftIsSeenBelowEveryTier) {
  SloState state(Settings("99"), kStart);
  Run(state, {100, 0}, hours{1});
  // 4 times the budget: too little for a page, and an hour of good traffic dilutes the tickets.
  Run(state, {100, 0}, hours{1});
  Run(state, {200, 8}, minutes{5});
  const SloAssessment& got = state.assessment();
  EXPECT_TRUE(got.drift);
  EXPECT_FALSE(got.firing_alert.has_value());
  EXPECT_EQ(got.burn_state, BurnState::kElevated);
  EXPECT_TRUE(got.incident_open);
}

TEST_F(SloStateTest, RecoversAndClosesTheIncidentAfterHoldFor) {
  SloState state(Settings("95", SloWindow::k1h), kStart);
  Run(state, {2, 0}, minutes{5});
  Run(state, {2, 2}, minutes{5});
  EXPECT_EQ(state.assessment().burn_state, BurnState::kCritical);
  EXPECT_EQ(state.assessment().budget_state, BudgetState::kExhausted);
  EXPECT_TRUE(state.assessment().incident_open);
  Run(state, {2, 0}, minutes{5});
  EXPECT_EQ(state.assessment().burn_state, BurnState::kRecovering);
  Run(state, {2, 0}, minutes{40});
  EXPECT_EQ(state.assessment().burn_state, BurnState::kNormal);
  EXPECT_FALSE(state.assessment().incident_open);
  EXPECT_EQ(state.assessment().evidence.level, EvidenceLevel::kNone);
  Run(state, {2, 0}, minutes{40});  // the bad events have left the window
  EXPECT_EQ(state.assessment().budget.remaining(), 1);
  EXPECT_EQ(state.assessment().budget_state, BudgetState::kHealthy);
}

TEST_F(SloStateTest, ClosingAnIncidentDropsItsEvidence) {
  SloState state(Settings("95"), kStart);
  Run(state, {2, 2}, minutes{2});
  ASSERT_TRUE(state.assessment().firing_act.has_value());
  state.CloseIncident();
  EXPECT_TRUE(state.dirty());
  (void)state.Tick(now_ + seconds{5});
  EXPECT_FALSE(state.assessment().firing_act.has_value());
  EXPECT_FALSE(state.assessment().incident_open);
  EXPECT_EQ(state.assessment().budget_state, BudgetState::kExhausted);  // signed, and stays so
}

TEST_F(SloStateTest, ExhaustionIsForeseen) {
  SloState state(Settings("95"), kStart);
  Run(state, {10, 0}, hours{10});
  Run(state, {10, 2}, minutes{20});
  const SloAssessment& got = state.assessment();
  ASSERT_TRUE(got.exhausts_in.has_value());
  EXPECT_NEAR(static_cast<double>(got.exhausts_in->count()),
              got.budget.remaining() * 720 * 3'600'000 / got.burn_rate, 1);
}

TEST_F(SloStateTest, ANewObjectiveKeepsCountsAndForgetsEvidence) {
  SloState state(Settings("95"), kStart);
  Run(state, {2, 2}, minutes{2});
  const EventCounts before = state.assessment().budget.counts();
  state.Configure(Settings("90"));
  (void)state.Tick(now_);
  EXPECT_EQ(state.assessment().budget.counts(), before);
  EXPECT_EQ(state.assessment().evidence.level, EvidenceLevel::kNone);
  EXPECT_EQ(state.settings().objective.budget_ppm(), 100'000U);
}

TEST_F(SloStateTest, NothingNewIsNotDirty) {
  SloState state(Settings("95"), kStart);
  Run(state, {2, 0}, minutes{20});
  state.ClearDirty();
  Run(state, {}, minutes{20});
  EXPECT_FALSE(state.dirty());
}

}  // namespace
}  // namespace reliability::policy
