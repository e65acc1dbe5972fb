#pragma once
// The status of one policy over all its targets, and the events that a change of it means. Pure.
#include <string>
#include <vector>

#include "controllers/agent_policy/decide.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/event_reasons.h"

namespace reliability::controllers::agent_policy {

// One target of the policy.
struct TargetState {
  api::TargetRef target;
  bool exists = false;
  Plan plan;                  // of the workload; plan.policy may be another one
  bool written = false;       // plan.json is in the ConfigMap
  std::string write_error;    // why it could not be written
  bool pods_overdue = false;  // a pod has not taken up its configuration for a minute
};

struct PolicyEvent {
  api::EventReason reason;  // "PolicyAccepted"
  bool warning = false;
  std::string action;
  std::string note;  // with numbers and the next step
  api::TargetRef target;
};

struct StatusUpdate {
  api::AgentReliabilityPolicyStatus status;
  bool changed = false;  // against policy.status
  std::vector<PolicyEvent> events;
};

[[nodiscard]] StatusUpdate BuildStatus(const api::AgentReliabilityPolicy& policy,
                                       const std::vector<TargetState>& targets, SystemTime now);

}  // namespace reliability::controllers::agent_policy
