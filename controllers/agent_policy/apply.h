#pragma once
// Every API write of the policy controller. Blocking; thread-safe as the client is.
//
// Field manager agent-reliability-policy: ConfigMap key policy.json (forced: the operator created
// the object), status of AgentReliabilityPolicy (never forced). Pods get an annotation by merge
// patch: their metadata belong to many.
#include <string>
#include <vector>

#include "controllers/agent_policy/status.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::controllers::agent_policy {

class Applier {
 public:
  // References must outlive it.
  Applier(kube::ApiClient& client, kube::EventSink& events) : client_(client), events_(events) {}

  // policy.json of the workload's ConfigMap; empty if there is no map or no such key.
  [[nodiscard]] Result<std::string> ReadPolicy(const std::string& ns,
                                               const api::TargetRef& target) const;
  // Precondition: the workload exists and plan.json is not empty.
  [[nodiscard]] Status WritePolicy(const Input& input, const Plan& plan) const;
  [[nodiscard]] Status DeleteMap(const std::string& ns, const api::TargetRef& target) const;
  // A pod that is gone is no error.
  [[nodiscard]] Status Annotate(const std::string& ns, const std::string& pod,
                                const std::string& value) const;
  // The resourceVersion of the written policy.
  [[nodiscard]] Result<std::string> WriteStatus(
      const api::AgentReliabilityPolicy& policy,
      const api::AgentReliabilityPolicyStatus& status) const;
  // Once on the policy and once on the workload. `target_uid` empty: only on the policy.
  void Emit(const api::AgentReliabilityPolicy& policy, const PolicyEvent& event,
            const std::string& target_uid) const;
  // A pod was injected for a policy that is gone, and nothing is left that it could run.
  void EmitOrphan(const Input& input, const std::string& pod) const;

 private:
  kube::ApiClient& client_;
  kube::EventSink& events_;
};

}  // namespace reliability::controllers::agent_policy
