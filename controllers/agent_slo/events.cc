// Which events a change of status means: each once, with numbers and the next step.
#include <algorithm>

#include "controllers/agent_slo/decide.h"
#include "controllers/agent_slo/texts.h"

namespace reliability::controllers::agent_slo {
namespace {

using Status = api::ConditionStatus;

// Severity of the FastBurn condition: 0 calm or unknown, else 1 + tier (Drift: 1).
int Burning(const api::Condition* condition) {
  if (condition == nullptr) {
    return 0;
  }
  if (condition->reason == "Drift") {
    return 1;
  }
  const auto& names = api::EnumNames<api::Tier>::kNames;
  const auto it = std::find(names.begin(), names.end(), condition->reason);
  return it == names.end() ? 0 : 2 + static_cast<int>(it - names.begin());
}

int Badness(std::optional<api::BudgetState> state) {
  switch (state.value_or(api::BudgetState::kUnknown)) {
    case api::BudgetState::kAtRisk:
      return 1;
    case api::BudgetState::kCritical:
      return 2;
    case api::BudgetState::kExhausted:
      return 3;
    default:
      return 0;
  }
}

void BurnEvents(const Input& in, const api::AgentSloStatus& after, std::vector<EventDraft>& out) {
  const std::string_view noun = Noun(in.slo->spec.sli.type);
  const api::Condition* then = api::FindCondition(in.previous.conditions, "FastBurn");
  const api::Condition* now = api::FindCondition(after.conditions, "FastBurn");
  const bool fires = in.assessment->firing_alert || in.assessment->drift;
  if (fires && Burning(now) > Burning(then)) {
    const bool fast = now->status == Status::kTrue;
    out.push_back(
        {fast, fast ? api::reasons::kFastBurnDetected : api::reasons::kSlowBurnDetected, "Evaluate",
         now->reason + ": " + FiringText(*in.assessment, noun) + ". " + NextStepText(in)});
  }
  const auto burned = [](std::optional<api::BurnState> state) {
    return state == api::BurnState::kElevated || state == api::BurnState::kCritical ||
           state == api::BurnState::kRecovering;
  };
  if (burned(in.previous.burn_state) && after.burn_state == api::BurnState::kNormal) {
    out.push_back({false, api::reasons::kBurnRecovered, "Evaluate",
                   "no tier fires: " + TierText(in.assessment->tiers.front(), noun)});
  }
}

void BudgetEvents(const Input& in, const api::AgentSloStatus& after, std::vector<EventDraft>& out) {
  const int then = Badness(in.previous.budget_state);
  const int now = Badness(after.budget_state);
  const std::string text = BudgetText(in.assessment->budget, Noun(in.slo->spec.sli.type)) + ". ";
  if (now == 3 && then < 3) {
    out.push_back({true, api::reasons::kBudgetExhausted, "Evaluate", text + NextStepText(in)});
  } else if (now > then) {
    out.push_back({true, api::reasons::kBudgetAtRisk, "Evaluate",
                   (now == 2 ? "less than 10% is left: " : "less than 25% is left: ") + text +
                       NextStepText(in)});
  } else if (now < then && after.budget_state != api::BudgetState::kUnknown) {
    out.push_back(
        {false, api::reasons::kBudgetRecovered, "Evaluate",
         text + "The budget is " + std::string(ToString(*after.budget_state)) + " again"});
  }
}

void TelemetryEvents(const Input& in, const api::AgentSloStatus& after,
                     std::vector<EventDraft>& out) {
  const api::Condition* then = api::FindCondition(in.previous.conditions, "TelemetryHealthy");
  const api::Condition* now = api::FindCondition(after.conditions, "TelemetryHealthy");
  const bool lost = now->reason == "Unreachable";
  const bool was_lost = then != nullptr && then->reason == "Unreachable";
  if (lost && !was_lost) {
    out.push_back({true, api::reasons::kTelemetryLost, "Scrape",
                   now->message + ". Until then the state is held: nothing escalates or is "
                                  "released"});
  } else if (was_lost && now->status == Status::kTrue) {
    out.push_back({false, api::reasons::kTelemetryRestored, "Scrape", now->message});
  }
}

}  // namespace

std::vector<EventDraft> EventsOf(const Input& in, const api::AgentSloStatus& after) {
  std::vector<EventDraft> out;
  TelemetryEvents(in, after, out);
  if (in.assessment != nullptr) {
    BurnEvents(in, after, out);
    BudgetEvents(in, after, out);
  }
  return out;
}

}  // namespace reliability::controllers::agent_slo
