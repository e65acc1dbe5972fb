#pragma once
// Facts about one SLO, as plain values, for tests of pure decisions.
#include <memory>
#include <string>
#include <utility>

#include "controllers/agent_slo/decide.h"

namespace reliability::controllers::agent_slo {

inline constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

// refunds-completed: 95 % of the tasks of Deployment/refunds-agent over 30 days.
inline api::AgentSlo RefundsSlo() {
  api::AgentSlo slo;
  slo.metadata.name = "refunds-completed";
  slo.metadata.namespace_ = "support";
  slo.metadata.uid = "slo-uid";
  slo.metadata.generation = 3;
  slo.spec.target_ref = {"apps", "Deployment", "refunds-agent"};
  slo.spec.objective = api::Ratio::FromMillionths(950'000);
  slo.spec.error_budget_policy_ref = api::NameRef{"careful"};
  return slo;
}

// tell: at most 25 % left -> Notify; stop: nothing left and PageFast for 1 m -> Pause.
inline api::ErrorBudgetPolicy CarefulPolicy() {
  api::ErrorBudgetPolicy policy;
  policy.metadata.name = "careful";
  policy.metadata.namespace_ = "support";
  api::BudgetRule tell;
  tell.name = "tell";
  tell.when.budget_at_most = api::Ratio::FromMillionths(250'000);
  api::BudgetRule stop;
  stop.name = "stop";
  stop.when.budget_at_most = api::Ratio{};
  stop.when.tier = api::Tier::kPageFast;
  stop.when.held_for = std::chrono::minutes{1};
  stop.action.type = api::ActionType::kPause;
  policy.spec.rules = {tell, stop};
  return policy;
}

class Facts {
 public:
  Facts() {
    in_.now = kNow;
    in_.slo = std::make_shared<api::AgentSlo>(RefundsSlo());
    in_.target_exists = true;
    in_.policy = PolicyFacts{"refunds", true};
    in_.reaction = {"careful", std::make_shared<api::ErrorBudgetPolicy>(CarefulPolicy())};
    in_.pods.total = in_.pods.injected = in_.pods.ready = in_.pods.covered = 3;
    in_.operator_namespace = "agent-reliability-system";
    got_.at = kNow;
    SetBudget(0, 0);
    for (const policy::BurnTier& tier : policy::BurnTiers(policy::SloWindow::k30d)) {
      policy::TierReading reading;
      reading.tier = tier;
      reading.threshold = policy::ThresholdOf(tier, 0.05);
      got_.tiers.push_back(reading);
    }
    got_.evidence.levels = policy::LevelsFor(policy::Confidence::kStandard, 100);
    in_.assessment = &got_;
  }
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;

  Input& in() { return in_; }
  policy::SloAssessment& got() { return got_; }
  policy::TierReading& tier(std::size_t index) { return got_.tiers[index]; }

  void SetSlo(const api::AgentSlo& slo) { in_.slo = std::make_shared<api::AgentSlo>(slo); }
  void SetBudget(std::uint64_t events, std::uint64_t bad) {
    got_.budget = policy::ErrorBudget(policy::Objective::FromPpm(950'000), {events, bad});
    got_.evaluable = got_.budget.evaluable();
    policy::BudgetBand band;
    got_.budget_state = band.Update(got_.budget, kNow, Milliseconds{0});
    got_.burn_state = events == 0 ? policy::BurnState::kIdle : policy::BurnState::kNormal;
    got_.total = {events, bad};
  }
  // A tier (0 = PageFast) fires with these counts in its windows.
  void Fire(std::size_t index, policy::EventCounts long_counts, policy::EventCounts short_counts) {
    policy::TierReading& reading = got_.tiers[index];
    reading.long_counts = long_counts;
    reading.short_counts = short_counts;
    reading.burn_rate = policy::BurnRate(policy::Objective::FromPpm(950'000), reading.long_counts);
    reading.firing = policy::Firing::kAct;
    got_.firing_alert = got_.firing_act = reading.tier.tier;
    got_.burn_rate = reading.burn_rate;
    got_.evidence.level = policy::EvidenceLevel::kAct;
    got_.burn_state = policy::IsPage(reading.tier.tier) ? policy::BurnState::kCritical
                                                        : policy::BurnState::kElevated;
  }
  void Calm(policy::BurnState state = policy::BurnState::kNormal) {
    for (policy::TierReading& reading : got_.tiers) {
      reading.firing = policy::Firing::kNo;
    }
    got_.firing_alert.reset();
    got_.firing_act.reset();
    got_.drift = false;
    got_.evidence.level = policy::EvidenceLevel::kNone;
    got_.burn_state = state;
  }
  // Decides, and makes the outcome the stored status.
  Decision Step(Milliseconds later = Milliseconds{15'000}) {
    in_.now += later;
    Decision decision = Decide(in_);
    in_.previous = decision.status;
    return decision;
  }

 private:
  Input in_;
  policy::SloAssessment got_;
};

inline std::string ReasonOf(const api::AgentSloStatus& status, std::string_view type) {
  const api::Condition* condition = api::FindCondition(status.conditions, type);
  return condition == nullptr ? "absent"
                              : std::string(ToString(condition->status)) + " " + condition->reason;
}

inline std::string MessageOf(const api::AgentSloStatus& status, std::string_view type) {
  const api::Condition* condition = api::FindCondition(status.conditions, type);
  return condition == nullptr ? "absent" : condition->message;
}

}  // namespace reliability::controllers::agent_slo
