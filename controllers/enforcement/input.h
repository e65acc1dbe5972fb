#pragma once
// What the enforcement decision is made from: facts about one workload at one moment. Plain values,
// filled by gather, read by decide.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controllers/slo_evidence/evidence_board.h"
#include "libs/api/agent_enforcement.h"
#include "libs/api/error_budget_policy.h"

namespace reliability::controllers::enforcement {

// The accepted AgentReliabilityPolicy of the workload.
struct PolicyFacts {
  std::string name;
  bool enforce = false;  // enforcement: Enforce
};

// One AgentSLO of the workload, with the ErrorBudgetPolicy that governs it.
struct SloFacts {
  std::string name;
  std::string uid;
  // Null: none is referred to, or it does not exist.
  std::shared_ptr<const api::ErrorBudgetPolicy> reaction;
  EvidenceBoard::Ptr evidence;  // null: not measured yet
};

// What one pod's sidecar counted for the SLO that caused the hold.
struct ProbeCounts {
  std::string epoch;
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
};

struct PodFacts {
  std::string uid;
  std::string name;
  bool ready = false;
  bool terminating = false;
  bool covered = false;  // its sidecar answers
  // The order in force there.
  std::int64_t leader_epoch = 0;
  std::int64_t generation = 0;
  std::vector<ProbeCounts> counts;
};

struct WorkloadFacts {
  bool exists = false;
  std::string ns;
  std::string kind;
  std::string name;
  std::string uid;
  std::int32_t replicas = 0;  // spec.replicas
  // Field manager that wrote replicas last; empty if unknown.
  std::string replicas_manager;
  std::optional<api::AutoscalerRef> autoscaler;
  // Pods that nobody can hold, as they have no sidecar.
  std::int32_t pods_without_sidecar = 0;
  // A continuous reconciler that owns the replicas, in words; empty if there is none (ruling 27).
  std::string owned_by;
};

// A ReliabilityOverride of type Release that stands now.
struct ReleaseFacts {
  std::string name;
  std::string reason;
  SystemTime expires{};
};

// mode.json as the ConfigMap holds it.
struct PublishedMode {
  std::pair<std::int64_t, std::int64_t> order;  // (leader epoch, generation)
  bool normal = true;                           // it says Normal
  bool intact = true;                           // nobody else has written it since we did
};

struct Input {
  SystemTime now{};
  double jitter = 0.5;  // a draw in [0, 1)
  std::int64_t leader_epoch = 0;

  // The stored AgentEnforcement.
  api::AgentEnforcementStatus status;
  std::int64_t generation = 0;
  bool deleting = false;

  std::optional<PolicyFacts> policy;
  WorkloadFacts workload;
  std::vector<SloFacts> slos;  // sorted by name
  std::vector<PodFacts> pods;  // with a sidecar and not finished; sorted by name
  std::optional<ReleaseFacts> release;
  // Nothing without mode.json, which is Normal.
  std::optional<PublishedMode> published;
  // How long ago this process wrote it.
  std::optional<Milliseconds> since_publish;
};

}  // namespace reliability::controllers::enforcement
