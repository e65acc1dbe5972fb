#include "libs/api/names.h"

#include "libs/base/hash.h"
#include "libs/base/strings.h"

namespace reliability::api {
namespace {

constexpr std::size_t kNameLimit = 253;  // of a DNS subdomain name
constexpr std::size_t kKeptOfLongNames = 242;

std::string Bounded(std::string name) {
  if (name.size() <= kNameLimit) {
    return name;
  }
  const std::string hash = Sha256Hex(name).substr(0, 10);
  return name.substr(0, kKeptOfLongNames) + "-" + hash;
}

}  // namespace

std::string SecretMount(std::string_view name, std::string_view key) {
  return "secret/" + std::string(name) + "/" + std::string(key);
}

std::string CaMount(std::string_view name) { return "ca/" + std::string(name); }

std::string ConfigMapName(const TargetRef& target) {
  return Bounded("agent-reliability-" + ToLower(target.kind) + "-" + target.name);
}

std::string EnforcementName(const TargetRef& target) {
  return Bounded(ToLower(target.kind) + "-" + target.name);
}

std::string CheckpointName(std::string_view slo_name) {
  return Bounded("agentslo-" + std::string(slo_name) + "-history");
}

std::string WorkloadKey(std::string_view ns, const TargetRef& target) {
  return std::string(ns) + "/" + target.kind + "/" + target.name;
}

std::optional<Workload> ParseWorkloadKey(std::string_view key) {
  const auto parts = Split(key, '/');
  if (parts.size() != 3 || parts[0].empty() || parts[1].empty() || parts[2].empty()) {
    return std::nullopt;
  }
  return Workload{std::string(parts[0]), {"apps", std::string(parts[1]), std::string(parts[2])}};
}

std::optional<TargetRef> WorkloadOf(const ObjectMeta& pod) {
  const OwnerReference* owner = pod.Controller();
  if (owner == nullptr || owner->api_version != "apps/v1") {
    return std::nullopt;
  }
  if (owner->kind == "StatefulSet") {
    return TargetRef{"apps", owner->kind, owner->name};
  }
  const std::string suffix = "-" + std::string(pod.labels.Get("pod-template-hash"));
  const std::string_view name = owner->name;
  if (owner->kind != "ReplicaSet" || suffix.size() == 1 || name.size() <= suffix.size() ||
      name.substr(name.size() - suffix.size()) != suffix) {
    return std::nullopt;
  }
  return TargetRef{"apps", "Deployment", std::string(name.substr(0, name.size() - suffix.size()))};
}

std::string SloKey(const AgentSlo& slo) {
  const SliSpec& sli = slo.spec.sli;
  // Written out here and not by the JSON encoder: its form may change, these keys must not.
  std::string text(EnumNames<SliType>::kNames[static_cast<std::size_t>(sli.type)]);
  text += "\n" + sli.tool + "\n";
  if (sli.threshold.has_value()) {
    text += std::to_string(sli.threshold->count());
  }
  if (sli.degraded_is.has_value()) {
    text += "\n";
    text += EnumNames<DegradedIs>::kNames[static_cast<std::size_t>(*sli.degraded_is)];
  }
  return slo.metadata.uid + "/" + Sha256Hex(text).substr(0, 8);
}

}  // namespace reliability::api
