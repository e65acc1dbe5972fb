#pragma once
// AgentReliabilityPolicy + AgentSLOs -> policy.json of one workload, with every default resolved
// (operator rulings 1 and 13). Pure.
#include <string>
#include <vector>

#include "controllers/agent_policy/input.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::agent_policy {

// Precondition: the API server admitted the policy. The SLOs come out sorted by name. `chain`: the
// one that the policy names, null if there is none.
[[nodiscard]] sidecar_config::PolicyDocument Render(const api::AgentReliabilityPolicy& policy,
                                                    const std::vector<SloPtr>& slos,
                                                    const api::LlmFallbackChain* chain = nullptr);

// What a workload's pods get when no policy targets it any more: the routes, nothing else. The
// sidecars observe and count for nobody until the pods are replaced.
[[nodiscard]] sidecar_config::PolicyDocument PassThrough(
    const sidecar_config::PolicyDocument& last);

// Where a pod finds the CA certificates of an upstream or a tier.
[[nodiscard]] std::string CaFile(const api::CaConfigMapRef& ref);

}  // namespace reliability::controllers::agent_policy
