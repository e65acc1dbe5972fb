#pragma once
// Which AgentReliabilityPolicy governs a workload that several name. Every part of the operator
// must give the same answer, so it is given here. Pure.
#include <memory>
#include <vector>

#include "libs/api/agent_reliability_policy.h"

namespace reliability::api {

// True if the policy names the workload and is not being deleted.
[[nodiscard]] bool Targets(const AgentReliabilityPolicy& policy, const TargetRef& target);

// Of policies that all target one workload: the oldest, of the same age the first by name. Null if
// there is none.
[[nodiscard]] std::shared_ptr<const AgentReliabilityPolicy> GoverningPolicy(
    const std::vector<std::shared_ptr<const AgentReliabilityPolicy>>& policies);

}  // namespace reliability::api
