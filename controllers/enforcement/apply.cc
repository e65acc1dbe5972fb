#include "controllers/enforcement/apply.h"

#include <nlohmann/json.hpp>

#include "libs/api/core_objects.h"
#include "libs/api/decode.h"
#include "libs/api/encode.h"
#include "libs/api/workloads.h"

namespace reliability::controllers::enforcement {
namespace {

using nlohmann::json;
namespace resources = kube::resources;

constexpr const char* kAppsV1 = "apps/v1";

const kube::Resource& ResourceOf(const api::TargetRef& target) {
  return target.kind == "StatefulSet" ? resources::kStatefulSets : resources::kDeployments;
}

kube::ObjectRef RefOf(const api::Workload& workload) {
  return {resources::kAgentEnforcements, workload.ns, api::EnforcementName(workload.target)};
}

kube::WriteOptions Forced(kube::Subresource subresource = kube::Subresource::kNone) {
  kube::WriteOptions options;
  options.field_manager = api::kEnforcementManager;
  options.force = true;
  options.subresource = subresource;
  return options;
}

kube::WriteOptions Polite() {
  kube::WriteOptions options;
  options.field_manager = api::kEnforcementManager;
  return options;
}

json Skeleton(const kube::ObjectRef& ref) {
  return {{"apiVersion", ref.resource.ApiVersion()},
          {"kind", std::string(ref.resource.kind)},
          {"metadata", {{"name", ref.name}, {"namespace", ref.ns}}}};
}

}  // namespace

Result<api::AgentEnforcement> Applier::WriteObject(const api::Workload& workload,
                                                   const std::string& workload_uid,
                                                   const std::string& uid, bool finalizer) const {
  const kube::ObjectRef ref = RefOf(workload);
  json body = Skeleton(ref);
  json& metadata = body["metadata"];
  // A workload that is gone has no uid, and the API server wants one: the last write, which takes
  // the finalizer away, names no owner then.
  if (!workload_uid.empty()) {
    metadata["ownerReferences"] = json::array({{{"apiVersion", kAppsV1},
                                                {"kind", workload.target.kind},
                                                {"name", workload.target.name},
                                                {"uid", workload_uid}}});
  }
  if (finalizer) {
    metadata["finalizers"] = json::array({std::string(kFinalizer)});
  }
  if (!uid.empty()) {
    metadata["uid"] = uid;  // never brings a deleted object back
  }
  body["spec"] = {{"targetRef",
                   {{"group", workload.target.group},
                    {"kind", workload.target.kind},
                    {"name", workload.target.name}}}};
  RELIABILITY_ASSIGN_OR_RETURN(const std::string written,
                               client_.Apply(ref, body.dump(), Forced()));
  return api::Decode<api::AgentEnforcement>(written);
}

Result<api::AgentEnforcement> Applier::WriteStatus(
    const api::AgentEnforcement& object, const api::AgentEnforcementStatus& status) const {
  const kube::ObjectRef ref{resources::kAgentEnforcements, object.metadata.namespace_,
                            object.metadata.name};
  json body = Skeleton(ref);
  body["metadata"]["uid"] = object.metadata.uid;
  body["metadata"]["resourceVersion"] = object.metadata.resource_version;
  body["status"] = api::ToJson(status);
  RELIABILITY_ASSIGN_OR_RETURN(const std::string written,
                               client_.Apply(ref, body.dump(), Forced(kube::Subresource::kStatus)));
  return api::Decode<api::AgentEnforcement>(written);
}

Result<api::AgentEnforcement> Applier::ReadObject(const api::Workload& workload) const {
  RELIABILITY_ASSIGN_OR_RETURN(const std::string body, client_.Get(RefOf(workload)));
  return api::Decode<api::AgentEnforcement>(body);
}

Status Applier::DeleteObject(const api::AgentEnforcement& object) const {
  kube::DeleteOptions options;
  options.uid = object.metadata.uid;
  options.resource_version = object.metadata.resource_version;
  const auto deleted = client_.Delete(
      {resources::kAgentEnforcements, object.metadata.namespace_, object.metadata.name}, options);
  if (!deleted && deleted.error().code != Code::kNotFound) {
    return Fail(deleted.error());
  }
  return {};
}

Result<std::string> Applier::ReadMode(const api::Workload& workload) const {
  const auto body =
      client_.Get({resources::kConfigMaps, workload.ns, api::ConfigMapName(workload.target)});
  if (!body) {
    if (body.error().code == Code::kNotFound) {
      return std::string();
    }
    return Fail(body.error());
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto map, api::Decode<api::ConfigMap>(*body));
  return std::string(map.data.Get(api::kModeKey));
}

Status Applier::WriteMode(const api::Workload& workload, const std::string& mode_json) const {
  const kube::ObjectRef ref{resources::kConfigMaps, workload.ns,
                            api::ConfigMapName(workload.target)};
  json body = Skeleton(ref);
  body["data"] = {{std::string(api::kModeKey), mode_json}};
  RELIABILITY_TRY(client_.Apply(ref, body.dump(), Forced()));
  return {};
}

Result<LiveWorkload> Applier::ReadWorkload(const api::Workload& workload) const {
  const kube::ObjectRef ref{ResourceOf(workload.target), workload.ns, workload.target.name};
  RELIABILITY_ASSIGN_OR_RETURN(const std::string body, client_.Get(ref));
  LiveWorkload live;
  if (workload.target.kind == "StatefulSet") {
    RELIABILITY_ASSIGN_OR_RETURN(const auto object, api::Decode<api::StatefulSet>(body));
    live.replicas = object.spec.replicas;
    live.resource_version = object.metadata.resource_version;
  } else {
    RELIABILITY_ASSIGN_OR_RETURN(const auto object, api::Decode<api::Deployment>(body));
    live.replicas = object.spec.replicas;
    live.resource_version = object.metadata.resource_version;
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto managers, api::ReplicasManagers(body));
  if (!managers.empty()) {
    live.replicas_manager = managers.front().manager;
  }
  return live;
}

Status Applier::Scale(const api::Workload& workload, std::int32_t replicas,
                      const std::string& resource_version) const {
  const kube::ObjectRef ref{ResourceOf(workload.target), workload.ns, workload.target.name};
  RELIABILITY_TRY(client_.Scale(ref, replicas, resource_version, Polite()));
  return {};
}

Status Applier::Annotate(const std::string& ns, const std::string& pod,
                         const std::string& value) const {
  const json body{
      {"metadata", {{"annotations", {{std::string(api::kModeGenerationAnnotation), value}}}}}};
  const auto patched = client_.MergePatch({resources::kPods, ns, pod}, body.dump(), Polite());
  if (!patched && patched.error().code != Code::kNotFound) {
    return Fail(patched.error());
  }
  return {};
}

void Applier::Emit(const Input& input, const EventDraft& draft) const {
  const WorkloadFacts& workload = input.workload;
  const kube::EventTarget on_workload{kAppsV1, workload.kind, workload.ns, workload.name,
                                      workload.uid};
  kube::Event event;
  event.regarding = on_workload;
  event.type = draft.warning ? kube::EventType::kWarning : kube::EventType::kNormal;
  event.reason = draft.reason.str();
  event.action = draft.action;
  event.note = draft.note;
  event.distinct = !draft.repeats;  // a step of the story; holds bound how many there are
  for (const SloFacts& slo : input.slos) {
    if (slo.name != draft.slo) {
      continue;
    }
    const kube::EventTarget on_slo{resources::kAgentSlos.ApiVersion(),
                                   std::string(resources::kAgentSlos.kind), workload.ns, slo.name,
                                   slo.uid};
    event.related = on_slo;
    kube::Event second = event;
    second.regarding = on_slo;
    second.related = on_workload;
    events_.Record(std::move(second));
  }
  events_.Record(std::move(event));
}

}  // namespace reliability::controllers::enforcement
