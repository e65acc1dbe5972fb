// The six conditions of an AgentSLO.
#include "controllers/agent_slo/decide.h"
#include "controllers/agent_slo/texts.h"
#include "libs/api/names.h"

namespace reliability::controllers::agent_slo {
namespace {

using api::Condition;
using Status = api::ConditionStatus;

std::string PodsText(const PodFacts& pods) {
  return std::to_string(pods.covered) + " of " + std::to_string(pods.total) + " pods";
}

// One line that can be pasted: the pods' network policies may keep the operator out.
std::string NetworkPolicyHint(const Input& in) {
  return "If a NetworkPolicy isolates these pods, apply one more in " +
         in.slo->metadata.namespace_ +
         ": {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
         "{kubernetes.io/metadata.name: " +
         in.operator_namespace + "}}}], ports: [{port: " + std::to_string(api::kAdminPort) +
         "}]}]}";
}

Condition Evaluable(const Input& in, std::string_view noun) {
  const policy::SloAssessment& got = *in.assessment;
  const policy::ErrorBudget& budget = got.budget;
  const std::string window(ToString(in.slo->spec.window));
  const std::string counted =
      std::to_string(budget.counts().events) + " " + std::string(noun) + " in " + window;
  if (got.warming_up) {
    return {"Evaluable", Status::kFalse, "WarmingUp",
            counted + ": measuring has just begun, only an outage is acted on"};
  }
  if (!budget.known()) {
    return {"Evaluable", Status::kFalse, "NoTraffic", "no " + std::string(noun) + " in " + window};
  }
  if (!got.evaluable) {
    // As many as make one failure the whole budget: 1 / b, rounded up.
    const std::int64_t million = policy::Objective::kMillion;
    const std::int64_t b = million - in.slo->spec.objective.millionths();
    const std::int64_t needed = (million + b - 1) / b;
    return {"Evaluable", Status::kFalse, "InsufficientTraffic",
            counted + ", " + std::to_string(needed) +
                " are needed: with fewer, one failure would spend the whole budget"};
  }
  return {"Evaluable", Status::kTrue, "EnoughTraffic", counted};
}

Condition SloMet(const Input& in, const Condition& evaluable, std::string_view noun) {
  if (evaluable.status != Status::kTrue) {
    return {"SLOMet", Status::kUnknown, evaluable.reason, evaluable.message};
  }
  const policy::ErrorBudget& budget = in.assessment->budget;
  const std::string text = ThresholdText(1 - budget.counts().BadRatio()) + " of " +
                           std::to_string(budget.counts().events) + " " + std::string(noun) +
                           " good, objective " + api::FormatPercent(in.slo->spec.objective) +
                           "% over " + std::string(ToString(in.slo->spec.window));
  return budget.RemainingBelow(0) ? Condition{"SLOMet", Status::kFalse, "ObjectiveMissed", text}
                                  : Condition{"SLOMet", Status::kTrue, "ObjectiveMet", text};
}

Condition BudgetExhausted(const Input& in, const Condition& evaluable, std::string_view noun) {
  if (evaluable.status != Status::kTrue) {
    return {"BudgetExhausted", Status::kUnknown, evaluable.reason, evaluable.message};
  }
  const policy::SloAssessment& got = *in.assessment;
  const bool exhausted = got.budget_state == policy::BudgetState::kExhausted;
  std::string text = BudgetText(got.budget, noun);
  if (exhausted) {
    text += ". " + NextStepText(in);
  }
  return {"BudgetExhausted", exhausted ? Status::kTrue : Status::kFalse,
          std::string(Name(got.budget_state)), text};
}

// True for what users feel now: an outage or a page tier. Ticket tiers and drift are slow burns.
Condition FastBurn(const Input& in, std::string_view noun) {
  const policy::SloAssessment& got = *in.assessment;
  if (got.firing_alert) {
    const bool page = policy::IsPage(*got.firing_alert);
    return {"FastBurn", page ? Status::kTrue : Status::kFalse, std::string(Name(*got.firing_alert)),
            FiringText(got, noun)};
  }
  if (got.drift) {
    return {"FastBurn", Status::kFalse, "Drift", FiringText(got, noun)};
  }
  const policy::TierReading& fastest = got.tiers.front();
  switch (got.burn_state) {
    case policy::BurnState::kCritical:
    case policy::BurnState::kElevated: {
      // No traffic since: no evidence that it is over.
      const Condition* before = api::FindCondition(in.previous.conditions, "FastBurn");
      const bool critical = got.burn_state == policy::BurnState::kCritical;
      Condition held{"FastBurn", critical ? Status::kTrue : Status::kFalse, "Held",
                     "no " + std::string(noun) + " since it last burned: the state is held"};
      if (before != nullptr && before->status == held.status) {
        held.reason = before->reason;
      }
      return held;
    }
    case policy::BurnState::kRecovering:
      return {"FastBurn", Status::kFalse, "Recovering",
              "no tier fires; " + TierText(fastest, noun)};
    case policy::BurnState::kNormal:
      return {"FastBurn", Status::kFalse, "NoTierFires", TierText(fastest, noun)};
    case policy::BurnState::kIdle:
      return {"FastBurn", Status::kUnknown, "NoTraffic",
              "no " + std::string(noun) + " in " + std::string(ToString(in.slo->spec.window))};
    case policy::BurnState::kUnknown:
      break;
  }
  return {"FastBurn", Status::kUnknown, "InsufficientTraffic",
          "no burn window has " + std::to_string(in.slo->spec.low_traffic.min_events) + " " +
              std::string(noun)};
}

}  // namespace

Condition JudgeAccepted(const Input& in) {
  const std::string target = ToString(in.slo->spec.target_ref);
  if (!in.target_exists) {
    return {"Accepted", Status::kFalse, "TargetNotFound",
            target + " does not exist; it is measured as soon as it appears"};
  }
  if (const auto settings = SettingsOf(in.slo->spec, in.reaction.HoldFor());
      !settings.has_value()) {
    return {"Accepted", Status::kFalse, "Invalid", settings.error().message};
  }
  if (!in.policy) {
    return {"Accepted", Status::kFalse, "NoPolicy",
            "no accepted AgentReliabilityPolicy targets " + target +
                ", so nobody counts. Next: apply one"};
  }
  if (!in.reaction.name.empty() && in.reaction.policy == nullptr) {
    return {"Accepted", Status::kFalse, "ErrorBudgetPolicyNotFound",
            "measured on " + target + ", but ErrorBudgetPolicy " + in.reaction.name +
                " does not exist: nothing reacts. Next: apply it"};
  }
  return {"Accepted", Status::kTrue, "Accepted",
          "measured on " + target + "; " +
              (in.reaction.name.empty()
                   ? "no ErrorBudgetPolicy reacts, the budget is only shown"
                   : "ErrorBudgetPolicy " + in.reaction.name +
                         (in.policy->enforce ? " reacts" : " is evaluated only (Observe)"))};
}

Telemetry JudgeTelemetry(const Input& in) {
  const auto no = [](Status status, std::string reason, std::string message) {
    return Telemetry{false, {"TelemetryHealthy", status, std::move(reason), std::move(message)}};
  };
  const PodFacts& pods = in.pods;
  if (!in.policy) {
    return no(Status::kFalse, "NoPolicy",
              "no accepted AgentReliabilityPolicy targets " + ToString(in.slo->spec.target_ref));
  }
  if (pods.total == 0) {
    return {true, {"TelemetryHealthy", Status::kTrue, "NoTraffic", "there are no pods"}};
  }
  if (pods.covered > 0) {
    std::string message = "ledgers of " + PodsText(pods) + " are read";
    if (pods.covered * 2 < pods.total) {
      message += ": what the others do is not measured, and they are the majority";
      message += pods.first_error.empty() ? "" : " (" + pods.first_error + ")";
    }
    return {true, {"TelemetryHealthy", Status::kTrue, "LedgersRead", message}};
  }
  if (pods.injected == 0) {
    return no(Status::kFalse, "SidecarsMissing",
              PodsText(pods) + " have a sidecar. Next: label the namespace " +
                  std::string(api::kInjectLabel) + "=enabled and restart the workload");
  }
  if (pods.ready == 0) {
    return no(Status::kUnknown, "PodsNotReady",
              std::to_string(pods.injected) + " pods with a sidecar, none is ready yet");
  }
  if (in.silent_for < in.interval * 2) {
    // One missed read is no loss.
    const Condition* before = api::FindCondition(in.previous.conditions, "TelemetryHealthy");
    if (before != nullptr && before->status == Status::kTrue && in.assessment != nullptr) {
      return {true, *before};
    }
    return no(Status::kUnknown, "NotReadYet", "no ledger was read yet");
  }
  return no(Status::kFalse, "Unreachable",
            "no sidecar of " + std::to_string(pods.ready) + " ready pods answered for " +
                RoughDuration(in.silent_for) +
                (pods.first_error.empty() ? "" : " (" + pods.first_error + ")") + ". " +
                NetworkPolicyHint(in));
}

std::vector<Condition> JudgeMeasured(const Input& in) {
  const std::string_view noun = Noun(in.slo->spec.sli.type);
  std::vector<Condition> out;
  out.push_back(Evaluable(in, noun));
  out.push_back(SloMet(in, out.front(), noun));
  out.push_back(BudgetExhausted(in, out.front(), noun));
  out.push_back(FastBurn(in, noun));
  return out;
}

}  // namespace reliability::controllers::agent_slo
