#pragma once
// Small objects for the tests of the policy controller and the webhook.
#include <memory>
#include <string>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"

namespace reliability::controllers::agent_policy {

inline const api::TargetRef kTarget{"apps", "Deployment", "refunds-agent"};
constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

inline api::AgentReliabilityPolicy MakePolicy(const std::string& name = "refunds",
                                              SystemTime created = kNow) {
  api::AgentReliabilityPolicy policy;
  policy.metadata.name = name;
  policy.metadata.namespace_ = "support";
  policy.metadata.uid = "uid-" + name;
  policy.metadata.generation = 1;
  policy.metadata.creation_timestamp = created;
  policy.spec.target_refs = {kTarget};
  policy.spec.enforcement = api::Enforcement::kEnforce;
  api::LlmUpstream llm;
  llm.name = "openai";
  llm.url = "http://llm.simulator.svc:8080/v1";
  policy.spec.upstreams.llms = {llm};
  api::ToolUpstream orders;
  orders.name = "orders";
  orders.url = "http://orders-mcp.simulator.svc:8080/mcp";
  policy.spec.upstreams.mcp_servers = {orders};
  return policy;
}

inline std::shared_ptr<const api::AgentReliabilityPolicy> Share(api::AgentReliabilityPolicy p) {
  return std::make_shared<const api::AgentReliabilityPolicy>(std::move(p));
}

inline std::shared_ptr<const api::AgentSlo> MakeSlo(const std::string& name) {
  api::AgentSlo slo;
  slo.metadata.name = name;
  slo.metadata.namespace_ = "support";
  slo.metadata.uid = "uid-" + name;
  slo.spec.target_ref = kTarget;
  return std::make_shared<const api::AgentSlo>(slo);
}

}  // namespace reliability::controllers::agent_policy
