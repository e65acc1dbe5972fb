#pragma once
// Admission warnings about budgets and prices. Pure.
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"

namespace reliability::webhook {

void WarnOfCost(const api::AgentReliabilityPolicySpec& spec, std::vector<std::string>& out);

}  // namespace reliability::webhook
