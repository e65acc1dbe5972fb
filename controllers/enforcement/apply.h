#pragma once
// Every API write of the enforcement controller. Blocking; thread-safe as the client is.
//
// Field manager agent-reliability-operator: AgentEnforcement (all of it, forced: the operator
// creates it), ConfigMap key mode.json (forced, likewise), `/scale` of the workload (a patch, never
// forced). Pods get an annotation by merge patch: their metadata belong to many.
#include <optional>
#include <string>
#include <utility>

#include "controllers/enforcement/decide.h"
#include "libs/api/agent_enforcement.h"
#include "libs/api/names.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::controllers::enforcement {

inline constexpr std::string_view kFinalizer = "agentreliability.dev/restore";

// The workload as the API server has it now; caches may be behind.
struct LiveWorkload {
  std::int32_t replicas = 0;
  std::string replicas_manager;  // who wrote them last
  std::string resource_version;
};

class Applier {
 public:
  // References must outlive it.
  Applier(kube::ApiClient& client, kube::EventSink& events) : client_(client), events_(events) {}

  // Creates the AgentEnforcement, or sets and removes its finalizer. `uid` empty: create.
  [[nodiscard]] Result<api::AgentEnforcement> WriteObject(const api::Workload& workload,
                                                          const std::string& workload_uid,
                                                          const std::string& uid,
                                                          bool finalizer) const;
  // kConflict if the object is not `object`'s version any more.
  [[nodiscard]] Result<api::AgentEnforcement> WriteStatus(
      const api::AgentEnforcement& object, const api::AgentEnforcementStatus& status) const;
  [[nodiscard]] Result<api::AgentEnforcement> ReadObject(const api::Workload& workload) const;
  // An object that is gone is no error.
  [[nodiscard]] Status DeleteObject(const api::AgentEnforcement& object) const;

  // The bytes of mode.json; empty if there is no map or no such key.
  [[nodiscard]] Result<std::string> ReadMode(const api::Workload& workload) const;
  [[nodiscard]] Status WriteMode(const api::Workload& workload, const std::string& json) const;

  [[nodiscard]] Result<LiveWorkload> ReadWorkload(const api::Workload& workload) const;
  // kConflict if the workload changed since `resource_version` was read.
  [[nodiscard]] Status Scale(const api::Workload& workload, std::int32_t replicas,
                             const std::string& resource_version) const;

  // A pod that is gone is no error.
  [[nodiscard]] Status Annotate(const std::string& ns, const std::string& pod,
                                const std::string& value) const;

  // On the workload, and on the AgentSLO if the draft names one.
  void Emit(const Input& input, const EventDraft& draft) const;

 private:
  kube::ApiClient& client_;
  kube::EventSink& events_;
};

}  // namespace reliability::controllers::enforcement
