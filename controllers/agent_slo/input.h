#pragma once
// What the verdict on one AgentSLO is made from: facts at one moment. Plain values, filled by
// gather, read by decide.
#include <memory>
#include <optional>
#include <string>

#include "libs/api/agent_slo.h"
#include "libs/api/error_budget_policy.h"
#include "libs/policy/slo_state.h"

namespace reliability::controllers::agent_slo {

using SloPtr = std::shared_ptr<const api::AgentSlo>;

// The accepted AgentReliabilityPolicy of the workload.
struct PolicyFacts {
  std::string name;
  bool enforce = false;
};

// The ErrorBudgetPolicy that governs: the SLO's own reference, else that of the workload's policy.
struct ReactionFacts {
  std::string name;                                      // empty: none is referred to
  std::shared_ptr<const api::ErrorBudgetPolicy> policy;  // null: it does not exist

  [[nodiscard]] Milliseconds HoldFor() const;
};

// Pods of the workload that neither ended nor are terminating.
struct PodFacts {
  int total = 0;
  int injected = 0;
  int ready = 0;                          // injected, and Ready
  int covered = 0;                        // their ledger was read within the last two intervals
  std::string first_error{};              // why one of the others was not
  std::optional<SystemTime> last_read{};  // newest read of any of them
};

struct Input {
  SystemTime now{};
  Milliseconds interval{15'000};  // between two evaluations
  SloPtr slo;
  bool target_exists = false;
  std::optional<PolicyFacts> policy;
  ReactionFacts reaction;
  PodFacts pods;
  // How long no sidecar answered though one should have.
  Milliseconds silent_for{0};
  std::string operator_namespace;  // for the NetworkPolicy that lets it in
  // Null while the saved counts were not read.
  const policy::SloAssessment* assessment = nullptr;
  std::string history_error;  // why they could not be
  // As the API server has it.
  api::AgentSloStatus previous;
};

// kInvalid: an objective that the API server should have refused.
[[nodiscard]] Result<policy::SloSettings> SettingsOf(const api::AgentSloSpec& spec,
                                                     Milliseconds hold_for);
// Time between two evaluations: 5 s for the windows 1h and 1d, else 15 s.
[[nodiscard]] Milliseconds EvaluationInterval(api::SloWindow window);

}  // namespace reliability::controllers::agent_slo
