#pragma once
// What an LLMFallbackChain comes to for the sidecars of one policy. Pure.
#include <optional>
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/sidecar_config/chain.h"

namespace reliability::controllers::agent_policy {

// A tier that sidecars do not call, whatever happens.
struct SkippedTier {
  std::string tier;
  std::string why;  // with the next step
  friend bool operator==(const SkippedTier&, const SkippedTier&) = default;
};

// Those of the chain itself: an origin of its own without a key (data-plane ruling 50).
[[nodiscard]] std::vector<SkippedTier> SkippedTiers(const api::LlmFallbackChain& chain);
// Those, and tiers whose provider is no LLM upstream of this policy. In the order of the tiers.
[[nodiscard]] std::vector<SkippedTier> SkippedTiers(const api::LlmFallbackChain& chain,
                                                    const api::AgentReliabilityPolicy& policy);
// "tier a: why; tier b: why"
[[nodiscard]] std::string Describe(const std::vector<SkippedTier>& skipped);

// "fallbackChain" of policy.json, without the tiers that have no place to go; nullopt if none is
// left. Times are clipped to the turn.
[[nodiscard]] std::optional<sidecar_config::FallbackChain> RenderChain(
    const api::LlmFallbackChain& chain, const api::AgentReliabilityPolicy& policy);

// What a pod must have mounted for a tier (as in api::Pod::mounted).
[[nodiscard]] std::vector<std::string> MountsOf(const api::ChainTier& tier);
[[nodiscard]] bool HasMounts(const api::ChainTier& tier, const std::vector<std::string>& mounted);

// Why the tiers' time-outs do not fit into the policy's turn, with the worked sum; empty if they
// do. The turn bounds them, so this is no error: the last tiers get less time.
[[nodiscard]] std::string WhyTooLong(const api::LlmFallbackChain& chain,
                                     const api::AgentReliabilityPolicy& policy);

}  // namespace reliability::controllers::agent_policy
