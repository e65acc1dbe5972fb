#include "operator/webhook/validate_chain.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_policy/chain.h"
#include "libs/api/decode.h"

namespace reliability::webhook {
namespace {

namespace agent_policy = controllers::agent_policy;

void AddPair(const api::LlmFallbackChain& chain, const api::AgentReliabilityPolicy& policy,
             const std::vector<agent_policy::SkippedTier>& skipped, std::vector<std::string>& out) {
  if (!skipped.empty()) {
    out.push_back("chain " + chain.metadata.name +
                  " skips tiers: " + agent_policy::Describe(skipped));
  }
  if (std::string too_long = agent_policy::WhyTooLong(chain, policy); !too_long.empty()) {
    out.push_back("chain " + chain.metadata.name + ": " + std::move(too_long));
  }
}

}  // namespace

std::vector<std::string> ChainWarnings(const api::AgentReliabilityPolicy& policy,
                                       const api::LlmFallbackChain* chain) {
  std::vector<std::string> out;
  if (chain != nullptr) {
    AddPair(*chain, policy, agent_policy::SkippedTiers(*chain, policy), out);
  }
  return out;
}

std::vector<std::string> ChainWarnings(
    const api::LlmFallbackChain& chain,
    const std::vector<std::shared_ptr<const api::AgentReliabilityPolicy>>& policies) {
  std::vector<std::string> out;
  const std::vector<agent_policy::SkippedTier> own = agent_policy::SkippedTiers(chain);
  if (!own.empty()) {
    out.push_back("sidecars skip tiers: " + agent_policy::Describe(own));
  }
  const std::vector<api::ChainTier>& tiers = chain.spec.tiers;
  for (const api::ChainTier& tier : tiers) {
    if (tier.endpoint.empty() && !tier.secret_ref.has_value() &&
        tier.provider != tiers.front().provider) {
      out.push_back("tier " + tier.name +
                    " has no secretRef: it is used only for calls that the agent addresses to " +
                    tier.provider + " itself, since its credentials go to no other provider");
    }
  }
  for (const auto& policy : policies) {
    std::vector<agent_policy::SkippedTier> skipped = agent_policy::SkippedTiers(chain, *policy);
    std::erase_if(skipped, [&](const agent_policy::SkippedTier& one) {
      return std::find(own.begin(), own.end(), one) != own.end();
    });
    AddPair(chain, *policy, skipped, out);
  }
  return out;
}

std::vector<std::string> ChainWarningsFor(std::string_view plural, std::string_view json,
                                          const std::string& ns, const OwnerLookup& known) {
  if (plural == api::Traits<api::LlmFallbackChain>::kPlural) {
    const auto chain = api::Decode<api::LlmFallbackChain>(json);
    return chain.has_value()
               ? ChainWarnings(*chain, known.KnownPoliciesWith(ns, chain->metadata.name))
               : std::vector<std::string>();
  }
  if (plural == api::Traits<api::AgentReliabilityPolicy>::kPlural) {
    const auto policy = api::Decode<api::AgentReliabilityPolicy>(json);
    if (!policy.has_value() || !policy->spec.fallback_chain_ref.has_value()) {
      return {};
    }
    return ChainWarnings(*policy,
                         known.KnownChain(ns, policy->spec.fallback_chain_ref->name).get());
  }
  return {};
}

}  // namespace reliability::webhook
