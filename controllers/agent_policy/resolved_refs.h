#pragma once
// How what a policy refers to resolves for one target. Pure.
#include <string>
#include <vector>

#include "controllers/agent_policy/status.h"

namespace reliability::controllers::agent_policy {

// The condition ResolvedRefs of a policy with fallbackChainRef. `accepted`: the target's condition.
[[nodiscard]] api::Condition ResolvedRefs(const std::string& ns, const api::Condition& accepted,
                                          const TargetState& state);

[[nodiscard]] std::string RestartCommand(const std::string& ns, const api::TargetRef& target);

// "a, b, c, d, e and 4 more"
[[nodiscard]] std::string ShortList(const std::vector<std::string>& names);

}  // namespace reliability::controllers::agent_policy
