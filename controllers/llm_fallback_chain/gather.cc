#include "controllers/llm_fallback_chain/gather.h"

#include <algorithm>
#include <utility>

namespace reliability::controllers::llm_fallback_chain {
namespace {

SidecarView View(const api::LlmFallbackChain& chain, const agent_policy::PodView& pod,
                 const PodReports& reports) {
  SidecarView view;
  view.pod = pod.name;
  view.uid = pod.uid;
  for (const api::ChainTier& tier : chain.spec.tiers) {
    if (!agent_policy::HasMounts(tier, pod.mounted)) {
      view.outdated.push_back(tier.name);
    }
  }
  const PodReports::Ptr report = reports.Get(pod.uid);
  if (report != nullptr && report->ledger != nullptr) {
    view.heard = true;
    view.epoch = report->ledger->current.epoch;
    const auto& counts = report->ledger->fallback_chain;
    if (counts.has_value() && counts->name == chain.metadata.name) {
      view.counts = counts;
    }
  }
  return view;
}

}  // namespace

Input Gather(const agent_policy::Caches& caches, const PodReports& reports,
             agent_policy::ChainPtr chain) {
  const auto report_of = [&](std::string_view uid) -> std::optional<agent_policy::SidecarReport> {
    const PodReports::Ptr report = reports.Get(uid);
    if (report == nullptr || report->ledger == nullptr) {
      return std::nullopt;
    }
    return agent_policy::SidecarReport{report->ledger->config_hash, report->ledger->config_error,
                                       report->ledger->schema_minor};
  };
  Input input;
  const std::string& ns = chain->metadata.namespace_;
  for (const auto& policy : caches.policies_with_chain.Find(ns + "/" + chain->metadata.name)) {
    if (policy->metadata.deletion_timestamp.has_value()) {
      continue;
    }
    input.policies.push_back(policy);
    for (const api::TargetRef& target : policy->spec.target_refs) {
      const agent_policy::Input workload = agent_policy::Gather(caches, report_of, ns, target);
      const agent_policy::Plan plan = agent_policy::Decide(workload, {});
      if (workload.target_uid.empty() || plan.policy == nullptr ||
          plan.policy->metadata.name != policy->metadata.name) {
        continue;
      }
      Use use{policy, target, plan.coverage.covered.size(), {}};
      for (const agent_policy::PodView& pod : workload.pods) {
        if (pod.injected) {
          use.sidecars.push_back(View(*chain, pod, reports));
        }
      }
      input.uses.push_back(std::move(use));
    }
  }
  std::sort(input.policies.begin(), input.policies.end(),
            [](const auto& a, const auto& b) { return a->metadata.name < b->metadata.name; });
  input.chain = std::move(chain);
  return input;
}

}  // namespace reliability::controllers::llm_fallback_chain
