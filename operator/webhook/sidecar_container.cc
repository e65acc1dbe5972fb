#include "operator/webhook/sidecar_container.h"

#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/webhook/inject_routes.h"

namespace reliability::webhook {
namespace {

constexpr const char* kConfigVolume = "agent-reliability-config";
constexpr const char* kStateVolume = "agent-reliability-state";
constexpr const char* kNoTokenVolume = "agent-reliability-no-token";
constexpr const char* kStateFolder = "/var/lib/agent-reliability";
constexpr const char* kTokenFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr int kUser = 65532;  // "nonroot" of the image

std::vector<api::ChainTier> TiersOf(const SidecarPolicy& policy) {
  return policy.chain == nullptr ? std::vector<api::ChainTier>() : policy.chain->spec.tiers;
}

// The ConfigMaps with CA certificates that upstreams and tiers name, each once.
std::set<std::string> CaMaps(const SidecarPolicy& policy) {
  const api::Upstreams& upstreams = policy.policy.spec.upstreams;
  std::set<std::string> names;
  const auto add = [&names](const auto& list) {
    for (const auto& upstream : list) {
      if (upstream.ca_config_map_ref.has_value()) {
        names.insert(upstream.ca_config_map_ref->name);
      }
    }
  };
  add(upstreams.llms);
  add(upstreams.mcp_servers);
  add(upstreams.tools);
  for (const api::ChainTier& tier : TiersOf(policy)) {
    if (tier.ca_bundle_ref.has_value()) {
      names.insert(tier.ca_bundle_ref->name);
    }
  }
  return names;
}

// The Secrets that tiers name, with the keys of each: nothing else of them gets into the pod.
std::map<std::string, std::set<std::string>> Secrets(const SidecarPolicy& policy) {
  std::map<std::string, std::set<std::string>> keys;
  for (const api::ChainTier& tier : TiersOf(policy)) {
    if (tier.secret_ref.has_value()) {
      keys[tier.secret_ref->name].insert(tier.secret_ref->key);
    }
  }
  return keys;
}

std::string Numbered(std::string_view prefix, std::size_t index) {
  return std::string(prefix) + std::to_string(index);
}

Json Mounts(const SidecarPolicy& policy) {
  // Folders, never subPath: a subPath mount is not refreshed.
  Json mounts = Json::array({
      {{"name", kConfigVolume}, {"mountPath", api::kConfigFolder}, {"readOnly", true}},
      {{"name", kStateVolume}, {"mountPath", kStateFolder}},
      // automountServiceAccountToken is per pod; an empty folder over its place keeps the agent's
      // token out of the sidecar, and the admission plugin from mounting it there.
      {{"name", kNoTokenVolume}, {"mountPath", kTokenFolder}, {"readOnly", true}},
  });
  std::size_t index = 0;
  for (const std::string& name : CaMaps(policy)) {
    mounts.push_back({{"name", Numbered(api::kCaVolumePrefix, index++)},
                      {"mountPath", std::string(api::kCaFolder) + "/" + name},
                      {"readOnly", true}});
  }
  index = 0;
  for (const auto& [name, keys] : Secrets(policy)) {
    mounts.push_back({{"name", Numbered(api::kSecretVolumePrefix, index++)},
                      {"mountPath", std::string(api::kSecretsFolder) + "/" + name},
                      {"readOnly", true}});
  }
  return mounts;
}

Json FromField(const char* variable, const char* path) {
  return {{"name", variable},
          {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", path}}}}}};
}

Json Probe(const char* path, int period_seconds, int failures) {
  return {{"httpGet", {{"path", path}, {"port", api::kAdminPort}, {"scheme", "HTTP"}}},
          {"periodSeconds", period_seconds},
          {"timeoutSeconds", 2},
          {"failureThreshold", failures}};
}

Json SecurityContext() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", Json::array({"ALL"})}}},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

// Both, so that quotas on requests or limits admit the pod.
Json Resources(bool guaranteed) {
  if (guaranteed) {
    const Json both{{"cpu", "200m"}, {"memory", "128Mi"}};
    return {{"requests", both}, {"limits", both}};
  }
  return {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}},
          {"limits", {{"cpu", "1"}, {"memory", "128Mi"}}}};
}

// "500m", "0.5", "128Mi", "1e3" -> a number; nullopt if it is none.
std::optional<double> Quantity(const Json& value) {
  if (value.is_number()) {
    return value.get<double>();
  }
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr) {
    return std::nullopt;
  }
  char* end = nullptr;
  const double number = std::strtod(text->c_str(), &end);
  static const std::map<std::string, double, std::less<>> kUnits{{"", 1.0},
                                                                 {"n", 1e-9},
                                                                 {"u", 1e-6},
                                                                 {"m", 1e-3},
                                                                 {"k", 1e3},
                                                                 {"M", 1e6},
                                                                 {"G", 1e9},
                                                                 {"T", 1e12},
                                                                 {"P", 1e15},
                                                                 {"E", 1e18},
                                                                 {"Ki", 1024.0},
                                                                 {"Mi", 1048576.0},
                                                                 {"Gi", 1073741824.0},
                                                                 {"Ti", 1099511627776.0},
                                                                 {"Pi", 1125899906842624.0}};
  const auto unit = kUnits.find(std::string_view(end));
  return end == text->c_str() || unit == kUnits.end() ? std::nullopt
                                                      : std::optional(number * unit->second);
}

bool ContainerGuaranteed(const Json& container) {
  const Json& resources = Member(container, "resources");
  for (const char* name : {"cpu", "memory"}) {
    const auto limit = Quantity(Member(Member(resources, "limits"), name));
    const Json& request = Member(Member(resources, "requests"), name);
    // An absent request becomes the limit.
    if (!limit.has_value() || (!request.is_null() && Quantity(request) != limit)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool IsGuaranteed(const Json& pod_spec) {
  std::size_t seen = 0;
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : List(pod_spec, list)) {
      if (Text(container, "name") == api::kSidecarContainer) {
        continue;
      }
      if (!ContainerGuaranteed(container)) {
        return false;
      }
      ++seen;
    }
  }
  return seen > 0;
}

Json SidecarContainer(const SidecarOptions& options, const SidecarPolicy& policy,
                      const std::map<std::string, std::string>& upstreams, bool guaranteed) {
  Json env =
      Json::array({FromField("POD_UID", "metadata.uid"), FromField("POD_NAME", "metadata.name"),
                   FromField("POD_NAMESPACE", "metadata.namespace")});
  for (const auto& [name, url] : upstreams) {
    env.push_back({{"name", UpstreamVariable(name)}, {"value", url}});
  }
  const std::string config(api::kConfigFolder);
  const std::string admin_port = std::to_string(api::kAdminPort);
  Json args = Json::array({"--policy", config + "/" + std::string(api::kPolicyKey),  //
                           "--mode", config + "/" + std::string(api::kModeKey),      //
                           "--listen", "127.0.0.1:" + std::to_string(api::kProxyPort), "--admin",
                           "0.0.0.0:" + admin_port, "--state-dir", kStateFolder, "--pod-uid",
                           "$(POD_UID)"});
  return {
      {"name", api::kSidecarContainer},
      {"image", options.image},
      {"imagePullPolicy", options.pull_policy},
      {"args", std::move(args)},
      {"env", std::move(env)},
      {"ports",
       Json::array(
           {{{"name", "reliability"}, {"containerPort", api::kAdminPort}, {"protocol", "TCP"}}})},
      // A native sidecar: starts before and stops after the agent, does not keep a Job running.
      {"restartPolicy", "Always"},
      // Fails until a valid policy.json is loaded, so the agent never runs without its policy. It
      // never gives up: the operator says by event what is missing (operator ruling 6).
      {"startupProbe", Probe("/readyz", 1, 1'000'000)},
      {"livenessProbe", Probe("/healthz", 10, 3)},
      {"resources", Resources(guaranteed)},
      {"securityContext", SecurityContext()},
      {"terminationMessagePath", "/dev/termination-log"},
      {"terminationMessagePolicy", "File"},
      {"volumeMounts", Mounts(policy)},
  };
}

Json SidecarVolumes(const api::TargetRef& target, const SidecarPolicy& policy) {
  const auto config_map = [](const std::string& name) -> Json {
    return {{"name", name}, {"optional", true}};
  };
  Json volumes = Json::array({
      {{"name", kConfigVolume}, {"configMap", config_map(api::ConfigMapName(target))}},
      {{"name", kStateVolume}, {"emptyDir", {{"sizeLimit", "16Mi"}}}},
      {{"name", kNoTokenVolume}, {"emptyDir", {{"sizeLimit", "1Mi"}}}},
  });
  std::size_t index = 0;
  for (const std::string& name : CaMaps(policy)) {
    volumes.push_back(
        {{"name", Numbered(api::kCaVolumePrefix, index++)}, {"configMap", config_map(name)}});
  }
  index = 0;
  for (const auto& [name, keys] : Secrets(policy)) {
    Json items = Json::array();
    for (const std::string& key : keys) {
      items.push_back({{"key", key}, {"path", key}});
    }
    // Optional (data-plane ruling 49): a Secret that is late must not keep the agent from starting.
    volumes.push_back(
        {{"name", Numbered(api::kSecretVolumePrefix, index++)},
         {"secret", {{"secretName", name}, {"optional", true}, {"items", std::move(items)}}}});
  }
  return volumes;
}

}  // namespace reliability::webhook
