#pragma once
// Which upstream a request path means, and where below it. Immutable once built; any thread.
//
//   /llm/<name>/…    -> the LLM's url + the rest without leading /v1's (operator ruling 9)
//   /mcp/<name>…     -> the MCP server's url + the rest
//   /tools/<name>/…  -> the tool's url + the rest
//   /.well-known/oauth-…/mcp/<name>  -> the same path at the MCP server's origin (ruling 57)
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"
#include "libs/net/tls_context.h"
#include "libs/net/url.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar::proxy {

struct Route {
  std::size_t index = 0;  // in the policy's upstreams
  sidecar_config::UpstreamKind kind = sidecar_config::UpstreamKind::kLlm;
  std::string name;
  sidecar_config::LlmFormat format = sidecar_config::LlmFormat::kOpenAI;
  // An LLM without `url` whose environment variable is not set cannot be called.
  bool configured = false;
  net::Url url;
  std::string base_path;  // what the rest of a path is appended to
  std::string pool_key;   // connections are shared by routes with the same one
  std::shared_ptr<const net::TlsContext> tls;
  std::string prefix;   // "/llm/openai"
  std::string traffic;  // "llm:openai": its calls in the ledger
};

struct RouteMatch {
  const Route* route = nullptr;
  std::string path;  // at the upstream, without query
};

// Reads an environment variable; empty if it is not set.
using Environment = std::function<std::string(const std::string& name)>;
// Makes TLS settings with the extra CA file (may be empty).
using TlsFactory =
    std::function<Result<std::shared_ptr<const net::TlsContext>>(const std::string& ca_file)>;

class RouteTable {
 public:
  // kInvalid begins with the JSON path.
  [[nodiscard]] static Result<RouteTable> Build(const sidecar_config::PolicyDocument& policy,
                                                const Environment& environment,
                                                const TlsFactory& tls);

  // An LLM's address that no path leads to (a tier of a chain). kInvalid begins with "url: "; other
  // codes: its CA file cannot be used at present.
  [[nodiscard]] static Result<Route> LlmRoute(const std::string& name,
                                              sidecar_config::LlmFormat format,
                                              const std::string& url, const std::string& ca_file,
                                              const TlsFactory& tls);

  // `path` without query. nullopt: no such route.
  [[nodiscard]] std::optional<RouteMatch> Match(std::string_view path) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  [[nodiscard]] const Route* Find(sidecar_config::UpstreamKind kind, std::string_view name) const;
  [[nodiscard]] std::optional<RouteMatch> MatchWellKnown(std::string_view path) const;
  std::vector<Route> routes_;
};

// "orders-db" -> AGENT_RELIABILITY_UPSTREAM_ORDERS_DB
[[nodiscard]] std::string UpstreamVariable(std::string_view name);

}  // namespace reliability::sidecar::proxy
