#include "controllers/agent_policy/status.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_policy/resolved_refs.h"
#include "libs/api/encode.h"
#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::controllers::agent_policy {
namespace {

using api::Condition;
using api::ConditionStatus;

constexpr std::size_t kHashShown = 12;

std::string Of(std::size_t part, std::size_t all) {
  return std::to_string(part) + " of " + std::to_string(all);
}

Condition Accepted(const api::AgentReliabilityPolicy& policy, const TargetState& state) {
  const std::string target = ToString(state.target);
  const PolicyPtr& in_charge = state.plan.policy;
  if (!state.exists) {
    return {"Accepted", ConditionStatus::kFalse, "TargetNotFound",
            target + " does not exist; it is programmed as soon as it appears"};
  }
  if (in_charge != nullptr && in_charge->metadata.name != policy.metadata.name) {
    return {"Accepted", ConditionStatus::kFalse, "Conflicted",
            "policy " + in_charge->metadata.name + " is older and in charge of " + target +
                ". Next: remove the target from one of the two policies"};
  }
  if (!state.plan.invalid.empty()) {
    return {"Accepted", ConditionStatus::kFalse, "Invalid", state.plan.invalid};
  }
  return {"Accepted", ConditionStatus::kTrue, "Accepted", "in charge of " + target};
}

Condition Programmed(const Condition& accepted, const TargetState& state) {
  if (accepted.status != ConditionStatus::kTrue) {
    const bool overridden = accepted.reason == "Conflicted";
    return {"Programmed", ConditionStatus::kFalse, overridden ? "Overridden" : accepted.reason,
            accepted.message};
  }
  if (!state.write_error.empty()) {
    return {"Programmed", ConditionStatus::kFalse, "Reconciling",
            "the configuration could not be written and is tried again: " + state.write_error};
  }
  if (!state.written) {
    return {"Programmed", ConditionStatus::kUnknown, "Reconciling",
            "the configuration is being written"};
  }
  return {"Programmed", ConditionStatus::kTrue, "Programmed",
          "configuration " + state.plan.hash.substr(0, kHashShown) + " is in ConfigMap " +
              api::ConfigMapName(state.target)};
}

Condition SidecarsCovered(const std::string& ns, const Condition& accepted,
                          const TargetState& state) {
  const Coverage& coverage = state.plan.coverage;
  const std::size_t total = coverage.total();
  const std::string outdated = Describe(state.plan.skew, ns, state.target);
  const std::string more =
      (coverage.first_error.empty() ? std::string() : "; " + coverage.first_error) +
      (outdated.empty() ? std::string() : "; " + outdated);
  if (accepted.status != ConditionStatus::kTrue) {
    return {"SidecarsCovered", ConditionStatus::kUnknown, "NotInCharge",
            "this policy does not program " + ToString(state.target)};
  }
  if (total == 0) {
    return {"SidecarsCovered", ConditionStatus::kUnknown, "NoPods",
            ToString(state.target) + " has no pods"};
  }
  if (!coverage.missing.empty()) {
    return {"SidecarsCovered", ConditionStatus::kFalse, "SidecarsMissing",
            Of(coverage.missing.size(), total) +
                (coverage.missing_is_new
                     ? " pods have no sidecar; events SidecarNotInjected say why. Next: "
                     : " pods were created before the policy and have no sidecar. Next: ") +
                RestartCommand(ns, state.target) + " (the namespace or the pods need the label " +
                std::string(api::kInjectLabel) + "=enabled)" + more};
  }
  if (!coverage.stale.empty()) {
    const std::string counts =
        Of(coverage.stale.size(), total) + " sidecars do not run the newest configuration";
    if (!state.pods_overdue) {
      return {"SidecarsCovered", ConditionStatus::kFalse, "Reconciling", counts + " yet" + more};
    }
    return {"SidecarsCovered", ConditionStatus::kFalse, "SidecarsStale",
            counts + " after 60s. Next: " + RestartCommand(ns, state.target) + more};
  }
  if (!outdated.empty()) {
    return {"SidecarsCovered", ConditionStatus::kFalse, "SidecarsOutdated", outdated};
  }
  return {"SidecarsCovered", ConditionStatus::kTrue, "SidecarsCovered",
          Of(coverage.covered.size(), total) + " pods run this policy"};
}

const api::PolicyAncestor* Find(const std::vector<api::PolicyAncestor>& ancestors,
                                const api::TargetRef& target) {
  const auto it = std::find_if(ancestors.begin(), ancestors.end(),
                               [&](const auto& one) { return one.ancestor_ref == target; });
  return it == ancestors.end() ? nullptr : &*it;
}

// True if the condition of `type` has just come to this status and reason.
bool Entered(const api::PolicyAncestor* before, const api::PolicyAncestor& after,
             std::string_view type, std::string_view reason) {
  const Condition* now = api::FindCondition(after.conditions, type);
  if (now == nullptr || now->reason != reason) {
    return false;
  }
  const Condition* then =
      before == nullptr ? nullptr : api::FindCondition(before->conditions, type);
  return then == nullptr || then->reason != reason;
}

void AddEvents(const api::AgentReliabilityPolicy& policy, const api::PolicyAncestor* before,
               const api::PolicyAncestor& after, std::vector<PolicyEvent>& events) {
  const auto message = [&after](std::string_view type) {
    return api::FindCondition(after.conditions, type)->message;
  };
  if (Entered(before, after, "Accepted", "Accepted")) {
    const auto& upstreams = policy.spec.upstreams;
    const std::size_t count =
        upstreams.llms.size() + upstreams.mcp_servers.size() + upstreams.tools.size();
    const bool enforce = policy.spec.enforcement == api::Enforcement::kEnforce;
    events.push_back({api::reasons::kPolicyAccepted, false, "Accept",
                      "policy " + policy.metadata.name + " is in charge of " +
                          ToString(after.ancestor_ref) + ": " + (enforce ? "Enforce" : "Observe") +
                          ", " + std::to_string(count) + " upstreams, turns of " +
                          FormatDuration(policy.spec.turn.timeout),
                      after.ancestor_ref});
  }
  if (Entered(before, after, "Accepted", "Conflicted")) {
    events.push_back(
        {api::reasons::kPolicyConflicted, true, "Accept", message("Accepted"), after.ancestor_ref});
  }
  if (Entered(before, after, "SidecarsCovered", "SidecarsMissing")) {
    events.push_back({api::reasons::kSidecarMissing, false, "Cover", message("SidecarsCovered"),
                      after.ancestor_ref});
  }
  if (Entered(before, after, "ResolvedRefs", "ChainNotFound")) {
    events.push_back({api::reasons::kFallbackChainMissing, true, "Resolve", message("ResolvedRefs"),
                      after.ancestor_ref});
  }
  if (Entered(before, after, "ResolvedRefs", "RestartRequired")) {
    events.push_back({api::reasons::kRestartRequired, false, "Resolve", message("ResolvedRefs"),
                      after.ancestor_ref});
  }
  if (Entered(before, after, "SidecarsCovered", "SidecarsOutdated")) {
    events.push_back({api::reasons::kSidecarOutdated, true, "Cover", message("SidecarsCovered"),
                      after.ancestor_ref});
  }
  if (Entered(before, after, "SidecarsCovered", "SidecarsStale")) {
    events.push_back({api::reasons::kSidecarStale, true, "Cover", message("SidecarsCovered"),
                      after.ancestor_ref});
  }
}

// The condition of the whole policy: True if it is for all targets, else that of the first target
// for which it is not.
Condition Summarize(const std::vector<api::PolicyAncestor>& ancestors, std::string_view type) {
  std::size_t good = 0;
  const Condition* first = nullptr;
  const Condition* first_other = nullptr;
  for (const api::PolicyAncestor& ancestor : ancestors) {
    const Condition* one = api::FindCondition(ancestor.conditions, type);
    first = first == nullptr ? one : first;
    if (one->status == ConditionStatus::kTrue) {
      ++good;
    } else if (first_other == nullptr || (first_other->status == ConditionStatus::kUnknown &&
                                          one->status == ConditionStatus::kFalse)) {
      first_other = one;
    }
  }
  if (first_other == nullptr) {
    Condition all = *first;
    if (ancestors.size() > 1) {
      all.message = "all " + std::to_string(ancestors.size()) + " targets";
    }
    return all;
  }
  Condition out = *first_other;
  if (type == "Programmed" && good > 0) {
    out.reason = "PartiallyProgrammed";
  }
  if (ancestors.size() > 1) {
    out.message = Of(good, ancestors.size()) + " targets are; " + out.message;
  }
  return out;
}

std::string TargetColumn(const std::vector<TargetState>& targets) {
  std::string out = targets.empty() ? std::string() : ToString(targets.front().target);
  if (targets.size() > 1) {
    out += " +" + std::to_string(targets.size() - 1);
  }
  return out;
}

}  // namespace

StatusUpdate BuildStatus(const api::AgentReliabilityPolicy& policy,
                         const std::vector<TargetState>& targets, SystemTime now) {
  StatusUpdate out;
  api::AgentReliabilityPolicyStatus& status = out.status;
  status.observed_generation = policy.metadata.generation;
  status.target = TargetColumn(targets);
  status.conditions = policy.status.conditions;
  const bool has_refs = policy.spec.fallback_chain_ref.has_value();
  std::vector<const char*> types{"Accepted", "Programmed", "SidecarsCovered"};
  if (has_refs) {
    types.push_back("ResolvedRefs");
  } else {
    api::RemoveCondition(status.conditions, "ResolvedRefs");
  }
  for (const TargetState& state : targets) {
    const api::PolicyAncestor* before = Find(policy.status.ancestors, state.target);
    api::PolicyAncestor ancestor;
    ancestor.ancestor_ref = state.target;
    ancestor.controller_name = api::kControllerName;
    if (before != nullptr) {
      ancestor.conditions = before->conditions;
    }
    const Condition accepted = Accepted(policy, state);
    const bool in_charge = accepted.status == ConditionStatus::kTrue;
    if (in_charge) {
      ancestor.config_hash = state.plan.hash;
      ancestor.pods_covered = static_cast<std::int32_t>(state.plan.coverage.covered.size());
      ancestor.pods_stale = static_cast<std::int32_t>(state.plan.coverage.stale.size());
      ancestor.pods_missing = static_cast<std::int32_t>(state.plan.coverage.missing.size());
    }
    std::vector<Condition> conditions{accepted, Programmed(accepted, state),
                                      SidecarsCovered(policy.metadata.namespace_, accepted, state)};
    if (has_refs) {
      conditions.push_back(ResolvedRefs(policy.metadata.namespace_, accepted, state));
    } else {
      api::RemoveCondition(ancestor.conditions, "ResolvedRefs");
    }
    for (Condition& condition : conditions) {
      condition.observed_generation = policy.metadata.generation;
      api::SetCondition(ancestor.conditions, condition, now);
    }
    status.pods_covered += ancestor.pods_covered;
    status.pods_stale += ancestor.pods_stale;
    status.pods_missing += ancestor.pods_missing;
    AddEvents(policy, before, ancestor, out.events);
    status.ancestors.push_back(std::move(ancestor));
  }
  if (status.ancestors.size() == 1) {
    status.config_hash = status.ancestors.front().config_hash;
  }
  status.covered = std::to_string(status.pods_covered) + "/" +
                   std::to_string(status.pods_covered + status.pods_stale + status.pods_missing);
  if (!status.ancestors.empty()) {
    for (const char* type : types) {
      Condition condition = Summarize(status.ancestors, type);
      condition.observed_generation = policy.metadata.generation;
      api::SetCondition(status.conditions, condition, now);
    }
  }
  out.changed = api::ToJson(status) != api::ToJson(policy.status);
  return out;
}

}  // namespace reliability::controllers::agent_policy
