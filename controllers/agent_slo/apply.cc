#include "controllers/agent_slo/apply.h"

#include <algorithm>
#include <utility>

#include "libs/api/core_objects.h"
#include "libs/api/decode.h"
#include "libs/api/encode.h"
#include "libs/api/names.h"
#include "libs/base/base64.h"
#include "libs/kube/core/object_peek.h"
#include "libs/policy/slo_checkpoint.h"

namespace reliability::controllers::agent_slo {
namespace {

using nlohmann::json;
namespace resources = kube::resources;

constexpr const char* kAppsV1 = "apps/v1";
// Keys of the history's ConfigMap.
constexpr const char* kCheckpointKey = "checkpoint";
constexpr const char* kDamagedKey = "damaged";

kube::WriteOptions Manager(kube::Subresource subresource = kube::Subresource::kNone) {
  kube::WriteOptions options;
  options.field_manager = api::kSloManager;
  options.subresource = subresource;
  return options;
}

kube::ObjectRef HistoryRef(const api::AgentSlo& slo) {
  return {resources::kConfigMaps, slo.metadata.namespace_, api::CheckpointName(slo.metadata.name)};
}

// The UID keeps the status from landing on an object recreated under the same name.
std::string StatusPatch(const api::ObjectMeta& metadata, json status) {
  return json{{"metadata", {{"uid", metadata.uid}}}, {"status", std::move(status)}}.dump();
}

}  // namespace

json MergePatchOf(const json& before, const json& after) {
  json patch = after;
  if (!before.is_object() || !after.is_object()) {
    return patch;
  }
  for (const auto& [name, value] : before.items()) {
    const auto it = after.find(name);
    if (it == after.end()) {
      patch[name] = nullptr;
    } else if (value.is_object() && it->is_object()) {
      patch[name] = MergePatchOf(value, *it);
    }
  }
  return patch;
}

Status Applier::WriteStatus(const api::AgentSlo& slo, const api::AgentSloStatus& before,
                            const api::AgentSloStatus& after) const {
  const kube::ObjectRef ref{resources::kAgentSlos, slo.metadata.namespace_, slo.metadata.name};
  const json patch = MergePatchOf(api::ToJson(before), api::ToJson(after));
  RELIABILITY_TRY(client_.MergePatch(ref, StatusPatch(slo.metadata, patch),
                                     Manager(kube::Subresource::kStatus)));
  return {};
}

Status Applier::WriteStatus(const api::ErrorBudgetPolicy& policy,
                            const api::ErrorBudgetPolicyStatus& after) const {
  const kube::ObjectRef ref{resources::kErrorBudgetPolicies, policy.metadata.namespace_,
                            policy.metadata.name};
  const json patch = MergePatchOf(api::ToJson(policy.status), api::ToJson(after));
  RELIABILITY_TRY(client_.MergePatch(ref, StatusPatch(policy.metadata, patch),
                                     Manager(kube::Subresource::kStatus)));
  return {};
}

Result<SavedHistory> Applier::ReadHistory(const api::AgentSlo& slo) const {
  SavedHistory out;
  auto body = client_.Get(HistoryRef(slo));
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      return out;
    }
    return Fail(std::move(body).error());
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto map, api::Decode<api::ConfigMap>(*body));
  out.version = map.metadata.resource_version;
  const std::string_view text = map.binary_data.Get(kCheckpointKey);
  auto bytes = Base64Decode(text);
  out.unreadable = !bytes.has_value();
  out.bytes = bytes.has_value() ? *std::move(bytes) : std::string(text);
  return out;
}

Result<std::string> Applier::WriteHistory(const api::AgentSlo& slo, const std::string& version,
                                          std::string_view bytes, std::string_view damaged) const {
  const kube::ObjectRef ref = HistoryRef(slo);
  const kube::Resource& own = resources::kAgentSlos;
  json body{{"metadata",
             {{"ownerReferences", json::array({{{"apiVersion", own.ApiVersion()},
                                                {"kind", std::string(own.kind)},
                                                {"name", slo.metadata.name},
                                                {"uid", slo.metadata.uid}}})}}},
            {"binaryData", {{kCheckpointKey, Base64Encode(bytes)}}}};
  if (!damaged.empty()) {
    // As much as a checkpoint may have: somebody else may have put anything there.
    body["binaryData"][kDamagedKey] = Base64Encode(damaged.substr(0, policy::kCheckpointMaxBytes));
  }
  Result<std::string> written = Fail(Code::kInternal, "");
  if (version.empty()) {
    body["apiVersion"] = "v1";
    body["kind"] = "ConfigMap";
    body["metadata"]["name"] = ref.name;
    body["metadata"]["namespace"] = ref.ns;
    body["metadata"]["labels"] = {{"app.kubernetes.io/managed-by", "agent-reliability-operator"}};
    written = client_.Create(ref.resource, ref.ns, body.dump(), Manager());
  } else {
    body["metadata"]["resourceVersion"] = version;
    written = client_.MergePatch(ref, body.dump(), Manager());
  }
  if (!written.has_value()) {
    return written;
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto peek, kube::PeekObject(*written));
  return peek.resource_version;
}

void Applier::Emit(const api::AgentSlo& slo, const EventDraft& event,
                   const std::string& target_uid) const {
  const kube::Resource& own = resources::kAgentSlos;
  const std::string& ns = slo.metadata.namespace_;
  const api::TargetRef& target = slo.spec.target_ref;
  const kube::EventTarget on_slo{own.ApiVersion(), std::string(own.kind), ns, slo.metadata.name,
                                 slo.metadata.uid};
  const kube::EventTarget on_workload{kAppsV1, target.kind, ns, target.name, target_uid};
  // A change of state, which the bands' hysteresis keeps rare, is never only counted.
  kube::Event record{on_slo,
                     event.warning ? kube::EventType::kWarning : kube::EventType::kNormal,
                     event.reason.str(),
                     event.action,
                     event.note,
                     std::nullopt,
                     !event.repeats};
  if (!target_uid.empty()) {
    record.related = on_workload;
    kube::Event second = record;
    second.regarding = on_workload;
    second.related = on_slo;
    second.note = "AgentSLO " + slo.metadata.name + ": " + event.note;
    events_.Record(std::move(second));
  }
  events_.Record(std::move(record));
}

}  // namespace reliability::controllers::agent_slo
