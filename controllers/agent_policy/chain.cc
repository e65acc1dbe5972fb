#include "controllers/agent_policy/chain.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_policy/render.h"
#include "libs/api/names.h"
#include "libs/base/duration.h"
#include "libs/sidecar_config/to_policy.h"

namespace reliability::controllers::agent_policy {
namespace {

namespace config = sidecar_config;

bool IsLlmUpstream(const api::AgentReliabilityPolicy& policy, const std::string& name) {
  const auto& llms = policy.spec.upstreams.llms;
  return std::any_of(llms.begin(), llms.end(), [&](const auto& llm) { return llm.name == name; });
}

bool HasTarget(const api::ChainTier& tier, const api::AgentReliabilityPolicy& policy) {
  return !tier.endpoint.empty() || IsLlmUpstream(policy, tier.provider);
}

std::optional<SkippedTier> WithoutKey(const api::ChainTier& tier) {
  if (tier.endpoint.empty() || tier.secret_ref.has_value()) {
    return std::nullopt;
  }
  return SkippedTier{tier.name,
                     "has an endpoint and no secretRef, and the agent's credentials never go "
                     "there. Next: set secretRef"};
}

config::ChainTier RenderTier(const api::ChainTier& tier, Milliseconds turn) {
  config::ChainTier out;
  out.name = tier.name;
  if (tier.endpoint.empty()) {
    out.upstream = tier.provider;
  } else {
    out.url = tier.endpoint;
    out.provider = tier.provider;
    out.format = tier.format == api::LlmFormat::kAnthropic ? config::LlmFormat::kAnthropic
                                                           : config::LlmFormat::kOpenAI;
    if (tier.ca_bundle_ref.has_value()) {
      out.ca_file = CaFile(*tier.ca_bundle_ref);
    }
  }
  out.model = tier.model;
  if (tier.timeout.has_value()) {
    out.timeout = std::min(*tier.timeout, turn);
  }
  if (tier.secret_ref.has_value()) {
    out.credential =
        std::string(api::kSecretsFolder) + "/" + tier.secret_ref->name + "/" + tier.secret_ref->key;
  }
  out.larger_context = tier.larger_context;
  return out;
}

}  // namespace

std::vector<SkippedTier> SkippedTiers(const api::LlmFallbackChain& chain) {
  std::vector<SkippedTier> out;
  for (const api::ChainTier& tier : chain.spec.tiers) {
    if (auto skipped = WithoutKey(tier)) {
      out.push_back(*std::move(skipped));
    }
  }
  return out;
}

std::vector<SkippedTier> SkippedTiers(const api::LlmFallbackChain& chain,
                                      const api::AgentReliabilityPolicy& policy) {
  std::vector<SkippedTier> out;
  for (const api::ChainTier& tier : chain.spec.tiers) {
    if (auto skipped = WithoutKey(tier)) {
      out.push_back(*std::move(skipped));
    } else if (!HasTarget(tier, policy)) {
      out.push_back({tier.name, "provider " + tier.provider +
                                    " is no entry of upstreams.llms of policy " +
                                    policy.metadata.name + ". Next: add it, or set endpoint"});
    }
  }
  return out;
}

std::string Describe(const std::vector<SkippedTier>& skipped) {
  std::string out;
  for (const SkippedTier& one : skipped) {
    out += (out.empty() ? "" : "; ") + ("tier " + one.tier + ": ") + one.why;
  }
  return out;
}

std::optional<config::FallbackChain> RenderChain(const api::LlmFallbackChain& chain,
                                                 const api::AgentReliabilityPolicy& policy) {
  const api::LlmFallbackChainSpec& spec = chain.spec;
  config::FallbackChain out;
  out.name = chain.metadata.name;
  for (const api::ChainTier& tier : spec.tiers) {
    if (HasTarget(tier, policy)) {
      out.tiers.push_back(RenderTier(tier, policy.spec.turn.timeout));
    }
  }
  if (out.tiers.empty()) {
    return std::nullopt;
  }
  out.advance_on.clear();
  for (const std::string& name : spec.advance_on) {
    if (const auto error_class = policy::ParseErrorClass(name)) {  // the schema lists the names
      out.advance_on.push_back(*error_class);
    }
  }
  out.sticky = spec.sticky;
  out.on_mid_stream_failure = spec.on_mid_stream_failure == api::MidStreamFailure::kError
                                  ? config::MidStreamFailure::kError
                                  : config::MidStreamFailure::kRestartIfOnlyText;
  out.terminal = {spec.terminal.type == api::TerminalType::kReject
                      ? config::TerminalType::kReject
                      : config::TerminalType::kStaticResponse,
                  spec.terminal.text};
  return out;
}

std::vector<std::string> MountsOf(const api::ChainTier& tier) {
  std::vector<std::string> out;
  if (tier.secret_ref.has_value()) {
    out.push_back(api::SecretMount(tier.secret_ref->name, tier.secret_ref->key));
  }
  if (tier.ca_bundle_ref.has_value()) {
    out.push_back(api::CaMount(tier.ca_bundle_ref->name));
  }
  return out;
}

bool HasMounts(const api::ChainTier& tier, const std::vector<std::string>& mounted) {
  const std::vector<std::string> needed = MountsOf(tier);
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& mount) {
    return std::find(mounted.begin(), mounted.end(), mount) != mounted.end();
  });
}

std::string WhyTooLong(const api::LlmFallbackChain& chain,
                       const api::AgentReliabilityPolicy& policy) {
  const config::PolicyDocument document = Render(policy, {});
  Milliseconds sum{0};
  std::string shown;
  std::size_t tiers = 0;
  for (const api::ChainTier& tier : chain.spec.tiers) {
    if (!HasTarget(tier, policy) || WithoutKey(tier).has_value()) {
      continue;
    }
    const Milliseconds limit =
        tier.timeout.value_or(config::LlmTimesOf(document.timeouts, tier.model).total);
    shown += (tiers++ > 0 ? " + " : "") + tier.name + " " + FormatDuration(limit);
    sum += limit;
  }
  if (tiers < 2 || sum <= document.turn.timeout) {
    return {};
  }
  return "the tiers' timeouts do not fit into a turn of policy " + policy.metadata.name + ": " +
         shown + " = " + FormatDuration(sum) + " > turn.timeout " +
         FormatDuration(document.turn.timeout) +
         "; in a slow outage the last tiers get less time or none";
}

}  // namespace reliability::controllers::agent_policy
