#pragma once
// What the policy controller looks at, as plain values: gather fills them, decide reads them.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/api/names.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::agent_policy {

using PolicyPtr = std::shared_ptr<const api::AgentReliabilityPolicy>;
using SloPtr = std::shared_ptr<const api::AgentSlo>;
using ChainPtr = std::shared_ptr<const api::LlmFallbackChain>;

// What a sidecar last said about its configuration.
struct SidecarReport {
  std::string config_hash;                          // of the policy.json in use; empty: none
  std::string config_error;                         // why the newest one was refused
  int schema_minor = sidecar_config::kSchemaMinor;  // that it knows
};

// One pod of the workload that neither ended nor is terminating.
struct PodView {
  std::string name;
  std::string uid;
  SystemTime created{};
  bool injected = false;
  std::string annotation;               // config-hash, with "#n"
  std::vector<std::string> mounted;     // as api::Pod::mounted
  std::optional<SidecarReport> report;  // nullopt: none was read yet
};

// One workload.
struct Input {
  std::string ns;
  api::TargetRef target;
  std::string target_uid;           // empty: there is no such workload
  std::vector<PolicyPtr> policies;  // that name it, in no order, none being deleted
  std::vector<SloPtr> slos;         // of it, in no order, none being deleted
  // Those that the policies name and that are there, by name.
  std::map<std::string, ChainPtr> chains;
  std::vector<PodView> pods;  // by name
  // Schema minor of the policy.json that is in the ConfigMap, as far as it is known.
  std::optional<int> written_minor;
};

}  // namespace reliability::controllers::agent_policy
