// What makes the enforcement controller look at a workload.
#include "controllers/enforcement/reconciler.h"
#include "libs/api/workload_keys.h"

namespace reliability::controllers::enforcement {

void EnforcementController::Watch() {
  const auto newest = [](const auto& change) -> const auto& {
    return change.after ? *change.after : *change.before;
  };
  caches_.policies.OnChange([this](const kube::Change<api::AgentReliabilityPolicy>& change) {
    for (const auto& policy : {change.before, change.after}) {
      if (policy) {
        EnqueueAll(api::PolicyWorkloadKeys(*policy));
      }
    }
  });
  caches_.slos.OnChange([this, newest](const kube::Change<api::AgentSlo>& change) {
    EnqueueAll(api::SloWorkloadKeys(newest(change)));
  });
  caches_.reactions.OnChange([this, newest](const kube::Change<api::ErrorBudgetPolicy>& change) {
    for (const auto& slo : caches_.slos.List()) {
      if (slo->metadata.namespace_ == newest(change).metadata.namespace_) {
        EnqueueAll(api::SloWorkloadKeys(*slo));
      }
    }
  });
  caches_.overrides.OnChange([this, newest](const kube::Change<api::ReliabilityOverride>& change) {
    EnqueueAll(api::OverrideWorkloadKeys(newest(change)));
  });
  caches_.enforcements.OnChange([this, newest](const kube::Change<api::AgentEnforcement>& change) {
    const api::AgentEnforcement& object = newest(change);
    controller_.Enqueue(api::WorkloadKey(object.metadata.namespace_, object.spec.target_ref));
  });
  WatchWorkloads();
  board_.OnPublish([this](const SloEvidence& evidence) { controller_.Enqueue(evidence.workload); });
  reports_.OnReport([this](const PodReport& report) { OnReport(report); });
}

void EnforcementController::WatchWorkloads() {
  const auto on_workload = [this](const char* kind, const auto& change) {
    // Their status changes all the time and does not matter here.
    if (change.before && change.after &&
        change.before->metadata.generation == change.after->metadata.generation &&
        change.before->metadata.uid == change.after->metadata.uid) {
      return;
    }
    const auto& object = change.after ? change.after : change.before;
    const std::string key = api::WorkloadKey(
        object->metadata.namespace_,
        api::TargetRef{.group = "apps", .kind = kind, .name = object->metadata.name});
    if (caches_.policies_of.Has(key)) {
      controller_.Enqueue(key);
    }
  };
  caches_.deployments.OnChange([on_workload](const kube::Change<api::Deployment>& change) {
    on_workload("Deployment", change);
  });
  caches_.stateful_sets.OnChange([on_workload](const kube::Change<api::StatefulSet>& change) {
    on_workload("StatefulSet", change);
  });
}

void EnforcementController::EnqueueAll(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    controller_.Enqueue(key);
  }
}

void EnforcementController::OnReport(const PodReport& report) {
  std::string key;
  {
    const MutexLock lock(mutex_);
    const auto it = held_pods_.find(report.uid);
    if (it == held_pods_.end()) {
      return;
    }
    key = it->second;
  }
  controller_.Enqueue(key);
}

}  // namespace reliability::controllers::enforcement
