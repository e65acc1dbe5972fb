#pragma once
// Warnings about fallback chains: what can be said only with chain and policies together, from what
// the caches know. Nothing is ever refused here.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/llm_fallback_chain.h"
#include "operator/webhook/owner.h"

namespace reliability::webhook {

// `chain`: the one that the policy names, null if it is not known.
[[nodiscard]] std::vector<std::string> ChainWarnings(const api::AgentReliabilityPolicy& policy,
                                                     const api::LlmFallbackChain* chain);
// `policies`: those that name the chain.
[[nodiscard]] std::vector<std::string> ChainWarnings(
    const api::LlmFallbackChain& chain,
    const std::vector<std::shared_ptr<const api::AgentReliabilityPolicy>>& policies);

// By plural name, for both kinds; empty for other kinds and for text that is not such an object.
[[nodiscard]] std::vector<std::string> ChainWarningsFor(std::string_view plural,
                                                        std::string_view json,
                                                        const std::string& ns,
                                                        const OwnerLookup& known);

}  // namespace reliability::webhook
