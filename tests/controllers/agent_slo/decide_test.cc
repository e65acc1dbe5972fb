#include "controllers/agent_slo/decide.h"

#include <gtest/gtest.h>

#include "tests/controllers/agent_slo/slo_facts.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

TEST(Decide, ConformanceCase60Of1000At95PercentIsExhaustedAt20PercentBelow) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  const Decision decision = facts.Step();
  EXPECT_TRUE(decision.write);
  EXPECT_TRUE(decision.telemetry_healthy);
  const api::AgentSloStatus& status = decision.status;
  EXPECT_EQ(status.target, "Deployment/refunds-agent");
  EXPECT_EQ(status.objective, "95%");
  EXPECT_EQ(status.budget->left, "-20%");
  EXPECT_EQ(FormatRatio(*status.budget->remaining), "-0.2");
  EXPECT_EQ(FormatRatio(*status.budget->consumed), "1.2");
  EXPECT_EQ(status.budget->events, 1000);
  EXPECT_EQ(status.budget->bad_events, 60);
  EXPECT_EQ(status.burn_rate, "14.8x");
  EXPECT_EQ(status.state, api::SloState::kExhausted);
  EXPECT_EQ(status.budget_state, api::BudgetState::kExhausted);
  EXPECT_EQ(status.burn_state, api::BurnState::kCritical);
  EXPECT_FALSE(status.exhausts_at);
  EXPECT_EQ(status.observed_generation, 3);
  EXPECT_EQ(ReasonOf(status, "Accepted"), "True Accepted");
  EXPECT_EQ(ReasonOf(status, "TelemetryHealthy"), "True LedgersRead");
  EXPECT_EQ(ReasonOf(status, "Evaluable"), "True EnoughTraffic");
  EXPECT_EQ(ReasonOf(status, "SLOMet"), "False ObjectiveMissed");
  EXPECT_EQ(MessageOf(status, "SLOMet"), "94% of 1000 turns good, objective 95% over 30d");
  EXPECT_EQ(ReasonOf(status, "BudgetExhausted"), "True Exhausted");
  EXPECT_EQ(ReasonOf(status, "FastBurn"), "True PageFast");
}

TEST(Decide, ConformanceCase1Of1000At95PercentLeaves98) {
  Facts facts;
  facts.SetBudget(1000, 1);
  const api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(status.budget->left, "98%");
  EXPECT_EQ(status.state, api::SloState::kNormal);
  EXPECT_EQ(status.budget_state, api::BudgetState::kHealthy);
  EXPECT_EQ(ReasonOf(status, "SLOMet"), "True ObjectiveMet");
  EXPECT_EQ(ReasonOf(status, "BudgetExhausted"), "False Healthy");
  EXPECT_EQ(MessageOf(status, "BudgetExhausted"), "1000 turns, 1 failed, 50 allowed: 98% left");
  EXPECT_EQ(ReasonOf(status, "FastBurn"), "False NoTierFires");
}

TEST(Decide, ExactlyTheObjectiveIsMetAndNothingIsLeft) {
  Facts facts;
  facts.SetBudget(1000, 50);
  const api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(ReasonOf(status, "SLOMet"), "True ObjectiveMet");
  EXPECT_EQ(ReasonOf(status, "BudgetExhausted"), "True Exhausted");
  EXPECT_EQ(status.budget->left, "0%");
}

TEST(Decide, TiersShowTheirEffectiveThresholds) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  const api::AgentSloStatus status = facts.Step().status;
  ASSERT_EQ(status.burn.size(), 4U);
  const api::BurnTier& page = status.burn[0];
  EXPECT_EQ(page.tier, api::Tier::kPageFast);
  EXPECT_EQ(FormatRatio(*page.threshold), "0.525");
  EXPECT_EQ(FormatRatio(*page.capped_from), "0.72");
  EXPECT_EQ(page.firing, api::Firing::kAct);
  EXPECT_EQ(page.events, 58);
  EXPECT_EQ(page.bad_events, 43);
  EXPECT_FALSE(status.burn[3].capped_from);
  EXPECT_EQ(status.burn[3].firing, api::Firing::kUnknown);
}

TEST(Decide, EvidenceNamesTheIncidentOnlyWhenItIsCertain) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.got().evidence.incident = policy::Incident{kNow - minutes{5}, {58, 43}};
  facts.got().evidence.e = 2.5;
  api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(status.evidence->level, api::EvidenceLevel::kNone);
  EXPECT_FALSE(status.evidence->onset);
  EXPECT_FALSE(status.evidence->tier);

  facts.Fire(0, {58, 43}, {21, 17});
  facts.got().evidence.budget_spent = 0.86;
  status = facts.Step().status;
  EXPECT_EQ(status.evidence->level, api::EvidenceLevel::kAct);
  EXPECT_EQ(status.evidence->tier, api::Tier::kPageFast);
  EXPECT_EQ(status.evidence->onset, kNow - minutes{5});
  EXPECT_EQ(status.evidence->n, 58);
  EXPECT_EQ(status.evidence->k, 43);
  EXPECT_EQ(FormatRatio(*status.evidence->budget_spent), "0.86");
}

TEST(Decide, NoDataSloIsUnknownAndNeitherEscalatesNorReleases) {
  Facts facts;
  facts.in().pods.covered = 0;
  facts.in().silent_for = minutes{5};
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  const Decision decision = facts.Step();
  EXPECT_FALSE(decision.telemetry_healthy);
  EXPECT_EQ(decision.status.state, api::SloState::kUnknown);
  EXPECT_EQ(decision.status.burn_state, api::BurnState::kUnknown);
  EXPECT_EQ(decision.status.budget_state, api::BudgetState::kUnknown);
  for (const char* type : {"SLOMet", "BudgetExhausted", "FastBurn", "Evaluable"}) {
    EXPECT_EQ(ReasonOf(decision.status, type), "Unknown NoData");
  }
  ASSERT_EQ(decision.events.size(), 1U);  // that telemetry was lost, nothing about the budget
  EXPECT_EQ(decision.events[0].reason, "TelemetryLost");
}

TEST(Decide, LostTelemetryHoldsWhatWasMeasured) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  const api::AgentSloStatus before = facts.Step().status;
  // The bad events leave the window unseen: that is no recovery.
  facts.in().pods.covered = 0;
  facts.in().pods.first_error = "refunds-agent-0: timeout: no answer";
  facts.in().silent_for = seconds{40};
  facts.SetBudget(0, 0);
  facts.Calm(policy::BurnState::kIdle);
  const Decision lost = facts.Step();
  EXPECT_FALSE(lost.telemetry_healthy);
  EXPECT_EQ(lost.status.state, before.state);
  EXPECT_EQ(lost.status.budget->left, "-20%");
  EXPECT_EQ(ReasonOf(lost.status, "BudgetExhausted"), "True Exhausted");
  EXPECT_EQ(ReasonOf(lost.status, "FastBurn"), "True PageFast");
  EXPECT_EQ(ReasonOf(lost.status, "Evaluable"), "Unknown NoData");
  EXPECT_EQ(ReasonOf(lost.status, "TelemetryHealthy"), "False Unreachable");
  const std::string message = MessageOf(lost.status, "TelemetryHealthy");
  EXPECT_NE(message.find("no sidecar of 3 ready pods answered for 40s (refunds-agent-0: timeout"),
            std::string::npos);
  EXPECT_NE(message.find("kubernetes.io/metadata.name: agent-reliability-system"),
            std::string::npos);
  EXPECT_NE(message.find("port: 15190"), std::string::npos);

  facts.in().pods.covered = 3;
  const Decision back = facts.Step();
  ASSERT_FALSE(back.events.empty());
  EXPECT_EQ(back.events[0].reason, "TelemetryRestored");
}

TEST(Decide, OneMissedReadIsNoLoss) {
  Facts facts;
  facts.SetBudget(1000, 1);
  EXPECT_TRUE(facts.Step().telemetry_healthy);
  facts.in().pods.covered = 0;
  facts.in().silent_for = seconds{29};
  EXPECT_TRUE(facts.Step().telemetry_healthy);
  facts.in().silent_for = seconds{30};
  EXPECT_FALSE(facts.Step().telemetry_healthy);
}

TEST(Decide, NoPodsIsNoTrafficAndNotLostTelemetry) {
  Facts facts;
  facts.in().pods = {};
  facts.in().silent_for = minutes{60};
  const Decision decision = facts.Step();
  EXPECT_TRUE(decision.telemetry_healthy);
  EXPECT_EQ(ReasonOf(decision.status, "TelemetryHealthy"), "True NoTraffic");
  EXPECT_EQ(ReasonOf(decision.status, "Evaluable"), "False NoTraffic");
  EXPECT_EQ(ReasonOf(decision.status, "SLOMet"), "Unknown NoTraffic");
  EXPECT_EQ(ReasonOf(decision.status, "FastBurn"), "Unknown NoTraffic");
  EXPECT_EQ(decision.status.state, api::SloState::kIdle);
  EXPECT_TRUE(decision.status.budget->left.empty());
}

TEST(Decide, PodsThatCannotAnswerAreTold) {
  Facts facts;
  facts.in().pods = {.total = 3};
  EXPECT_EQ(ReasonOf(facts.Step().status, "TelemetryHealthy"), "False SidecarsMissing");
  EXPECT_EQ(MessageOf(facts.in().previous, "TelemetryHealthy").substr(0, 28),
            "0 of 3 pods have a sidecar. ");
  facts.in().pods = {.total = 3, .injected = 3};
  facts.in().silent_for = minutes{5};
  EXPECT_EQ(ReasonOf(facts.Step().status, "TelemetryHealthy"), "Unknown PodsNotReady");
  facts.in().pods = {.total = 3, .injected = 3, .ready = 1};
  facts.in().silent_for = seconds{5};
  EXPECT_EQ(ReasonOf(facts.Step().status, "TelemetryHealthy"), "Unknown NotReadYet");
}

TEST(Decide, LowCoverageIsAWarningInTheMessage) {
  Facts facts;
  facts.SetBudget(100, 1);
  facts.in().pods.covered = 1;
  facts.in().pods.first_error = "b: refused";
  const api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(ReasonOf(status, "TelemetryHealthy"), "True LedgersRead");
  EXPECT_EQ(MessageOf(status, "TelemetryHealthy"),
            "ledgers of 1 of 3 pods are read: what the others do is not measured, and they are the "
            "majority (b: refused)");
  EXPECT_EQ(status.pods_covered, 1);
  EXPECT_EQ(status.pods_total, 3);
}

TEST(Decide, NothingIsAcceptedWithoutTargetPolicyOrReaction) {
  Facts facts;
  facts.in().reaction.policy = nullptr;
  EXPECT_EQ(ReasonOf(facts.Step().status, "Accepted"), "False ErrorBudgetPolicyNotFound");
  facts.in().policy.reset();
  Decision decision = facts.Step();
  EXPECT_EQ(ReasonOf(decision.status, "Accepted"), "False NoPolicy");
  EXPECT_EQ(ReasonOf(decision.status, "TelemetryHealthy"), "False NoPolicy");
  EXPECT_FALSE(decision.telemetry_healthy);
  facts.in().target_exists = false;
  EXPECT_EQ(ReasonOf(facts.Step().status, "Accepted"), "False TargetNotFound");
}

TEST(Decide, AcceptedSaysWhoReacts) {
  Facts facts;
  EXPECT_EQ(MessageOf(facts.Step().status, "Accepted"),
            "measured on Deployment/refunds-agent; ErrorBudgetPolicy careful reacts");
  facts.in().policy->enforce = false;
  api::AgentSlo slo = RefundsSlo();
  slo.metadata.generation = 4;
  facts.SetSlo(slo);
  EXPECT_EQ(MessageOf(facts.Step().status, "Accepted"),
            "measured on Deployment/refunds-agent; ErrorBudgetPolicy careful is evaluated only "
            "(Observe)");
  facts.in().reaction = {};
  slo.metadata.generation = 5;
  facts.SetSlo(slo);
  EXPECT_EQ(MessageOf(facts.Step().status, "Accepted"),
            "measured on Deployment/refunds-agent; no ErrorBudgetPolicy reacts, the budget is only "
            "shown");
}

TEST(Decide, AnImpossibleObjectiveIsInvalid) {
  Facts facts;
  api::AgentSlo slo = RefundsSlo();
  slo.spec.objective = api::Ratio::FromMillionths(1'000'000);
  facts.SetSlo(slo);
  facts.in().assessment = nullptr;
  EXPECT_EQ(ReasonOf(facts.Step().status, "Accepted"), "False Invalid");
}

TEST(Decide, WarmingUpIsSaidAndBudgetStaysUnknown) {
  Facts facts;
  facts.SetBudget(12, 3);
  facts.got().warming_up = true;
  const api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(ReasonOf(status, "Evaluable"), "False WarmingUp");
  EXPECT_EQ(ReasonOf(status, "BudgetExhausted"), "Unknown WarmingUp");
  EXPECT_EQ(status.budget_state, api::BudgetState::kUnknown);
}

TEST(Decide, ASingleFailureAtFiveTurnsIsNotJudged) {
  Facts facts;
  facts.SetBudget(5, 1);
  facts.Calm(policy::BurnState::kUnknown);
  const Decision decision = facts.Step();
  EXPECT_EQ(ReasonOf(decision.status, "Evaluable"), "False InsufficientTraffic");
  EXPECT_EQ(MessageOf(decision.status, "Evaluable"),
            "5 turns in 30d, 20 are needed: with fewer, one failure would spend the whole budget");
  EXPECT_EQ(ReasonOf(decision.status, "SLOMet"), "Unknown InsufficientTraffic");
  EXPECT_EQ(ReasonOf(decision.status, "FastBurn"), "Unknown InsufficientTraffic");
  EXPECT_EQ(decision.status.state, api::SloState::kUnknown);
  EXPECT_TRUE(decision.events.empty());
}

TEST(Decide, AnUnreadableHistoryStopsMeasuringVisibly) {
  Facts facts;
  facts.in().assessment = nullptr;
  facts.in().history_error = "denied: configmaps is forbidden";
  const Decision decision = facts.Step();
  EXPECT_FALSE(decision.telemetry_healthy);
  EXPECT_EQ(ReasonOf(decision.status, "Evaluable"), "Unknown HistoryUnreadable");
  EXPECT_NE(MessageOf(decision.status, "Evaluable").find("configmaps is forbidden"),
            std::string::npos);
}

TEST(Decide, WithoutTrafficABurnIsHeldAndNotOver) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  static_cast<void>(facts.Step());
  facts.Calm(policy::BurnState::kCritical);  // what BurnBand keeps without traffic
  const Decision held = facts.Step(minutes{5});
  EXPECT_EQ(ReasonOf(held.status, "FastBurn"), "True PageFast");
  EXPECT_TRUE(held.events.empty());
  facts.Calm(policy::BurnState::kRecovering);
  EXPECT_EQ(ReasonOf(facts.Step().status, "FastBurn"), "False Recovering");
  EXPECT_EQ(facts.in().previous.burn_state, api::BurnState::kRecovering);
}

TEST(Decide, TicketTiersAndDriftAreSlowBurns) {
  Facts facts;
  facts.SetBudget(4000, 120);
  facts.Fire(2, {800, 160}, {100, 20});
  Decision decision = facts.Step();
  EXPECT_EQ(ReasonOf(decision.status, "FastBurn"), "False TicketFast");
  EXPECT_EQ(decision.status.state, api::SloState::kElevated);
  facts.Calm(policy::BurnState::kElevated);
  EXPECT_EQ(ReasonOf(facts.Step().status, "FastBurn"), "False TicketFast");  // held

  Facts drifting;
  drifting.SetBudget(4000, 120);
  drifting.got().drift = true;
  drifting.got().burn_state = policy::BurnState::kElevated;
  EXPECT_EQ(ReasonOf(drifting.Step().status, "FastBurn"), "False Drift");
}

TEST(Decide, AnOutageOfEightTurnsIsCriticalBeforeABudgetCanBeJudged) {
  Facts facts;
  facts.SetBudget(8, 8);
  facts.got().firing_alert = facts.got().firing_act = policy::Tier::kOutage;
  facts.got().burn_state = policy::BurnState::kCritical;
  facts.got().evidence.level = policy::EvidenceLevel::kAct;
  facts.got().evidence.incident = policy::Incident{kNow - seconds{30}, {8, 8}};
  const api::AgentSloStatus status = facts.Step().status;
  EXPECT_EQ(ReasonOf(status, "FastBurn"), "True Outage");
  EXPECT_EQ(status.state, api::SloState::kCritical);
  EXPECT_EQ(status.evidence->tier, api::Tier::kOutage);
}

TEST(Decide, ExhaustsAtIsWholeSecondsFromNow) {
  Facts facts;
  facts.SetBudget(4000, 120);
  facts.got().exhausts_in = Milliseconds{90'500};
  EXPECT_EQ(facts.Step(Milliseconds{0}).status.exhausts_at, kNow + seconds{90});
}

TEST(Decide, NothingIsWrittenWhileNothingChanges) {
  Facts facts;
  facts.SetBudget(1000, 10);
  EXPECT_TRUE(facts.Step().write);
  const auto first = facts.in().previous.last_evaluated_time;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(facts.Step().write);
  }
  EXPECT_EQ(facts.in().previous.last_evaluated_time, first);
}

TEST(Decide, NumbersAreWrittenAfterAPointAndAMinute) {
  Facts facts;
  facts.SetBudget(1000, 10);
  EXPECT_TRUE(facts.Step().write);
  facts.SetBudget(1010, 11);  // 80 % -> 78 %
  EXPECT_FALSE(facts.Step(seconds{15}).write);
  EXPECT_FALSE(facts.Step(seconds{30}).write);
  EXPECT_TRUE(facts.Step(seconds{15}).write);
  facts.SetBudget(1012, 11);  // less than a point
  EXPECT_FALSE(facts.Step(minutes{10}).write);
}

TEST(Decide, ABandIsWrittenAtOnce) {
  Facts facts;
  facts.SetBudget(1000, 10);
  EXPECT_TRUE(facts.Step().write);
  facts.SetBudget(1000, 40);
  EXPECT_TRUE(facts.Step(seconds{5}).write);
  EXPECT_EQ(facts.in().previous.budget_state, api::BudgetState::kAtRisk);
}

TEST(Decide, EveryStateHasItsWord) {
  using policy::BudgetState;
  using policy::BurnState;
  Facts facts;
  for (const auto state : {BudgetState::kUnknown, BudgetState::kHealthy, BudgetState::kAtRisk,
                           BudgetState::kCritical, BudgetState::kExhausted}) {
    facts.SetBudget(1000, 10);
    facts.got().budget_state = state;
    EXPECT_EQ(ToString(*facts.Step().status.budget_state), Name(state));
  }
  for (const auto state : {BurnState::kUnknown, BurnState::kIdle, BurnState::kNormal,
                           BurnState::kRecovering, BurnState::kElevated, BurnState::kCritical}) {
    facts.SetBudget(1000, 10);
    facts.Calm(state);
    const api::AgentSloStatus status = facts.Step().status;
    EXPECT_EQ(ToString(*status.burn_state), Name(state));
    EXPECT_EQ(ToString(*status.state), Name(state));
  }
  for (const auto firing : {policy::Firing::kNo, policy::Firing::kUnknown, policy::Firing::kAlert,
                            policy::Firing::kAct}) {
    facts.tier(1).firing = firing;
    facts.SetBudget(firing == policy::Firing::kNo ? 2000 : 1000, 10);
    EXPECT_EQ(ToString(*facts.Step(minutes{2}).status.burn.at(1).firing), Name(firing));
    facts.SetBudget(1000, 45);
    static_cast<void>(facts.Step());
  }
}

TEST(Decide, SettingsComeFromTheSpec) {
  api::AgentSloSpec spec = RefundsSlo().spec;
  spec.window = api::SloWindow::k1h;
  spec.low_traffic = {20, 5, api::Confidence::kStrict};
  const auto settings = SettingsOf(spec, minutes{7});
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->objective.budget_ppm(), 50'000U);
  EXPECT_EQ(settings->window, policy::SloWindow::k1h);
  EXPECT_EQ(settings->low_traffic.min_events, 20U);
  EXPECT_EQ(settings->low_traffic.min_bad, 5U);
  EXPECT_EQ(settings->low_traffic.confidence, policy::Confidence::kStrict);
  EXPECT_EQ(settings->hold_for, minutes{7});
  EXPECT_EQ(EvaluationInterval(api::SloWindow::k1h), seconds{5});
  EXPECT_EQ(EvaluationInterval(api::SloWindow::k1d), seconds{5});
  EXPECT_EQ(EvaluationInterval(api::SloWindow::k30d), seconds{15});
  EXPECT_EQ(ReactionFacts{}.HoldFor(), minutes{15});
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
