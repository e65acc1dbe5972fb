#include "controllers/agent_slo/gather.h"

#include <algorithm>
#include <utility>

#include "libs/api/governing_policy.h"
#include "libs/api/names.h"

namespace reliability::controllers::agent_slo {
namespace {

// A read is still fresh this long after two intervals: the scraper's own deadline and jitter.
constexpr Milliseconds kScrapeSlack{3'000};

}  // namespace

bool InCharge(const api::AgentReliabilityPolicy& policy, const api::TargetRef& target) {
  return api::Targets(policy, target) &&
         std::any_of(policy.status.ancestors.begin(), policy.status.ancestors.end(),
                     [&](const api::PolicyAncestor& ancestor) {
                       return ancestor.ancestor_ref == target &&
                              api::IsTrue(ancestor.conditions, "Accepted");
                     });
}

std::shared_ptr<const api::AgentReliabilityPolicy> Caches::PolicyOf(
    std::string_view ns, const api::TargetRef& target) const {
  for (auto& policy : policies_of.Find(api::WorkloadKey(ns, target))) {
    if (InCharge(*policy, target)) {
      return std::move(policy);
    }
  }
  return nullptr;
}

std::string Caches::WorkloadUid(std::string_view ns, const api::TargetRef& target) const {
  const std::string key = std::string(ns) + "/" + target.name;
  if (target.kind == "Deployment") {
    const auto deployment = deployments.Get(key);
    return deployment == nullptr ? std::string() : deployment->metadata.uid;
  }
  const auto stateful_set = stateful_sets.Get(key);
  return stateful_set == nullptr ? std::string() : stateful_set->metadata.uid;
}

std::string Caches::ReactionNameOf(const api::AgentSlo& slo) const {
  if (slo.spec.error_budget_policy_ref) {
    return slo.spec.error_budget_policy_ref->name;
  }
  const auto policy = PolicyOf(slo.metadata.namespace_, slo.spec.target_ref);
  return policy != nullptr && policy->spec.error_budget_policy_ref
             ? policy->spec.error_budget_policy_ref->name
             : std::string();
}

ReactionFacts Caches::ReactionOf(const api::AgentSlo& slo) const {
  ReactionFacts out;
  out.name = ReactionNameOf(slo);
  if (!out.name.empty()) {
    out.policy = reactions.Get(slo.metadata.namespace_ + "/" + out.name);
  }
  return out;
}

Input Gather(const Caches& caches, const PodReports& reports, SloPtr slo, SystemTime now) {
  Input in;
  in.now = now;
  in.interval = EvaluationInterval(slo->spec.window);
  const std::string& ns = slo->metadata.namespace_;
  const api::TargetRef& target = slo->spec.target_ref;
  in.target_exists = !caches.WorkloadUid(ns, target).empty();
  if (const auto policy = caches.PolicyOf(ns, target); policy != nullptr) {
    in.policy =
        PolicyFacts{policy->metadata.name, policy->spec.enforcement == api::Enforcement::kEnforce};
  }
  in.reaction = caches.ReactionOf(*slo);
  for (const auto& pod : caches.pods_of.Find(api::WorkloadKey(ns, target))) {
    if (pod->Finished() || pod->Terminating()) {
      continue;
    }
    ++in.pods.total;
    if (!pod->HasContainer(api::kSidecarContainer)) {
      continue;
    }
    ++in.pods.injected;
    in.pods.ready += pod->Ready() ? 1 : 0;
    const PodReports::Ptr report = reports.Get(pod->metadata.uid);
    if (report == nullptr) {
      continue;
    }
    if (report->ledger != nullptr) {
      in.pods.last_read = std::max(in.pods.last_read.value_or(report->read_at), report->read_at);
    }
    if (report->ledger != nullptr && now - report->read_at <= in.interval * 2 + kScrapeSlack) {
      ++in.pods.covered;
    } else if (in.pods.first_error.empty() && !report->error.empty()) {
      in.pods.first_error = report->name + ": " + report->error;
    }
  }
  in.slo = std::move(slo);
  return in;
}

std::set<std::string, std::less<>> LivePods(const Caches& caches, const api::AgentSlo& slo) {
  std::set<std::string, std::less<>> uids;
  for (const auto& pod :
       caches.pods_of.Find(api::WorkloadKey(slo.metadata.namespace_, slo.spec.target_ref))) {
    uids.insert(pod->metadata.uid);
  }
  return uids;
}

}  // namespace reliability::controllers::agent_slo
