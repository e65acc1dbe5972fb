#include "controllers/agent_policy/gather.h"

#include <algorithm>
#include <utility>

#include "libs/api/governing_policy.h"
#include "libs/api/workload_keys.h"

namespace reliability::controllers::agent_policy {

Caches::Caches(kube::Store<api::AgentReliabilityPolicy>& policy_store,
               kube::Store<api::AgentSlo>& slo_store,
               kube::Store<api::LlmFallbackChain>& chain_store,
               kube::Store<api::Deployment>& deployment_store,
               kube::Store<api::StatefulSet>& stateful_set_store, kube::Store<api::Pod>& pod_store)
    : policies(policy_store),
      slos(slo_store),
      chains(chain_store),
      deployments(deployment_store),
      stateful_sets(stateful_set_store),
      pods(pod_store),
      policies_of(policies, api::PolicyWorkloadKeys),
      slos_of(slos, api::SloWorkloadKeys),
      pods_of(pods, api::PodWorkloadKeys),
      policies_with_chain(policies, [](const api::AgentReliabilityPolicy& policy) {
        const auto& ref = policy.spec.fallback_chain_ref;
        return ref.has_value() ? std::vector{policy.metadata.namespace_ + "/" + ref->name}
                               : std::vector<std::string>();
      }) {}

std::string Caches::WorkloadUid(std::string_view ns, const api::TargetRef& target) const {
  const std::string key = std::string(ns) + "/" + target.name;
  if (target.kind == "Deployment") {
    const auto deployment = deployments.Get(key);
    return deployment == nullptr ? std::string() : deployment->metadata.uid;
  }
  const auto stateful_set = stateful_sets.Get(key);
  return stateful_set == nullptr ? std::string() : stateful_set->metadata.uid;
}

ChainPtr ChainOf(const Caches& caches, const api::AgentReliabilityPolicy& policy) {
  const auto& ref = policy.spec.fallback_chain_ref;
  ChainPtr chain =
      ref.has_value() ? caches.chains.Get(policy.metadata.namespace_ + "/" + ref->name) : nullptr;
  return chain == nullptr || chain->metadata.deletion_timestamp.has_value() ? nullptr : chain;
}

Input Gather(const Caches& caches, const ReportOf& report_of, std::string_view ns,
             const api::TargetRef& target) {
  Input input;
  input.ns = ns;
  input.target = target;
  input.target_uid = caches.WorkloadUid(ns, target);
  const std::string key = api::WorkloadKey(ns, target);
  input.written_minor = caches.written.Get(key);
  for (PolicyPtr& policy : caches.policies_of.Find(key)) {
    if (api::Targets(*policy, target)) {
      if (ChainPtr chain = ChainOf(caches, *policy)) {
        input.chains[chain->metadata.name] = std::move(chain);
      }
      input.policies.push_back(std::move(policy));
    }
  }
  for (SloPtr& slo : caches.slos_of.Find(key)) {
    if (!slo->metadata.deletion_timestamp.has_value() && slo->spec.target_ref == target) {
      input.slos.push_back(std::move(slo));
    }
  }
  for (const auto& pod : caches.pods_of.Find(key)) {
    if (pod->Finished() || pod->Terminating()) {
      continue;
    }
    PodView view;
    view.name = pod->metadata.name;
    view.uid = pod->metadata.uid;
    view.created = pod->metadata.creation_timestamp;
    view.injected = pod->HasContainer(api::kSidecarContainer);
    view.annotation = pod->metadata.annotations.Get(api::kConfigHashAnnotation);
    if (view.injected) {
      view.mounted = pod->mounted;
      view.report = report_of(view.uid);
    }
    input.pods.push_back(std::move(view));
  }
  std::sort(input.pods.begin(), input.pods.end(),
            [](const PodView& a, const PodView& b) { return a.name < b.name; });
  return input;
}

}  // namespace reliability::controllers::agent_policy
