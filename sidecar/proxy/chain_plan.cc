#include "sidecar/proxy/chain_plan.h"

#include <algorithm>
#include <utility>

namespace reliability::sidecar::proxy {
namespace {

const Route* FindLlm(const RouteTable& routes, const std::string& name) {
  const auto& all = routes.routes();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Route& route) {
    return route.kind == sidecar_config::UpstreamKind::kLlm && route.name == name;
  });
  return found == all.end() ? nullptr : &*found;
}

bool IsOriginOfAnUpstream(const RouteTable& routes, const Route& tier) {
  return std::any_of(routes.routes().begin(), routes.routes().end(), [&](const Route& route) {
    return route.kind == sidecar_config::UpstreamKind::kLlm && route.configured &&
           route.url.origin == tier.url.origin;
  });
}

std::size_t AccountOf(const std::vector<Tier>& before, const Tier& tier) {
  const auto found = std::find_if(before.begin(), before.end(), [&](const Tier& other) {
    return other.route != nullptr && tier.route != nullptr &&
           other.route->url.origin == tier.route->url.origin && other.key == tier.key;
  });
  return found == before.end() ? tier.index : found->index;
}

}  // namespace

Result<std::shared_ptr<const ChainPlan>> BuildChain(const sidecar_config::PolicyDocument& policy,
                                                    const RouteTable& routes, const TlsFactory& tls,
                                                    const ReadKey& read_key) {
  if (!policy.fallback_chain.has_value()) {
    return std::shared_ptr<const ChainPlan>();
  }
  auto plan = std::make_shared<ChainPlan>();
  plan->document = *policy.fallback_chain;
  plan->name = plan->document.name;
  for (const policy::ErrorClass error_class : plan->document.advance_on) {
    plan->advance_on.set(static_cast<std::size_t>(error_class));
  }
  for (std::size_t i = 0; i < plan->document.tiers.size(); ++i) {
    const sidecar_config::ChainTier& from = plan->document.tiers[i];
    const std::string path = "fallbackChain.tiers[" + std::to_string(i) + "].";
    Tier tier;
    tier.index = i;
    tier.name = from.name;
    tier.model = from.model;
    tier.timeout = from.timeout;
    tier.larger_context = from.larger_context;
    if (!from.upstream.empty()) {
      tier.route = FindLlm(routes, from.upstream);
      tier.provider = from.upstream;
      if (tier.route == nullptr) {
        return Fail(Code::kInvalid,
                    path + "upstream: \"" + from.upstream + "\" is no LLM upstream");
      }
    } else {
      auto own = RouteTable::LlmRoute(from.name, from.format, from.url, from.ca_file, tls);
      if (!own.has_value() && own.error().code == Code::kInvalid) {
        return Fail(Code::kInvalid, path + own.error().message);
      }
      if (!own.has_value()) {
        tier.skipped = sidecar_config::kSkippedCaMissing;
      } else {
        tier.own = std::make_unique<const Route>(std::move(*own));
        tier.route = tier.own.get();
      }
      tier.provider = from.provider.empty() ? from.name : from.provider;
    }
    if (!from.credential.empty()) {
      tier.key = read_key(from.credential).value_or(std::string());
    }
    tier.keyless = !from.credential.empty() && tier.key.empty();
    // The agent may call an upstream with its own key.
    const bool needs_key = tier.own != nullptr && tier.keyless;
    if (tier.skipped.empty() && tier.key.empty() &&
        (needs_key || !IsOriginOfAnUpstream(routes, *tier.route))) {
      tier.skipped = tier.keyless ? sidecar_config::kSkippedCredentialMissing
                                  : sidecar_config::kSkippedNoCredential;
    }
    tier.account = AccountOf(plan->tiers, tier);
    plan->tiers.push_back(std::move(tier));
  }
  return std::shared_ptr<const ChainPlan>(std::move(plan));
}

}  // namespace reliability::sidecar::proxy
