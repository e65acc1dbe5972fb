#include "controllers/agent_policy/apply.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "libs/api/core_objects.h"
#include "libs/api/decode.h"
#include "libs/api/encode.h"
#include "libs/kube/core/object_peek.h"

namespace reliability::controllers::agent_policy {
namespace {

using nlohmann::json;
namespace resources = kube::resources;

constexpr const char* kAppsV1 = "apps/v1";

kube::ObjectRef MapRef(const std::string& ns, const api::TargetRef& target) {
  return {resources::kConfigMaps, ns, api::ConfigMapName(target)};
}

kube::WriteOptions Manager() {
  kube::WriteOptions options;
  options.field_manager = api::kPolicyManager;
  return options;
}

}  // namespace

Result<std::string> Applier::ReadPolicy(const std::string& ns, const api::TargetRef& target) const {
  auto body = client_.Get(MapRef(ns, target));
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      return std::string();
    }
    return Fail(std::move(body).error());
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto map, api::Decode<api::ConfigMap>(*body));
  return std::string(map.data.Get(api::kPolicyKey));
}

Status Applier::WritePolicy(const Input& input, const Plan& plan) const {
  const kube::ObjectRef ref = MapRef(input.ns, input.target);
  const json body{{"apiVersion", "v1"},
                  {"kind", "ConfigMap"},
                  {"metadata",
                   {{"name", ref.name},
                    {"namespace", ref.ns},
                    {"labels", {{"app.kubernetes.io/managed-by", "agent-reliability-operator"}}},
                    {"ownerReferences", json::array({{{"apiVersion", kAppsV1},
                                                      {"kind", input.target.kind},
                                                      {"name", input.target.name},
                                                      {"uid", input.target_uid}}})}}},
                  {"data", {{std::string(api::kPolicyKey), plan.json}}}};
  kube::WriteOptions options = Manager();
  options.force = true;
  RELIABILITY_TRY(client_.Apply(ref, body.dump(), options));
  return {};
}

Status Applier::DeleteMap(const std::string& ns, const api::TargetRef& target) const {
  const auto deleted = client_.Delete(MapRef(ns, target));
  if (!deleted.has_value() && deleted.error().code != Code::kNotFound) {
    return Fail(deleted.error());
  }
  return {};
}

Status Applier::Annotate(const std::string& ns, const std::string& pod,
                         const std::string& value) const {
  const json body{
      {"metadata", {{"annotations", {{std::string(api::kConfigHashAnnotation), value}}}}}};
  const auto patched = client_.MergePatch({resources::kPods, ns, pod}, body.dump(), Manager());
  if (!patched.has_value() && patched.error().code != Code::kNotFound) {
    return Fail(patched.error());
  }
  return {};
}

Result<std::string> Applier::WriteStatus(const api::AgentReliabilityPolicy& policy,
                                         const api::AgentReliabilityPolicyStatus& status) const {
  const kube::ObjectRef ref{resources::kAgentReliabilityPolicies, policy.metadata.namespace_,
                            policy.metadata.name};
  // The UID keeps the status from landing on a policy recreated under the same name.
  const json body{
      {"apiVersion", ref.resource.ApiVersion()},
      {"kind", std::string(ref.resource.kind)},
      {"metadata", {{"name", ref.name}, {"namespace", ref.ns}, {"uid", policy.metadata.uid}}},
      {"status", api::ToJson(status)}};
  kube::WriteOptions options = Manager();
  options.subresource = kube::Subresource::kStatus;
  RELIABILITY_ASSIGN_OR_RETURN(const std::string written, client_.Apply(ref, body.dump(), options));
  RELIABILITY_ASSIGN_OR_RETURN(const auto peek, kube::PeekObject(written));
  return peek.resource_version;
}

void Applier::Emit(const api::AgentReliabilityPolicy& policy, const PolicyEvent& event,
                   const std::string& target_uid) const {
  const auto& resource = resources::kAgentReliabilityPolicies;
  const std::string& ns = policy.metadata.namespace_;
  const kube::EventTarget on_policy{resource.ApiVersion(), std::string(resource.kind), ns,
                                    policy.metadata.name, policy.metadata.uid};
  const kube::EventTarget on_workload{kAppsV1, event.target.kind, ns, event.target.name,
                                      target_uid};
  kube::Event record{on_policy,
                     event.warning ? kube::EventType::kWarning : kube::EventType::kNormal,
                     event.reason.str(),
                     event.action,
                     event.note,
                     std::nullopt,
                     false};
  if (!target_uid.empty()) {
    record.related = on_workload;
    kube::Event second = record;
    second.regarding = on_workload;
    second.related = on_policy;
    events_.Record(std::move(second));
  }
  events_.Record(std::move(record));
}

void Applier::EmitOrphan(const Input& input, const std::string& pod) const {
  events_.Record({kAppsV1, input.target.kind, input.ns, input.target.name, input.target_uid},
                 kube::EventType::kWarning, api::reasons::kSidecarOrphaned.str(), "Cover",
                 "pod " + pod +
                     " was injected for a policy that is gone, so its sidecar has nothing to run "
                     "and the agent does not start. Next: kubectl delete pod " +
                     pod + " -n " + input.ns);
}

}  // namespace reliability::controllers::agent_policy
