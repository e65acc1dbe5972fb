#pragma once
// Fills the controller's inputs from the caches. No I/O.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "controllers/agent_policy/input.h"
#include "controllers/agent_policy/written_minors.h"
#include "libs/api/pod.h"
#include "libs/api/workloads.h"
#include "libs/kube/runtime/index.h"
#include "libs/kube/runtime/store.h"

namespace reliability::controllers::agent_policy {

// The caches that the controller reads, with the ways into them. Make it before the reflectors
// start. Shared with the webhook. Thread-safe.
class Caches {
 public:
  // The stores must outlive it.
  Caches(kube::Store<api::AgentReliabilityPolicy>& policies, kube::Store<api::AgentSlo>& slos,
         kube::Store<api::LlmFallbackChain>& chains, kube::Store<api::Deployment>& deployments,
         kube::Store<api::StatefulSet>& stateful_sets, kube::Store<api::Pod>& pods);

  kube::Store<api::AgentReliabilityPolicy>& policies;
  kube::Store<api::AgentSlo>& slos;
  kube::Store<api::LlmFallbackChain>& chains;
  kube::Store<api::Deployment>& deployments;
  kube::Store<api::StatefulSet>& stateful_sets;
  kube::Store<api::Pod>& pods;
  // By workload key.
  kube::Index<api::AgentReliabilityPolicy> policies_of;
  kube::Index<api::AgentSlo> slos_of;
  kube::Index<api::Pod> pods_of;
  // By the key of the chain that they name.
  kube::Index<api::AgentReliabilityPolicy> policies_with_chain;
  // By workload key; the policy controller fills it.
  WrittenMinors written;

  // Empty if there is no such workload.
  [[nodiscard]] std::string WorkloadUid(std::string_view ns, const api::TargetRef& target) const;
};

// The chain that the policy names; null if it names none, or there is none.
[[nodiscard]] ChainPtr ChainOf(const Caches& caches, const api::AgentReliabilityPolicy& policy);

// What the sidecar of this pod (by UID) last said; nullopt if it never did.
using ReportOf = std::function<std::optional<SidecarReport>(std::string_view pod_uid)>;

[[nodiscard]] Input Gather(const Caches& caches, const ReportOf& report_of, std::string_view ns,
                           const api::TargetRef& target);

}  // namespace reliability::controllers::agent_policy
