#pragma once
// Which environment variables of an agent lead to the sidecar (operator ruling 9). Pure.
#include <map>
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "operator/webhook/json_access.h"

namespace reliability::webhook {

// One upstream as the agent reaches it.
struct LocalRoute {
  std::string name;
  std::string url;                     // of the upstream; empty: the agent's own variable says it
  std::string local;                   // "http://127.0.0.1:15100/llm/openai/v1"
  std::vector<std::string> variables;  // that get `local` if the agent does not set them
  std::string sdk_default;             // where the SDK goes if no variable is set; only without url
};

// LLMs, MCP servers, tools, in the policy's order. The first OpenAI entry has OPENAI_BASE_URL, the
// first Anthropic entry ANTHROPIC_BASE_URL.
[[nodiscard]] std::vector<LocalRoute> LocalRoutes(const api::Upstreams& upstreams);

// "orders-db" -> "AGENT_RELIABILITY_UPSTREAM_ORDERS_DB": tells the sidecar the upstream of an entry
// without url.
[[nodiscard]] std::string UpstreamVariable(std::string_view name);

struct EnvResult {
  // By name of the entry: the upstream that the agent used, for entries without url.
  std::map<std::string, std::string> originals;
  // For people: a variable that was left alone, or two upstreams for one entry.
  std::vector<std::string> notes;
  // Not empty: two containers use different upstreams for one entry, so nothing can be injected.
  std::string conflict;
};

// Points the variables of all `containers` (an array of containers, changed in place) to the
// sidecar. `previous`: originals found by an earlier pass; adds to `result`.
void RouteEnvironment(Json& containers, const std::vector<LocalRoute>& routes, EnvResult& result);

}  // namespace reliability::webhook
