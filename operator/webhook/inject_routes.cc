#include "operator/webhook/inject_routes.h"

#include <algorithm>
#include <cctype>

#include "libs/api/names.h"

namespace reliability::webhook {
namespace {

std::string_view WithoutSlash(std::string_view url) {
  while (!url.empty() && url.back() == '/') {
    url.remove_suffix(1);
  }
  return url;
}

// A value that the kubelet expands is no literal: the sidecar could not follow it.
bool IsLiteral(const Json& variable) {
  return Member(variable, "value").is_string() &&
         Text(variable, "value").find("$(") == std::string_view::npos;
}

bool IsSidecar(const Json& container) { return Text(container, "name") == api::kSidecarContainer; }

// One variable that `route` claims by name.
void RouteNamed(Json& variable, const std::string& container, const LocalRoute& route,
                EnvResult& result) {
  const std::string name(Text(variable, "name"));
  if (!IsLiteral(variable)) {
    if (variable.contains("valueFrom") || variable.contains("value")) {
      result.notes.push_back("container " + container + ": " + name +
                             " is not a literal value and was left alone, so its calls do not go "
                             "through the sidecar. Next: set it to " +
                             route.local);
      return;
    }
  }
  const std::string_view value = Text(variable, "value");
  if (value == route.local) {
    return;  // an earlier pass
  }
  if (!value.empty()) {
    if (!route.url.empty()) {
      if (WithoutSlash(value) != WithoutSlash(route.url)) {
        result.notes.push_back("container " + container + ": " + name + " was " +
                               std::string(value) + ", but upstream " + route.name +
                               " of the policy has url " + route.url + ", which is used");
      }
    } else if (const auto [it, added] = result.originals.emplace(route.name, value);
               !added && WithoutSlash(it->second) != WithoutSlash(value)) {
      result.conflict = "upstream " + route.name + " has no url, and its containers use both " +
                        it->second + " and " + std::string(value) + ". Next: set its url";
      return;
    }
  }
  variable["value"] = route.local;
}

void RouteContainer(Json& container, const std::vector<LocalRoute>& routes, EnvResult& result) {
  const std::string container_name(Text(container, "name"));
  Json env = List(container, "env");
  for (const LocalRoute& route : routes) {
    for (const std::string& name : route.variables) {
      bool present = false;
      for (Json& variable : env) {
        if (Text(variable, "name") == name) {
          present = true;
          RouteNamed(variable, container_name, route, result);
        }
      }
      if (!present) {
        env.push_back({{"name", name}, {"value", route.local}});
      }
    }
    if (route.url.empty()) {
      continue;
    }
    for (Json& variable : env) {
      if (IsLiteral(variable) && WithoutSlash(Text(variable, "value")) == WithoutSlash(route.url)) {
        variable["value"] = route.local;
      }
    }
  }
  if (!env.empty()) {
    container["env"] = std::move(env);
  }
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

std::vector<LocalRoute> LocalRoutes(const api::Upstreams& upstreams) {
  const std::string base = "http://127.0.0.1:" + std::to_string(api::kProxyPort);
  std::vector<LocalRoute> routes;
  bool openai_seen = false;
  bool anthropic_seen = false;
  for (const api::LlmUpstream& llm : upstreams.llms) {
    const bool openai = llm.format == api::LlmFormat::kOpenAI;
    LocalRoute route;
    route.name = llm.name;
    route.url = llm.url;
    // OpenAI's SDKs expect the version in the base URL, Anthropic's append it.
    route.local = base + "/llm/" + llm.name + (openai ? "/v1" : "");
    bool& seen = openai ? openai_seen : anthropic_seen;
    if (!seen) {
      route.variables.emplace_back(openai ? "OPENAI_BASE_URL" : "ANTHROPIC_BASE_URL");
      seen = true;
    }
    if (llm.url.empty()) {
      route.sdk_default = openai ? "https://api.openai.com/v1" : "https://api.anthropic.com";
    }
    for (const std::string& name : llm.env) {
      if (std::find(route.variables.begin(), route.variables.end(), name) ==
          route.variables.end()) {
        route.variables.push_back(name);
      }
    }
    routes.push_back(std::move(route));
  }
  const auto add = [&](const char* prefix, const std::vector<api::ToolUpstream>& list) {
    for (const api::ToolUpstream& tool : list) {
      routes.push_back({tool.name, tool.url, base + prefix + tool.name, tool.env, {}});
    }
  };
  add("/mcp/", upstreams.mcp_servers);
  add("/tools/", upstreams.tools);
  return routes;
}

void RouteEnvironment(Json& containers, const std::vector<LocalRoute>& routes, EnvResult& result) {
  for (Json& container : containers) {
    if (container.is_object() && !IsSidecar(container)) {
      RouteContainer(container, routes, result);
    }
  }
}

}  // namespace reliability::webhook
