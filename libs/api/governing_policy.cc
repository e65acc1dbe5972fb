#include "libs/api/governing_policy.h"

#include <algorithm>
#include <tuple>

namespace reliability::api {

bool Targets(const AgentReliabilityPolicy& policy, const TargetRef& target) {
  const auto& refs = policy.spec.target_refs;
  return !policy.metadata.deletion_timestamp.has_value() &&
         std::find(refs.begin(), refs.end(), target) != refs.end();
}

std::shared_ptr<const AgentReliabilityPolicy> GoverningPolicy(
    const std::vector<std::shared_ptr<const AgentReliabilityPolicy>>& policies) {
  const auto age = [](const AgentReliabilityPolicy& policy) {
    return std::tie(policy.metadata.creation_timestamp, policy.metadata.name);
  };
  const auto oldest =
      std::min_element(policies.begin(), policies.end(),
                       [&](const auto& a, const auto& b) { return age(*a) < age(*b); });
  return oldest == policies.end() ? nullptr : *oldest;
}

}  // namespace reliability::api
