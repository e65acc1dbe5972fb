#pragma once
// Who runs a pod, and which policy is in charge of it (operator ruling 8): from the caches, else by
// one live request of at most a second. Thread-safe.
#include <map>
#include <optional>
#include <string>

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

 private:
  const controllers::agent_policy::Caches& caches_;
  kube::ApiClient& client_;
  Clock& clock_;
  Mutex mutex_;
  // When a live list of a namespace last found nothing for a workload: pods come in bursts.
  std::map<std::string, MonotonicTime> missed_ GUARDED_BY(mutex_);
};

}  // namespace reliability::webhook
