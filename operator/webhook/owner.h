#pragma once
// Who runs a pod, which policy is in charge of it, and which fallback chain that one names
// (operator ruling 8): from the caches, else by one live request of at most a second. Thread-safe.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controllers/agent_policy/gather.h"
#include "libs/base/mutex.h"
#include "libs/kube/client/api_client.h"
#include "operator/webhook/json_access.h"

namespace reliability::webhook {

class OwnerLookup {
 public:
  // `client`: with a deadline of about a second, as the webhook must answer. References must
  // outlive it.
  OwnerLookup(const controllers::agent_policy::Caches& caches, kube::ApiClient& client,
              Clock& clock)
      : caches_(caches), client_(client), clock_(clock) {}

  struct Workload {
    api::TargetRef target;
    std::string uid;  // empty: not known yet
  };
  // nullopt: no Deployment or StatefulSet runs this pod. Errors: the API server did not say.
  [[nodiscard]] Result<std::optional<Workload>> WorkloadOf(const Json& pod, const std::string& ns);

  // Null: none.
  [[nodiscard]] Result<controllers::agent_policy::PolicyPtr> PolicyOf(const std::string& ns,
                                                                      const api::TargetRef& target);

  // The chain that the policy names. Null: none, or not there.
  [[nodiscard]] Result<controllers::agent_policy::ChainPtr> ChainOf(
      const std::string& ns, const api::AgentReliabilityPolicy& policy);

  // What is known without a request, for warnings.
  [[nodiscard]] controllers::agent_policy::ChainPtr KnownChain(const std::string& ns,
                                                               const std::string& name) const;
  [[nodiscard]] std::vector<controllers::agent_policy::PolicyPtr> KnownPoliciesWith(
      const std::string& ns, const std::string& chain) const;

 private:
  const controllers::agent_policy::Caches& caches_;
  kube::ApiClient& client_;
  Clock& clock_;
  // Whether a live request found nothing within the last second; pods come in bursts.
  [[nodiscard]] bool Missed(const std::string& key);
  void RememberMiss(const std::string& key);

  Mutex mutex_;
  // When, by workload key or chain key.
  std::map<std::string, MonotonicTime> missed_ GUARDED_BY(mutex_);
};

}  // namespace reliability::webhook
