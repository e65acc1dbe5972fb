#include "controllers/enforcement/gather.h"

#include <algorithm>

#include "libs/api/governing_policy.h"
#include "libs/api/workload_keys.h"

namespace reliability::controllers::enforcement {
namespace {

// A sidecar whose ledger could not be read for two intervals does not answer.
constexpr Milliseconds kSilentAfter = std::chrono::seconds{10};

struct OwnerMark {
  bool annotation;
  std::string_view key;
  std::string_view owner;
};
constexpr OwnerMark kOwnerMarks[] = {
    {true, "argocd.argoproj.io/tracking-id", "Argo CD"},
    {false, "argocd.argoproj.io/instance", "Argo CD"},
    {false, "kustomize.toolkit.fluxcd.io/name", "Flux (Kustomization)"},
    {false, "helm.toolkit.fluxcd.io/name", "Flux (HelmRelease)"},
};
constexpr std::string_view kScaledObjectLabel = "scaledobject.keda.sh/name";

template <class T>
void FillWorkload(const std::shared_ptr<const T>& object, WorkloadFacts& facts) {
  if (!object || object->metadata.deletion_timestamp) {
    return;
  }
  facts.exists = true;
  facts.uid = object->metadata.uid;
  facts.replicas = object->spec.replicas;
}

void FillAutoscaler(const Caches& caches, const std::string& key, const api::ObjectMeta* metadata,
                    WorkloadFacts& facts) {
  std::shared_ptr<const api::HorizontalPodAutoscaler> autoscaler;
  for (auto& candidate : caches.autoscalers_of.Find(key)) {
    if (!candidate->metadata.deletion_timestamp &&
        (!autoscaler || candidate->metadata.name < autoscaler->metadata.name)) {
      autoscaler = std::move(candidate);
    }
  }
  if (autoscaler) {
    facts.autoscaler = api::AutoscalerRef{"HorizontalPodAutoscaler", autoscaler->metadata.name,
                                          autoscaler->min_replicas, autoscaler->max_replicas};
  }
  if (metadata != nullptr) {
    facts.owned_by = ReplicaOwner(*metadata, autoscaler.get());
  }
}

void FillSlos(const Caches& caches, const EvidenceBoard& board, const api::Workload& workload,
              const std::string& key, const api::AgentReliabilityPolicy* policy, Input& input) {
  for (const auto& slo : caches.slos_of.Find(key)) {
    if (slo->metadata.deletion_timestamp || slo->spec.target_ref != workload.target) {
      continue;
    }
    const std::optional<api::NameRef>& own = slo->spec.error_budget_policy_ref;
    const std::optional<api::NameRef> ref =
        own || policy == nullptr ? own : policy->spec.error_budget_policy_ref;
    SloFacts facts;
    facts.name = slo->metadata.name;
    facts.uid = slo->metadata.uid;
    if (ref) {
      auto reaction = caches.reactions.Get(workload.ns + "/" + ref->name);
      if (reaction && !reaction->metadata.deletion_timestamp) {
        facts.reaction = std::move(reaction);
      }
    }
    facts.evidence = board.Get(workload.ns + "/" + slo->metadata.name);
    if (facts.evidence && facts.evidence->uid != slo->metadata.uid) {
      facts.evidence = nullptr;  // of a namesake that is gone
    }
    input.slos.push_back(std::move(facts));
  }
  std::sort(input.slos.begin(), input.slos.end(),
            [](const SloFacts& a, const SloFacts& b) { return a.name < b.name; });
}

// The key under which ledgers count the SLO that caused the hold.
std::string CauseKey(const Caches& caches, const Input& input) {
  const std::string& cause = input.status.cause;
  const auto slo = caches.slos.Get(input.workload.ns + "/" + cause.substr(0, cause.rfind('/')));
  return slo ? api::SloKey(*slo) : std::string();
}

void FillPods(const Caches& caches, const PodReports& reports, const std::string& key,
              Input& input) {
  const std::string slo_key = CauseKey(caches, input);
  for (const auto& pod : caches.pods_of.Find(key)) {
    if (pod->Finished()) {
      continue;
    }
    if (!pod->HasContainer(api::kSidecarContainer)) {
      input.workload.pods_without_sidecar += pod->Terminating() ? 0 : 1;
      continue;
    }
    PodFacts facts;
    facts.uid = pod->metadata.uid;
    facts.name = pod->metadata.name;
    facts.ready = pod->Ready();
    facts.terminating = pod->Terminating();
    const PodReports::Ptr report = reports.Get(pod->metadata.uid);
    if (report && report->ledger) {
      facts.covered = !report->final_at &&
                      (!report->failing_since || input.now - *report->failing_since < kSilentAfter);
      facts.leader_epoch = report->ledger->mode_leader_epoch;
      facts.generation = report->ledger->mode_generation;
      for (const auto& epoch : report->Epochs()) {
        const auto counts = epoch.slos.find(slo_key);
        if (counts != epoch.slos.end()) {
          facts.counts.push_back({epoch.epoch, counts->second.good, counts->second.bad});
        }
      }
    }
    input.pods.push_back(std::move(facts));
  }
  std::sort(input.pods.begin(), input.pods.end(),
            [](const PodFacts& a, const PodFacts& b) { return a.name < b.name; });
}

std::optional<ReleaseFacts> FindRelease(const Caches& caches, const std::string& key,
                                        SystemTime now) {
  std::optional<ReleaseFacts> release;
  for (const auto& order : caches.overrides_of.Find(key)) {
    const SystemTime expires = api::EffectiveExpiry(*order);
    if (!order->metadata.deletion_timestamp && expires > now &&
        (!release || expires > release->expires)) {
      release = ReleaseFacts{order->metadata.name, order->spec.reason, expires};
    }
  }
  return release;
}

}  // namespace

Caches::Caches(kube::Store<api::AgentReliabilityPolicy>& policy_store,
               kube::Store<api::AgentSlo>& slo_store,
               kube::Store<api::ErrorBudgetPolicy>& reaction_store,
               kube::Store<api::AgentEnforcement>& enforcement_store,
               kube::Store<api::ReliabilityOverride>& override_store,
               kube::Store<api::Deployment>& deployment_store,
               kube::Store<api::StatefulSet>& stateful_set_store,
               kube::Store<api::HorizontalPodAutoscaler>& autoscaler_store,
               kube::Store<api::Pod>& pod_store)
    : policies(policy_store),
      slos(slo_store),
      reactions(reaction_store),
      enforcements(enforcement_store),
      overrides(override_store),
      deployments(deployment_store),
      stateful_sets(stateful_set_store),
      autoscalers(autoscaler_store),
      pods(pod_store),
      policies_of(policies, api::PolicyWorkloadKeys),
      slos_of(slos, api::SloWorkloadKeys),
      overrides_of(overrides, api::OverrideWorkloadKeys),
      autoscalers_of(autoscalers, api::AutoscalerWorkloadKeys),
      pods_of(pods, api::PodWorkloadKeys) {}

bool Caches::HasSynced() const {
  return policies.HasSynced() && slos.HasSynced() && reactions.HasSynced() &&
         enforcements.HasSynced() && overrides.HasSynced() && deployments.HasSynced() &&
         stateful_sets.HasSynced() && autoscalers.HasSynced() && pods.HasSynced();
}

std::string ReplicaOwner(const api::ObjectMeta& workload,
                         const api::HorizontalPodAutoscaler* autoscaler) {
  if (const api::OwnerReference* owner = workload.Controller()) {
    return owner->kind + " " + owner->name + " (controller of the workload)";
  }
  if (autoscaler != nullptr) {
    const api::OwnerReference* owner = autoscaler->metadata.Controller();
    if (owner != nullptr && owner->kind == "ScaledObject") {
      return "KEDA ScaledObject " + owner->name;
    }
    if (autoscaler->metadata.labels.Has(kScaledObjectLabel)) {
      return "KEDA ScaledObject " +
             std::string(autoscaler->metadata.labels.Get(kScaledObjectLabel));
    }
  }
  for (const OwnerMark& mark : kOwnerMarks) {
    if ((mark.annotation ? workload.annotations : workload.labels).Has(mark.key)) {
      return std::string(mark.owner) + (mark.annotation ? " (annotation " : " (label ") +
             std::string(mark.key) + ")";
    }
  }
  return {};
}

Input Gather(const Caches& caches, const PodReports& reports, const EvidenceBoard& board,
             const api::Workload& workload, const api::AgentEnforcement* object, SystemTime now) {
  const std::string key = api::WorkloadKey(workload.ns, workload.target);
  Input input;
  input.now = now;
  if (object != nullptr) {
    input.status = object->status;
    input.generation = object->metadata.generation;
    input.deleting = object->metadata.deletion_timestamp.has_value();
  }
  input.workload.ns = workload.ns;
  input.workload.kind = workload.target.kind;
  input.workload.name = workload.target.name;
  const std::string store_key = workload.ns + "/" + workload.target.name;
  const api::ObjectMeta* metadata = nullptr;
  std::shared_ptr<const api::Deployment> deployment;
  std::shared_ptr<const api::StatefulSet> stateful_set;
  if (workload.target.kind == "Deployment") {
    deployment = caches.deployments.Get(store_key);
    FillWorkload(deployment, input.workload);
    metadata = deployment ? &deployment->metadata : nullptr;
  } else {
    stateful_set = caches.stateful_sets.Get(store_key);
    FillWorkload(stateful_set, input.workload);
    metadata = stateful_set ? &stateful_set->metadata : nullptr;
  }
  FillAutoscaler(caches, key, metadata, input.workload);
  auto policies = caches.policies_of.Find(key);
  std::erase_if(policies,
                [&](const auto& policy) { return !api::Targets(*policy, workload.target); });
  const auto policy = api::GoverningPolicy(policies);
  if (policy) {
    input.policy =
        PolicyFacts{policy->metadata.name, policy->spec.enforcement == api::Enforcement::kEnforce};
  }
  FillSlos(caches, board, workload, key, policy.get(), input);
  FillPods(caches, reports, key, input);
  input.release = FindRelease(caches, key, now);
  return input;
}

}  // namespace reliability::controllers::enforcement
