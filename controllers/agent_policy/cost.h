#pragma once
// Budgets and prices of a policy as the sidecars read them. Pure.
#include "libs/api/agent_reliability_policy.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::agent_policy {

// Fills cost and prices of `out`, whose fallback chain is set already: while there is none, a call
// that does not fit can only be rejected.
void RenderCost(const api::AgentReliabilityPolicySpec& spec, sidecar_config::PolicyDocument& out);

}  // namespace reliability::controllers::agent_policy
