#include "controllers/agent_policy/decide.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_policy/render.h"
#include "libs/api/governing_policy.h"
#include "libs/base/hash.h"
#include "libs/base/strings.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/validate.h"

namespace reliability::controllers::agent_policy {
namespace {

Coverage Count(const std::vector<PodView>& pods, const std::string& hash, const PolicyPtr& policy) {
  Coverage out;
  for (const PodView& pod : pods) {
    if (!pod.injected) {
      out.missing.push_back(pod.name);
      out.missing_is_new |= policy != nullptr && pod.created > policy->metadata.creation_timestamp;
    } else if (pod.report.has_value() && pod.report->config_hash == hash) {
      out.covered.push_back(pod.name);
    } else {
      out.stale.push_back(pod.name);
      if (pod.report.has_value() && !pod.report->config_error.empty() && out.first_error.empty()) {
        out.first_error = "pod " + pod.name + ": " + pod.report->config_error;
      }
    }
  }
  return out;
}

ChainPlan ResolveChain(const Input& input, const api::AgentReliabilityPolicy& policy) {
  ChainPlan out;
  if (!policy.spec.fallback_chain_ref.has_value()) {
    return out;
  }
  out.name = policy.spec.fallback_chain_ref->name;
  const auto found = input.chains.find(out.name);
  if (found == input.chains.end()) {
    return out;
  }
  out.chain = found->second;
  out.skipped = SkippedTiers(*out.chain, policy);
  std::vector<std::string> outdated;
  for (const api::ChainTier& tier : out.chain->spec.tiers) {
    const std::size_t before = outdated.size();
    for (const PodView& pod : input.pods) {
      if (pod.injected && !HasMounts(tier, pod.mounted)) {
        outdated.push_back(pod.name);
      }
    }
    if (outdated.size() > before) {
      out.unmounted.push_back(tier.name);
    }
  }
  std::sort(outdated.begin(), outdated.end());
  outdated.erase(std::unique(outdated.begin(), outdated.end()), outdated.end());
  out.outdated = std::move(outdated);
  return out;
}

}  // namespace

Plan Decide(const Input& input, const std::string& current_json) {
  Plan plan;
  plan.policy = api::GoverningPolicy(input.policies);
  sidecar_config::PolicyDocument document;
  if (plan.policy != nullptr) {
    plan.chain = ResolveChain(input, *plan.policy);
    document = Render(*plan.policy, input.slos, plan.chain.chain.get());
  } else if (!current_json.empty()) {
    const auto current = sidecar_config::DecodePolicy(current_json);
    if (!current.has_value()) {
      plan.invalid = ToString(current.error());
      return plan;
    }
    document = PassThrough(current->document);
  } else {
    return plan;
  }
  document.workload = api::WorkloadKey(input.ns, input.target);
  const Status valid = sidecar_config::ToStatus(sidecar_config::Validate(document));
  if (!valid.has_value()) {
    plan.invalid = valid.error().message;
    return plan;
  }
  plan.skew = SkewOf(input.pods, input.written_minor);
  sidecar_config::SkewedPolicy written = sidecar_config::EncodePolicyFor(document, plan.skew.minor);
  AddWaiting(plan.skew, input.pods, std::move(written.left_out));
  plan.json = std::move(written.json);
  plan.hash = Sha256Hex(plan.json);
  plan.coverage = Count(input.pods, plan.hash, plan.policy);
  return plan;
}

std::optional<int> BumpOf(std::string_view annotation, std::string_view hash) {
  if (annotation.substr(0, hash.size()) != hash || hash.empty()) {
    return std::nullopt;
  }
  const std::string_view rest = annotation.substr(hash.size());
  if (rest.empty()) {
    return 0;
  }
  const auto count = rest.front() == '#' ? ParseUint(rest.substr(1)) : std::nullopt;
  return count.has_value() && *count < 1000 ? std::optional<int>(static_cast<int>(*count))
                                            : std::nullopt;
}

}  // namespace reliability::controllers::agent_policy
