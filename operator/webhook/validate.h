#pragma once
// Warnings about resources that are valid but probably not meant: what CEL in the CRDs cannot say.
// Nothing is ever refused here. Pure.
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/reliability_override.h"
#include "libs/base/clock.h"

namespace reliability::webhook {

[[nodiscard]] std::vector<std::string> Warnings(const api::AgentReliabilityPolicy& policy);
[[nodiscard]] std::vector<std::string> Warnings(const api::AgentSlo& slo);
[[nodiscard]] std::vector<std::string> Warnings(const api::ReliabilityOverride& object,
                                                SystemTime now);

// By plural name ("agentslos"); empty for other kinds and for text that is not such an object.
[[nodiscard]] std::vector<std::string> WarningsFor(std::string_view plural, std::string_view json,
                                                   SystemTime now);

}  // namespace reliability::webhook
