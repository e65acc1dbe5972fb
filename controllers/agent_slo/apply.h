#pragma once
// Every API write of the SLO controller. Blocking; thread-safe as the client is.
//
// Field manager agent-reliability-slo: status of AgentSLO and ErrorBudgetPolicy (merge patch of the
// status subresource; the operator alone writes it), and the ConfigMap that holds an SLO's history
// (operator ruling 20).
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controllers/agent_slo/decide.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::controllers::agent_slo {

// The saved history of one SLO as it is in the cluster.
struct SavedHistory {
  std::string version;  // resourceVersion; empty: there is no such object
  std::string bytes;    // of the checkpoint; empty: the object holds none
  // The object holds something that is no base64.
  bool unreadable = false;
};

class Applier {
 public:
  // References must outlive it.
  Applier(kube::ApiClient& client, kube::EventSink& events) : client_(client), events_(events) {}

  // `before`: the status that the API server has. kNotFound or kConflict: the SLO is gone, or
  // another one has its name.
  [[nodiscard]] Status WriteStatus(const api::AgentSlo& slo, const api::AgentSloStatus& before,
                                   const api::AgentSloStatus& after) const;
  [[nodiscard]] Status WriteStatus(const api::ErrorBudgetPolicy& policy,
                                   const api::ErrorBudgetPolicyStatus& after) const;

  [[nodiscard]] Result<SavedHistory> ReadHistory(const api::AgentSlo& slo) const;
  // Replaces what is there at `version` (empty: creates). `damaged`, if not empty, is kept beside
  // it for people to look at. The new version; kConflict, kAlreadyExists or kNotFound if the object
  // is not what `version` says.
  [[nodiscard]] Result<std::string> WriteHistory(const api::AgentSlo& slo,
                                                 const std::string& version, std::string_view bytes,
                                                 std::string_view damaged) const;

  // Once on the SLO and, if it exists (`target_uid` is not empty), once on the workload.
  void Emit(const api::AgentSlo& slo, const EventDraft& event, const std::string& target_uid) const;

 private:
  kube::ApiClient& client_;
  kube::EventSink& events_;
};

// A JSON merge patch that makes `after` of `before`: all of `after`, and null for what it lacks.
[[nodiscard]] nlohmann::json MergePatchOf(const nlohmann::json& before,
                                          const nlohmann::json& after);

}  // namespace reliability::controllers::agent_slo
