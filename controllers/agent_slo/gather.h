#pragma once
// Fills the controller's inputs from the caches and the pods' reports. No I/O.
#include <set>
#include <string>
#include <string_view>

#include "controllers/agent_slo/input.h"
#include "controllers/pod_reports/pod_reports.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/pod.h"
#include "libs/api/workloads.h"
#include "libs/kube/runtime/index.h"
#include "libs/kube/runtime/store.h"

namespace reliability::controllers::agent_slo {

// The caches that the controller reads; all must outlive it. The indexes are by workload key
// (api::WorkloadKey) and made before the controller, so that they are up to date when it is told.
struct Caches {
  kube::Store<api::AgentSlo>& slos;
  kube::Store<api::ErrorBudgetPolicy>& reactions;
  kube::Store<api::AgentReliabilityPolicy>& policies;
  kube::Store<api::Deployment>& deployments;
  kube::Store<api::StatefulSet>& stateful_sets;
  const kube::Index<api::AgentSlo>& slos_of;
  const kube::Index<api::AgentReliabilityPolicy>& policies_of;
  const kube::Index<api::Pod>& pods_of;

  // Null if no policy is in charge of the workload.
  [[nodiscard]] std::shared_ptr<const api::AgentReliabilityPolicy> PolicyOf(
      std::string_view ns, const api::TargetRef& target) const;
  // Empty if there is no such workload.
  [[nodiscard]] std::string WorkloadUid(std::string_view ns, const api::TargetRef& target) const;
  // Name of the ErrorBudgetPolicy that governs; empty: none.
  [[nodiscard]] std::string ReactionNameOf(const api::AgentSlo& slo) const;
  [[nodiscard]] ReactionFacts ReactionOf(const api::AgentSlo& slo) const;
};

// True if the policy exists for good and says that it is in charge of this workload.
[[nodiscard]] bool InCharge(const api::AgentReliabilityPolicy& policy,
                            const api::TargetRef& target);

// All but assessment, history_error, silent_for and previous.
[[nodiscard]] Input Gather(const Caches& caches, const PodReports& reports, SloPtr slo,
                           SystemTime now);

// UIDs of the workload's pods, those that end included.
[[nodiscard]] std::set<std::string, std::less<>> LivePods(const Caches& caches,
                                                          const api::AgentSlo& slo);

}  // namespace reliability::controllers::agent_slo
