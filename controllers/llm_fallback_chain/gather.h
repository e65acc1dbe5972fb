#pragma once
// Fills the chain controller's inputs from the caches and the board of ledgers. No I/O.
#include "controllers/agent_policy/gather.h"
#include "controllers/llm_fallback_chain/input.h"
#include "controllers/pod_reports/pod_reports.h"

namespace reliability::controllers::llm_fallback_chain {

[[nodiscard]] Input Gather(const agent_policy::Caches& caches, const PodReports& reports,
                           agent_policy::ChainPtr chain);

}  // namespace reliability::controllers::llm_fallback_chain
