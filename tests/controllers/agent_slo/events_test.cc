#include <gtest/gtest.h>

#include "tests/controllers/agent_slo/slo_facts.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::minutes;

std::vector<std::string> Reasons(const Decision& decision) {
  std::vector<std::string> out;
  for (const EventDraft& event : decision.events) {
    out.push_back(event.reason.str());
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(Events, TourStep4BurnAndExhaustion) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  const Decision decision = facts.Step();
  ASSERT_EQ(Reasons(decision), (Strings{"FastBurnDetected", "BudgetExhausted"}));
  EXPECT_EQ(decision.events[0].note,
            "PageFast: 1h 74% / 5m 81% bad, threshold 52.5% (capped from 72%), 43 of 58 turns; at "
            "this rate nothing is left now. Rule \"stop\" pauses refunds-agent in 1m unless "
            "PageFast clears");
  EXPECT_EQ(decision.events[1].note,
            "1000 turns, 60 failed, 50 allowed: -20% left. Rule \"stop\" pauses refunds-agent in "
            "1m unless PageFast clears");
  EXPECT_TRUE(decision.events[0].warning);
  EXPECT_TRUE(decision.events[1].warning);
}

TEST(Events, EachBandIsToldOnceAndCriticalIsNotSwallowed) {
  Facts facts;
  facts.SetBudget(1000, 10);
  EXPECT_TRUE(facts.Step().events.empty());
  facts.SetBudget(1000, 40);
  Decision decision = facts.Step();
  ASSERT_EQ(Reasons(decision), Strings{"BudgetAtRisk"});
  EXPECT_EQ(decision.events[0].note.substr(0, 80),
            "less than 25% is left: 1000 turns, 40 failed, 50 allowed: 20% left. Rule \"stop\" ");
  EXPECT_TRUE(Reasons(facts.Step()).empty());
  facts.SetBudget(1000, 46);
  decision = facts.Step();
  ASSERT_EQ(Reasons(decision), Strings{"BudgetAtRisk"});
  EXPECT_EQ(decision.events[0].note.substr(0, 23), "less than 10% is left: ");
  facts.SetBudget(1000, 51);
  EXPECT_EQ(Reasons(facts.Step()), Strings{"BudgetExhausted"});
  EXPECT_TRUE(Reasons(facts.Step()).empty());
}

TEST(Events, RecoveryIsToldWithNumbers) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  static_cast<void>(facts.Step());
  facts.SetBudget(2000, 60);
  facts.Calm(policy::BurnState::kRecovering);
  Decision decision = facts.Step();
  ASSERT_EQ(Reasons(decision), Strings{"BudgetRecovered"});
  EXPECT_EQ(decision.events[0].note,
            "2000 turns, 60 failed, 100 allowed: 40% left. The budget is Healthy again");
  EXPECT_FALSE(decision.events[0].warning);
  facts.Calm();
  facts.tier(0).long_counts = {900, 9};
  facts.tier(0).short_counts = {100, 0};
  decision = facts.Step();
  ASSERT_EQ(Reasons(decision), Strings{"BurnRecovered"});
  EXPECT_EQ(decision.events[0].note,
            "no tier fires: 1h 1% / 5m 0% bad, threshold 52.5% (capped from 72%), 9 of 900 turns");
}

TEST(Events, OnlyAHigherTierIsNews) {
  Facts facts;
  facts.SetBudget(4000, 120);
  facts.got().drift = true;
  facts.got().burn_state = policy::BurnState::kElevated;
  facts.got().evidence.e = 9.5;
  Decision decision = facts.Step();
  ASSERT_EQ(Reasons(decision), Strings{"SlowBurnDetected"});
  EXPECT_EQ(decision.events[0].note.substr(0, 28), "Drift: evidence 9.5, alert a");
  facts.got().drift = false;
  facts.Fire(3, {4000, 300}, {500, 60});
  EXPECT_EQ(Reasons(facts.Step()), Strings{"SlowBurnDetected"});
  facts.Fire(1, {600, 250}, {60, 30});
  EXPECT_EQ(Reasons(facts.Step()), Strings{"FastBurnDetected"});
  facts.Fire(0, {100, 80}, {30, 25});
  EXPECT_EQ(Reasons(facts.Step()), Strings{"FastBurnDetected"});
  facts.Fire(1, {600, 250}, {60, 30});
  EXPECT_TRUE(Reasons(facts.Step()).empty());
}

TEST(Events, DriftTellsTheIncident) {
  Facts facts;
  facts.SetBudget(4000, 120);
  facts.got().drift = true;
  facts.got().burn_state = policy::BurnState::kElevated;
  facts.got().evidence.incident =
      policy::Incident{SystemTime{Milliseconds{1'799'999'990'000}}, {300, 45}};
  const Decision decision = facts.Step();
  ASSERT_EQ(decision.events.size(), 1U);
  EXPECT_EQ(decision.events[0].note.substr(0, 98),
            "Drift: 45 of 300 turns bad since 07:59:50Z: more than budgeted for certain, below "
            "every tier. Rule");
}

TEST(Events, LeavingTheJudgedRangeIsNoRecovery) {
  Facts facts;
  facts.SetBudget(1000, 60);
  EXPECT_EQ(Reasons(facts.Step()), Strings{"BudgetExhausted"});
  facts.SetBudget(5, 0);
  EXPECT_TRUE(Reasons(facts.Step()).empty());
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
