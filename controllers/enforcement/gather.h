#pragma once
// Fills the decision's input from caches and boards. No I/O.
#include <optional>
#include <string>
#include <string_view>

#include "controllers/enforcement/input.h"
#include "controllers/pod_reports/pod_reports.h"
#include "controllers/slo_evidence/evidence_board.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/names.h"
#include "libs/api/reliability_override.h"
#include "libs/api/workloads.h"
#include "libs/kube/runtime/index.h"
#include "libs/kube/runtime/store.h"

namespace reliability::controllers::enforcement {

// The caches that the controller reads, with the ways into them. Make it before the reflectors
// start. Thread-safe.
class Caches {
 public:
  // The stores must outlive it.
  Caches(kube::Store<api::AgentReliabilityPolicy>& policies, kube::Store<api::AgentSlo>& slos,
         kube::Store<api::ErrorBudgetPolicy>& reactions,
         kube::Store<api::AgentEnforcement>& enforcements,
         kube::Store<api::ReliabilityOverride>& overrides,
         kube::Store<api::Deployment>& deployments, kube::Store<api::StatefulSet>& stateful_sets,
         kube::Store<api::HorizontalPodAutoscaler>& autoscalers, kube::Store<api::Pod>& pods);

  kube::Store<api::AgentReliabilityPolicy>& policies;
  kube::Store<api::AgentSlo>& slos;
  kube::Store<api::ErrorBudgetPolicy>& reactions;
  kube::Store<api::AgentEnforcement>& enforcements;
  kube::Store<api::ReliabilityOverride>& overrides;
  kube::Store<api::Deployment>& deployments;
  kube::Store<api::StatefulSet>& stateful_sets;
  kube::Store<api::HorizontalPodAutoscaler>& autoscalers;
  kube::Store<api::Pod>& pods;
  // By workload key ("ns/Kind/name").
  kube::Index<api::AgentReliabilityPolicy> policies_of;
  kube::Index<api::AgentSlo> slos_of;
  kube::Index<api::ReliabilityOverride> overrides_of;
  kube::Index<api::HorizontalPodAutoscaler> autoscalers_of;
  kube::Index<api::Pod> pods_of;

  [[nodiscard]] bool HasSynced() const;
};

// Everything but the live and remembered parts: jitter, leader_epoch, published, since_publish,
// replicas_manager. `object` is the stored AgentEnforcement, or null.
[[nodiscard]] Input Gather(const Caches& caches, const PodReports& reports,
                           const EvidenceBoard& board, const api::Workload& workload,
                           const api::AgentEnforcement* object, SystemTime now);

// Who owns the replicas continuously, in words; empty if nobody does (ruling 27).
[[nodiscard]] std::string ReplicaOwner(const api::ObjectMeta& workload,
                                       const api::HorizontalPodAutoscaler* autoscaler);

}  // namespace reliability::controllers::enforcement
