#include "operator/webhook/inject_sidecar.h"

#include <algorithm>
#include <map>
#include <utility>

#include "operator/webhook/inject_routes.h"
#include "operator/webhook/sidecar_container.h"

namespace reliability::webhook {
namespace {

Injection SkipPod(Skip skip, std::string note) {
  Injection out;
  out.skip = skip;
  out.skip_note = std::move(note);
  return out;
}

bool UsesPort(const Json& container, std::int64_t port) {
  for (const Json& one : List(container, "ports")) {
    const auto* number = Member(one, "containerPort").get_ptr<const Json::number_integer_t*>();
    if (number != nullptr && *number == port) {
      return true;
    }
  }
  return false;
}

// What makes injection impossible; kNone if nothing does.
Injection Obstacle(const Json& spec) {
  if (True(spec, "hostNetwork")) {
    return SkipPod(Skip::kHostNetwork,
                   "the pod uses the host's network, where the sidecar's ports would be shared. "
                   "Next: remove hostNetwork");
  }
  if (Text(Member(spec, "os"), "name") == "windows" ||
      Text(Member(spec, "nodeSelector"), "kubernetes.io/os") == "windows") {
    return SkipPod(Skip::kWindows, "there is no sidecar for Windows pods");
  }
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : List(spec, list)) {
      if (Text(container, "name") == api::kSidecarContainer) {
        continue;
      }
      for (const std::int64_t port : {api::kProxyPort, api::kAdminPort}) {
        if (UsesPort(container, port)) {
          return SkipPod(Skip::kPortInUse, "container " + std::string(Text(container, "name")) +
                                               " uses port " + std::to_string(port) +
                                               ", which the sidecar needs. Next: use another port");
        }
      }
    }
  }
  return {};
}

// The sidecar that an earlier pass (or a copied manifest) put there; null if there is none.
const Json& ExistingSidecar(const Json& spec) {
  static const Json kNull;
  for (const Json& container : List(spec, "initContainers")) {
    if (Text(container, "name") == api::kSidecarContainer) {
      return container;
    }
  }
  return kNull;
}

// What the earlier pass remembered about entries without url.
std::map<std::string, std::string> RememberedUpstreams(const Json& sidecar,
                                                       const std::vector<LocalRoute>& routes) {
  std::map<std::string, std::string> out;
  for (const Json& variable : List(sidecar, "env")) {
    for (const LocalRoute& route : routes) {
      if (route.url.empty() && Text(variable, "name") == UpstreamVariable(route.name) &&
          Text(variable, "value") != route.sdk_default) {
        out[route.name] = Text(variable, "value");
      }
    }
  }
  return out;
}

// Sets `name` of `list` (objects with a name) to `value`: in its place, or appended.
void Upsert(Json& list, const Json& value) {
  for (Json& one : list) {
    if (Text(one, "name") == Text(value, "name")) {
      one = value;
      return;
    }
  }
  list.push_back(value);
}

// An existing sidecar keeps what other admission plugins added to it.
Json MergedSidecar(Json existing, Json fresh) {
  if (!existing.is_object()) {
    return fresh;
  }
  for (const auto& [key, value] : fresh.items()) {
    if (key == "env" || key == "volumeMounts" || key == "ports") {
      Json list = List(existing, key);
      for (const Json& one : value) {
        if (key == "env") {
          Upsert(list, one);
        } else if (std::find(list.begin(), list.end(), one) == list.end()) {
          list.push_back(one);
        }
      }
      existing[key] = std::move(list);
    } else if (!existing.contains(key)) {
      existing[key] = value;
    }
  }
  return existing;
}

// "add" replaces an existing member and makes a missing one.
void Set(Json& patch, const std::string& path, const Json& before, const Json& after) {
  if (before != after) {
    patch.push_back({{"op", "add"}, {"path", path}, {"value", after}});
  }
}

}  // namespace

Injection InjectSidecar(const Json& pod, const api::TargetRef& target,
                        const api::AgentReliabilityPolicy& policy, const SidecarOptions& options,
                        const api::LlmFallbackChain* chain) {
  const Json& spec = Member(pod, "spec");
  if (!spec.is_object() || List(spec, "containers").empty()) {
    return SkipPod(Skip::kNotAPod, "the object has no containers");
  }
  Injection out = Obstacle(spec);
  if (out.skip != Skip::kNone) {
    return out;
  }
  const std::vector<LocalRoute> routes = LocalRoutes(policy.spec.upstreams);
  const Json& existing = ExistingSidecar(spec);
  EnvResult env;
  env.originals = RememberedUpstreams(existing, routes);
  Json containers = List(spec, "containers");
  Json others = Json::array();
  for (const Json& container : List(spec, "initContainers")) {
    if (Text(container, "name") != api::kSidecarContainer) {
      others.push_back(container);
    }
  }
  RouteEnvironment(containers, routes, env);
  RouteEnvironment(others, routes, env);
  if (!env.conflict.empty()) {
    return SkipPod(Skip::kDifferentUpstreams, env.conflict);
  }
  std::map<std::string, std::string> upstreams = env.originals;
  for (const LocalRoute& route : routes) {
    if (!route.sdk_default.empty()) {
      upstreams.emplace(route.name, route.sdk_default);
    }
  }
  // First of all init containers: whatever starts later may already call through it.
  Json init_containers = Json::array({MergedSidecar(
      existing, SidecarContainer(options, {policy, chain}, upstreams, IsGuaranteed(spec)))});
  init_containers.insert(init_containers.end(), others.begin(), others.end());
  Json volumes = List(spec, "volumes");
  for (const Json& volume : SidecarVolumes(target, {policy, chain})) {
    Upsert(volumes, volume);
  }
  Set(out.patch, "/spec/initContainers", Member(spec, "initContainers"), init_containers);
  Set(out.patch, "/spec/containers", Member(spec, "containers"), containers);
  Set(out.patch, "/spec/volumes", Member(spec, "volumes"), volumes);
  out.notes = std::move(env.notes);
  return out;
}

}  // namespace reliability::webhook
