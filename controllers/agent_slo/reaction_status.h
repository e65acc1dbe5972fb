#pragma once
// The status of one ErrorBudgetPolicy. Pure.
#include <cstddef>

#include "libs/api/error_budget_policy.h"

namespace reliability::controllers::agent_slo {

struct ReactionUpdate {
  api::ErrorBudgetPolicyStatus status;
  bool changed = false;  // against policy.status
};

// `attached`: AgentSLOs that it reacts for.
[[nodiscard]] ReactionUpdate BuildReactionStatus(const api::ErrorBudgetPolicy& policy,
                                                 std::size_t attached, SystemTime now);

}  // namespace reliability::controllers::agent_slo
