#include "sidecar/proxy/route_table.h"

#include <cctype>
#include <utility>

namespace reliability::sidecar::proxy {
namespace {

using sidecar_config::LlmFormat;
using sidecar_config::UpstreamKind;

constexpr std::string_view kWellKnown = "/.well-known/oauth-";

std::string_view PrefixOf(UpstreamKind kind) {
  switch (kind) {
    case UpstreamKind::kLlm:
      return "/llm/";
    case UpstreamKind::kMcp:
      return "/mcp/";
    case UpstreamKind::kHttp:
      return "/tools/";
  }
  return "/";
}

std::string_view TrafficKind(UpstreamKind kind) {
  switch (kind) {
    case UpstreamKind::kLlm:
      return "llm:";
    case UpstreamKind::kMcp:
      return "mcp:";
    case UpstreamKind::kHttp:
      return "http:";
  }
  return "";
}

bool EndsInVersion(std::string_view path) { return path == "/v1" || path.ends_with("/v1"); }

// What the rest of an agent's path is appended to. OpenAI's base URL contains /v1, Anthropic's does
// not (its SDK adds it): with or without it in the policy, both mean the same.
std::string BasePath(const Route& route) {
  std::string path = route.url.path;
  if (route.kind == UpstreamKind::kLlm && route.format == LlmFormat::kAnthropic &&
      !EndsInVersion(path)) {
    path += "/v1";
  }
  return path;
}

// A connection is good for whoever trusts the same for the same origin.
std::string PoolKey(const Route& route) {
  return route.url.origin + "|" + (route.tls == nullptr ? std::string() : route.tls->trust());
}

// Fills what leads to `url`. kInvalid "url: ..."; kUnavailable "caFile: ...": it cannot be used at
// present.
Status Reach(Route& route, const std::string& url, const std::string& ca_file,
             const TlsFactory& tls) {
  auto parsed = net::ParseUrl(url);
  if (!parsed.has_value()) {
    return Fail(Code::kInvalid, "url: " + parsed.error().message);
  }
  route.url = std::move(*parsed);
  route.configured = true;
  route.base_path = BasePath(route);
  if (route.url.tls) {
    auto context = tls(ca_file);
    if (!context.has_value()) {
      return Fail(Code::kUnavailable, "caFile: " + context.error().message);
    }
    route.tls = std::move(*context);
  }
  route.pool_key = PoolKey(route);
  return {};
}

std::string_view WithoutVersions(std::string_view rest) {
  while (rest == "/v1" || rest.starts_with("/v1/")) {
    rest.remove_prefix(3);
  }
  return rest;
}

// "/name/rest" of what follows the kind's prefix.
std::pair<std::string_view, std::string_view> SplitName(std::string_view path) {
  const std::size_t slash = path.find('/');
  return {path.substr(0, slash),
          slash == std::string_view::npos ? std::string_view{} : path.substr(slash)};
}

}  // namespace

std::string UpstreamVariable(std::string_view name) {
  std::string variable = "AGENT_RELIABILITY_UPSTREAM_";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    variable += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return variable;
}

Result<RouteTable> RouteTable::Build(const sidecar_config::PolicyDocument& policy,
                                     const Environment& environment, const TlsFactory& tls) {
  RouteTable table;
  for (std::size_t i = 0; i < policy.upstreams.size(); ++i) {
    const sidecar_config::Upstream& upstream = policy.upstreams[i];
    const std::string path = "upstreams[" + std::to_string(i) + "].";
    Route route;
    route.index = i;
    route.kind = upstream.kind;
    route.name = upstream.name;
    route.format = upstream.format;
    route.prefix = std::string(PrefixOf(upstream.kind)) + upstream.name;
    route.traffic = std::string(TrafficKind(upstream.kind)) + upstream.name;
    std::string url = upstream.url;
    if (url.empty()) {
      url = environment(UpstreamVariable(upstream.name));
    }
    if (!url.empty()) {
      if (const Status reached = Reach(route, url, upstream.ca_file, tls); !reached.has_value()) {
        return Fail(Code::kInvalid, path + reached.error().message);
      }
    }
    table.routes_.push_back(std::move(route));
  }
  return table;
}

Result<Route> RouteTable::LlmRoute(const std::string& name, LlmFormat format,
                                   const std::string& url, const std::string& ca_file,
                                   const TlsFactory& tls) {
  Route route;
  route.name = name;
  route.format = format;
  RELIABILITY_TRY(Reach(route, url, ca_file, tls));
  return route;
}

const Route* RouteTable::Find(UpstreamKind kind, std::string_view name) const {
  for (const Route& route : routes_) {
    if (route.kind == kind && route.name == name) {
      return &route;
    }
  }
  return nullptr;
}

std::optional<RouteMatch> RouteTable::Match(std::string_view path) const {
  for (const UpstreamKind kind : {UpstreamKind::kLlm, UpstreamKind::kMcp, UpstreamKind::kHttp}) {
    const std::string_view prefix = PrefixOf(kind);
    if (!path.starts_with(prefix)) {
      continue;
    }
    const auto [name, rest] = SplitName(path.substr(prefix.size()));
    const Route* route = Find(kind, name);
    if (route == nullptr) {
      return std::nullopt;
    }
    const std::string_view below = kind == UpstreamKind::kLlm ? WithoutVersions(rest) : rest;
    RouteMatch match{.route = route, .path = {}};
    match.path.reserve(route->base_path.size() + below.size());
    match.path += route->base_path;
    match.path += below;
    if (match.path.empty()) {
      match.path = "/";
    }
    return match;
  }
  return MatchWellKnown(path);
}

std::optional<RouteMatch> RouteTable::MatchWellKnown(std::string_view path) const {
  if (!path.starts_with(kWellKnown)) {
    return std::nullopt;
  }
  const std::size_t at = path.find("/mcp/", kWellKnown.size());
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const auto [name, rest] = SplitName(path.substr(at + 5));
  const Route* route = Find(UpstreamKind::kMcp, name);
  if (route == nullptr) {
    return std::nullopt;
  }
  RouteMatch match{.route = route, .path = std::string(path.substr(0, at))};
  match.path += route->base_path;
  match.path += rest;
  return match;
}

}  // namespace reliability::sidecar::proxy
