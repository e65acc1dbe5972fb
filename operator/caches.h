#pragma once
// Every cache of the operator: one store and one reflector for each kind. All replicas keep them.
#include <string>
#include <vector>

#include "libs/api/agent_enforcement.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/error_budget_policy.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/api/pod.h"
#include "libs/api/reliability_override.h"
#include "libs/api/workloads.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/reflector.h"
#include "libs/kube/runtime/store.h"
#include "libs/metrics/registry.h"

namespace reliability::op {

struct Stores {
  kube::Store<api::AgentReliabilityPolicy> policies;
  kube::Store<api::AgentSlo> slos;
  kube::Store<api::ErrorBudgetPolicy> budget_policies;
  kube::Store<api::LlmFallbackChain> chains;
  kube::Store<api::AgentEnforcement> enforcements;
  kube::Store<api::ReliabilityOverride> overrides;
  kube::Store<api::Deployment> deployments;
  kube::Store<api::StatefulSet> stateful_sets;
  kube::Store<api::HorizontalPodAutoscaler> autoscalers;
  kube::Store<api::Pod> pods;
};

class Reflectors {
 public:
  // References must outlive it. Register all handlers of the stores before Start.
  Reflectors(kube::ApiClient& client, Clock& clock, Stores& stores);

  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  // What is not there yet and why, for /readyz and logs: "pods: denied: ...". Empty: all are.
  [[nodiscard]] std::string Missing() const;
  void Export(metrics::Registry& registry);

 private:
  template <class T>
  using Reflector = kube::Reflector<T>;

  Reflector<api::AgentReliabilityPolicy> policies_;
  Reflector<api::AgentSlo> slos_;
  Reflector<api::ErrorBudgetPolicy> budget_policies_;
  Reflector<api::LlmFallbackChain> chains_;
  Reflector<api::AgentEnforcement> enforcements_;
  Reflector<api::ReliabilityOverride> overrides_;
  Reflector<api::Deployment> deployments_;
  Reflector<api::StatefulSet> stateful_sets_;
  Reflector<api::HorizontalPodAutoscaler> autoscalers_;
  Reflector<api::Pod> pods_;
  std::vector<kube::ReflectorLoop*> loops_;
};

}  // namespace reliability::op
