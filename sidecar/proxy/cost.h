#pragma once
// What an LLM call may cost, and what the policy says about a call that does not fit into its
// budgets. Loop thread only.
#include "libs/policy/cost_budget.h"
#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

// Of a request that was classified; not counted without prices and budgets (of the policy or of
// mode Degraded), and for endpoints whose answers are not read.
[[nodiscard]] policy::CostAsk CostAskOf(const ExchangeState& state);

// Lets a chat stream whose cost is counted say what it used, as its last chunk, which the agent
// does not get if it did not ask for it. Before each attempt. In Observe nothing is changed.
void AskForUsage(ExchangeState& state);

// A refusal that is not the last word: another place of the chain may be asked, or its last resort.
[[nodiscard]] bool CanStillAnswer(const config::Snapshot& snapshot, policy::ErrorClass error_class);

}  // namespace reliability::sidecar::proxy
