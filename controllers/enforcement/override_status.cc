#include "controllers/enforcement/override_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "libs/api/encode.h"
#include "libs/base/duration.h"

namespace reliability::controllers::enforcement {
namespace {

constexpr const char* kActive = "Active";
constexpr const char* kExpired = "Expired";
constexpr Milliseconds kLongestNotice = std::chrono::minutes{15};

api::Condition Make(const char* type, bool holds, const char* reason, std::string message,
                    std::int64_t generation) {
  api::Condition condition;
  condition.type = type;
  condition.status = holds ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse;
  condition.reason = reason;
  condition.message = std::move(message);
  condition.observed_generation = generation;
  return condition;
}

// When its end is announced: 15 minutes before, or in the last quarter of a short life.
SystemTime NoticeAt(const api::ReliabilityOverride& order) {
  const SystemTime expires = api::EffectiveExpiry(order);
  const Milliseconds life = expires - order.metadata.creation_timestamp;
  return expires - std::min(kLongestNotice, std::max(life, Milliseconds{0}) / 4);
}

std::string NoticeText(const api::ReliabilityOverride& order, SystemTime now) {
  const SystemTime expires = api::EffectiveExpiry(order);
  const std::string target = api::ToString(order.spec.target_ref);
  const auto left = std::chrono::floor<std::chrono::seconds>(expires - now);
  return "\"" + order.spec.reason + "\" ends in " + FormatDuration(left) + ", at " +
         FormatRfc3339(expires) + ": then the rules apply to " + target +
         " again. Next: see that its budget does not burn any more (kubectl get agslo), or " +
         (expires < order.spec.expires_at ? "create another override, as this one ends after 7 days"
                                          : "set a later expiresAt");
}

}  // namespace

OverrideDecision DecideOverride(const api::ReliabilityOverride& order, bool target_exists,
                                SystemTime now) {
  OverrideDecision out;
  out.status = order.status;
  api::ReliabilityOverrideStatus& status = out.status;
  const std::int64_t generation = order.metadata.generation;
  const SystemTime expires = api::EffectiveExpiry(order);
  const std::string until = FormatRfc3339(expires);
  const std::string target = api::ToString(order.spec.target_ref);
  const api::Condition* before = api::FindCondition(order.status.conditions, kActive);
  const bool was_active = api::IsTrue(order.status.conditions, kActive);
  const bool expired = expires <= now;
  const bool active = !expired && target_exists;
  status.observed_generation = generation;
  status.target = target;
  if (active && !status.applied_at) {
    status.applied_at = std::chrono::floor<std::chrono::seconds>(now);
  }

  // The reason remembers that the end was announced, the message which end.
  const SystemTime notice_at = NoticeAt(order);
  const bool soon = now >= notice_at;
  api::Condition condition = Make(kActive, true, soon ? "ExpiresSoon" : "Released",
                                  "nothing is held before " + until, generation);
  if (expired) {
    condition = Make(kActive, false, "Expired", "ended at " + until, generation);
  } else if (!target_exists) {
    condition = Make(kActive, false, "TargetNotFound",
                     "there is no " + target + "; stands as soon as there is one", generation);
  }
  const bool announced = before != nullptr && before->reason == condition.reason &&
                         before->message == condition.message;
  api::SetCondition(status.conditions, std::move(condition), now);
  api::SetCondition(status.conditions,
                    expired ? Make(kExpired, true, "Expired", "ended at " + until, generation)
                            : Make(kExpired, false, "NotYet", "ends at " + until, generation),
                    now);
  if (active && !was_active) {
    out.events.push_back({false, api::reasons::kOverrideActive, "Release",
                          "\"" + order.spec.reason + "\": " + target +
                              " is given back, and nothing is held before " + until +
                              ". Next: the rules apply again then, or when the override is deleted",
                          ""});
  }
  if (active && soon && !announced) {
    out.events.push_back(
        {true, api::reasons::kOverrideExpiring, "Release", NoticeText(order, now), ""});
  }
  if (expired && was_active) {
    out.events.push_back({false, api::reasons::kOverrideExpired, "Release",
                          "the rules apply to " + target + " again since " + until, ""});
  }
  if (!expired) {
    out.wake_at = active && !soon ? notice_at : expires;
  }
  return out;
}

OverrideController::OverrideController(Caches& caches, kube::ApiClient& client,
                                       kube::EventSink& events, Clock& clock)
    : caches_(caches),
      client_(client),
      clock_(clock),
      applier_(client, events),
      controller_(clock,
                  kube::ControllerOptions{
                      .name = "override", .workers = 1, .slow = Milliseconds{5'000}, .queue = {}},
                  [this](const std::string& key) { return Reconcile(key); }) {
  caches_.overrides.OnChange([this](const kube::Change<api::ReliabilityOverride>& change) {
    controller_.Enqueue(change.key);
  });
  const auto on_workload = [this](const char* kind, const auto& change) {
    if (change.before && change.after) {
      return;  // only that it appears or goes matters
    }
    const api::ObjectMeta& metadata = (change.after ? change.after : change.before)->metadata;
    const std::string key = api::WorkloadKey(
        metadata.namespace_, api::TargetRef{.group = "apps", .kind = kind, .name = metadata.name});
    for (const std::string& order : caches_.overrides_of.Keys(key)) {
      controller_.Enqueue(order);
    }
  };
  caches_.deployments.OnChange([on_workload](const kube::Change<api::Deployment>& change) {
    on_workload("Deployment", change);
  });
  caches_.stateful_sets.OnChange([on_workload](const kube::Change<api::StatefulSet>& change) {
    on_workload("StatefulSet", change);
  });
}

kube::Outcome OverrideController::Reconcile(const std::string& key) {
  if (!caches_.HasSynced()) {
    return kube::RequeueAfter{Milliseconds{500}};
  }
  const auto order = caches_.overrides.Get(key);
  if (!order || order->metadata.deletion_timestamp) {
    return kube::Done{};
  }
  const std::string& ns = order->metadata.namespace_;
  const std::string workload_key = ns + "/" + order->spec.target_ref.name;
  Input target;  // for the events
  target.workload.ns = ns;
  target.workload.kind = order->spec.target_ref.kind;
  target.workload.name = order->spec.target_ref.name;
  if (target.workload.kind == "StatefulSet") {
    const auto object = caches_.stateful_sets.Get(workload_key);
    target.workload.uid = object ? object->metadata.uid : "";
  } else {
    const auto object = caches_.deployments.Get(workload_key);
    target.workload.uid = object ? object->metadata.uid : "";
  }
  const SystemTime now = clock_.SystemNow();
  const OverrideDecision decision = DecideOverride(*order, !target.workload.uid.empty(), now);
  const nlohmann::json before = api::ToJson(order->status);
  const nlohmann::json after = api::ToJson(decision.status);
  if (before != after) {
    const kube::ObjectRef ref{kube::resources::kReliabilityOverrides, ns, order->metadata.name};
    const nlohmann::json body{{"apiVersion", ref.resource.ApiVersion()},
                              {"kind", std::string(ref.resource.kind)},
                              {"metadata",
                               {{"name", ref.name},
                                {"namespace", ns},
                                {"uid", order->metadata.uid},
                                {"resourceVersion", order->metadata.resource_version}}},
                              {"status", after}};
    kube::WriteOptions options;
    options.field_manager = api::kEnforcementManager;
    options.subresource = kube::Subresource::kStatus;
    const auto written = client_.Apply(ref, body.dump(), options);
    if (!written) {
      if (written.error().code == Code::kNotFound) {
        return kube::Done{};
      }
      // A cache that is behind shows the newer version soon: then this key comes again.
      return kube::Retry{written.error()};
    }
    for (const EventDraft& draft : decision.events) {
      applier_.Emit(target, draft);
    }
  }
  if (decision.wake_at) {
    return kube::RequeueAfter{std::max(*decision.wake_at - now, Milliseconds{1'000})};
  }
  return kube::Done{};
}

}  // namespace reliability::controllers::enforcement
